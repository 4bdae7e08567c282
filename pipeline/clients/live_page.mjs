// A headless Chromium on the live page of a running pipeline: it speaks through a microphone that is a file.
//
// usage: node live_page.mjs http://127.0.0.1:8300/ CHROMIUM
// The pipeline should say few words in a second, so that there is an answer to interrupt.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { RATE, encode } from "./tones.mjs";

const [url, executablePath] = process.argv.slice(2);
const QUESTION = "Count to 60.";
const INTERRUPTION = "Stop";
/** How long the user is silent before the interruption, in seconds. */
const PATIENCE = 8;
const LIMIT = 60_000;

function wav(...parts) {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + 2 * length, 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(RATE, 24);
  head.writeUInt32LE(2 * RATE, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36);
  head.writeUInt32LE(2 * length, 40);
  return Buffer.concat([head, ...parts.map((part) => Buffer.from(part.buffer))]);
}

const silence = (seconds) => new Int16Array(seconds * RATE);

const folder = await mkdtemp(join(tmpdir(), "live-page-"));
const file = join(folder, "microphone.wav");
await writeFile(file, wav(silence(1), encode(QUESTION), silence(PATIENCE), encode(INTERRUPTION), silence(2)));

const browser = await chromium.launch({
  executablePath,
  headless: true,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    `--use-file-for-fake-audio-capture=${file}%noloop`,
  ],
});
try {
  await talk(await browser.newPage());
} finally {
  await browser.close();
  await rm(folder, { recursive: true });
}

async function talk(page) {
  page.setDefaultTimeout(LIMIT);
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(error.stack));
  page.on("console", (message) => { if (message.type() === "error") wrong.push(message.text()); });
  const sent = [];
  const told = [];
  page.on("websocket", (socket) => {
    socket.on("framesent", ({ payload }) => sent.push(JSON.parse(payload)));
    socket.on("framereceived", ({ payload }) => told.push(JSON.parse(payload)));
  });
  const of = (events, type) => events.filter((event) => event.type === type);
  const line = (kind, text) => page.locator(`#said .${kind}`, { hasText: text });
  const gauge = (name, value) => page.locator("#gauges tr", { hasText: new RegExp(`^${name}${value}$`) }).waitFor();
  const task = (name) => page.locator("#tasks tr", { hasText: name });
  const number = async (id) => Number(await page.locator(`#${id}`).textContent());

  async function say(text) {
    await page.getByLabel("What to say").fill(text);
    await page.getByRole("button", { name: "Say" }).click();
  }

  async function disconnect() {
    await page.getByRole("button", { name: "Disconnect" }).click();
    await gauge("sessions", 0);
    await task("conversation").waitFor({ state: "detached" });
    assert.equal(await page.locator("#state").textContent(), "not connected");
  }

  await page.goto(url);
  await gauge("sessions", 0);
  await page.locator("#memory tr", { hasText: "VmRSS" }).waitFor();
  await page.getByLabel("Cancel echo and noise").uncheck();
  await page.getByRole("button", { name: "Connect" }).click();
  await page.getByText("listening", { exact: true }).waitFor();
  await gauge("sessions", 1);
  await task("conversation").waitFor();

  await page.getByRole("button", { name: "Microphone" }).click();
  await line("user", QUESTION).waitFor();
  await page.locator("#queues tr", { hasText: "speech" }).waitFor();
  await page.waitForFunction(() => Number(document.getElementById("played").textContent) > 1);
  const received = await number("received");
  assert.ok(received > RATE, `${received} bytes of audio`);
  console.log("live page, spoken turn: ok");

  await line("cut", "interrupted after").waitFor();
  const item = of(told, "conversation.item.truncated")[0].item_id;
  const [truncation] = of(sent, "conversation.item.truncate");
  const [acknowledged] = of(told, "conversation.item.truncated");
  const [cancelled] = of(told, "response.done").map(({ response }) => response);
  const millis = (of) => Buffer.from(of.delta, "base64").length / 2 / RATE * 1000;
  const made = (wanted) => of(told, "response.output_audio.delta").filter(wanted).map(millis).reduce((a, b) => a + b, 0);
  assert.deepEqual([cancelled.status, cancelled.status_details.reason], ["cancelled", "turn_detected"]);
  assert.equal(cancelled.output[0].id, item);
  assert.deepEqual([truncation.item_id, truncation.audio_end_ms], [item, acknowledged.audio_end_ms]);
  const heard = truncation.audio_end_ms;
  const whole = made((event) => event.item_id === item);
  assert.ok(heard > 1000 && heard < whole, `${heard} ms heard of ${whole} ms`);
  await line("user", INTERRUPTION).waitFor();
  await line("answer", `You said: ${INTERRUPTION}`).waitFor();
  const text = await line("cut", "This is sentence number 1.").textContent();
  assert.ok(!text.includes("number 60"), text);
  assert.equal(await page.locator("#said .cut").count(), 1, "only the first answer was interrupted");
  assert.equal(await number("interrupted"), 1);
  // What was interrupted is silent at once, and the answer to the interruption is played to its end.
  while (of(told, "response.done").length < 2) await page.waitForTimeout(50);
  const expected = (heard + made((event) => event.item_id !== item)) / 1000;
  await page.waitForFunction((all) => Number(document.getElementById("played").textContent) > all, expected - 0.1);
  await page.waitForTimeout(1000);
  const played = await number("played");
  assert.ok(played < expected + 0.3, `${played} s played, not ${expected} s`);
  console.log(`live page, barge-in after ${heard} ms: ok`);

  await disconnect();
  // What a conversation leaves behind would be there once for each.
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable");
  const left = async () => {
    await devtools.send("HeapProfiler.collectGarbage");
    const { metrics } = await devtools.send("Performance.getMetrics");
    return ["AudioHandlers", "JSEventListeners"].map((name) => metrics.find((metric) => metric.name === name).value);
  };
  const [, listeners] = await left();
  for (let round = 1; round <= 3; round++) {
    // The answer is made long before it is played: what is interrupted then is over for the service, and not for the ear.
    const long = `Round${round}${"-and-on".repeat(20)}`;
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByText("listening", { exact: true }).waitFor();
    told.length = 0;
    await say(long);
    while (of(told, "response.done").length < 1) await page.waitForTimeout(50);
    await say(`Stop ${round}`);
    await page.locator("#said .cut .mark", { hasText: "interrupted after" }).nth(round).waitFor();
    await line("answer", `You said: Stop ${round}`).waitFor();
    assert.equal(await number("interrupted"), 1 + round);
    await page.getByRole("button", { name: "Microphone" }).click();
    await page.getByRole("button", { name: "Microphone", pressed: true }).waitFor();
    await disconnect();
  }
  const start = Date.now();
  for (let [audio, now] = await left(); audio > 0 || now > listeners; [audio, now] = await left()) {
    assert.ok(Date.now() - start < LIMIT / 4, `left: ${audio} audio nodes, ${now - listeners} more listeners`);
    await page.waitForTimeout(200);
  }
  assert.deepEqual(wrong, []);
  console.log("live page, typed words, nothing left after disconnect: ok");
}
