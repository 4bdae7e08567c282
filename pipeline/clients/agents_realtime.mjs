// The client of the package `@openai/agents-realtime`, unmodified, against a running pipeline.
//
// usage: node agents_realtime.mjs ws://127.0.0.1:8300/v1/realtime KEY

import assert from "node:assert/strict";
import { RealtimeAgent, RealtimeSession } from "@openai/agents-realtime";
import { RATE, encode } from "./tones.mjs";

const [url, apiKey] = process.argv.slice(2);
const agent = new RealtimeAgent({ name: "Assistant", instructions: "Be brief." });
const session = new RealtimeSession(agent, { transport: "websocket", model: "unleak-pipeline" });

const seen = [];
let bytes = 0;
let interruptions = 0;
session.transport.on("*", (event) => seen.push(event.type));
session.on("audio", (event) => { bytes += event.data.byteLength; });
session.on("audio_interrupted", () => { interruptions += 1; });
const failed = new Promise((_, reject) => session.on("error", (event) => reject(new Error(JSON.stringify(event)))));

/** Waits until `what` holds, or fails with the session. */
async function until(name, what) {
  const start = Date.now();
  while (!what()) {
    assert.ok(Date.now() - start < 30_000, `not in time: ${name}; seen ${seen.join(" ")}`);
    await Promise.race([failed, new Promise((resolve) => setTimeout(resolve, 20))]);
  }
}

function say(text) {
  for (const samples of [encode(text), new Int16Array(RATE)]) session.sendAudio(samples.buffer);
}

/** What the history holds of one side. */
function said(role) {
  const items = session.history.filter((item) => item.type === "message" && item.role === role);
  return items.map((item) => item.content.map((part) => part.transcript ?? part.text ?? "").join(""));
}

await Promise.race([failed, session.connect({ apiKey, url })]);
await until("the session is updated", () => seen.includes("session.updated"));

say("Hello. How are you?");
await until("the answer is whole", () => seen.includes("response.done"));
assert.ok(said("user").includes("Hello. How are you?"), JSON.stringify(session.history));
assert.ok(said("assistant").includes("You said: Hello. How are you?"), JSON.stringify(session.history));
assert.ok(bytes > RATE, `${bytes} bytes of audio`);
console.log("agents, spoken turn: ok");

seen.length = 0;
bytes = 0;
session.sendMessage("Count to 900.");
await until("some audio", () => bytes > 0);
await new Promise((resolve) => setTimeout(resolve, 500));
say("Stop");
await until("an interruption", () => interruptions > 0);
await until("both answers are over", () => seen.filter((type) => type === "response.done").length === 2);
await until("the answer to it", () => said("assistant").includes("You said: Stop"));
assert.ok(seen.includes("conversation.item.truncated"), seen.join(" "));
console.log("agents, barge-in: ok");

session.close();
process.exit(0);
