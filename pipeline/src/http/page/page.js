// The live page: what can be seen and pressed.
import { Conversation } from "./conversation.js";
import { watch } from "./watch.js";

/** The lines of the transcript that are kept. */
const LINES = 50;

const $ = (id) => document.getElementById(id);
const lines = new Map();
let conversation;
let received = 0;
let interrupted = 0;

/** The line of an item; a new one, if there is none. */
function line(item, kind, who) {
  const known = lines.get(item);
  if (known) return known;
  const parts = ["who", "text", "mark"].map((name) => {
    const part = document.createElement("span");
    part.className = name;
    return part;
  });
  parts[0].textContent = who;
  const paragraph = document.createElement("p");
  paragraph.className = kind;
  paragraph.append(...parts);
  $("said").append(paragraph);
  const made = { paragraph, text: parts[1], mark: parts[2] };
  lines.set(item, made);
  for (const [oldest, { paragraph }] of lines) {
    if (lines.size <= LINES) break;
    paragraph.remove();
    lines.delete(oldest);
  }
  return made;
}

const answer = (item) => line(item, "answer", "Service: ");

const page = {
  state(state) {
    $("state").textContent = state;
    $("connect").textContent = state === "not connected" ? "Connect" : "Disconnect";
    $("microphone").disabled = $("say").disabled = ["not connected", "connecting"].includes(state);
  },
  deaf() { $("microphone").setAttribute("aria-pressed", "false"); },
  over() {
    conversation = undefined;
    page.state("not connected");
  },
  note(text) { line(Symbol("note"), "note", "").text.textContent = text; },
  user(item, text) { line(item, "user", "You: ").text.textContent = text; },
  answer(item, delta) {
    const { paragraph, text } = answer(item);
    // It is read out when it is whole, not word by word.
    paragraph.setAttribute("aria-busy", "true");
    text.textContent += delta;
  },
  rewrite(item, text) { answer(item).text.textContent = text || "…"; },
  whole(item) { answer(item).paragraph.removeAttribute("aria-busy"); },
  /** An answer was interrupted. The service has acknowledged it when it is known what was heard. */
  cut(item, millis) {
    const { paragraph, mark } = answer(item);
    if (!paragraph.classList.contains("cut")) $("interrupted").textContent = ++interrupted;
    paragraph.classList.add("cut");
    if (millis !== undefined) mark.textContent = ` (interrupted after ${(millis / 1000).toFixed(1)} s)`;
    mark.textContent ||= " (interrupted)";
  },
  received(bytes) { $("received").textContent = received += bytes; },
  played(seconds) { $("played").textContent = seconds.toFixed(1); },
};

$("connect").addEventListener("click", () => {
  if (conversation) return conversation.end();
  conversation = new Conversation(page);
  page.state("connecting");
  received = 0;
  page.received(0);
  page.played(0);
  conversation.start($("key").value);
});
$("microphone").addEventListener("click", async () => {
  const asked = conversation;
  if ($("microphone").getAttribute("aria-pressed") === "true") return asked.deafen();
  try {
    if (await asked.listen($("cleaned").checked)) $("microphone").setAttribute("aria-pressed", "true");
  } catch (error) {
    page.note(`no microphone: ${error.message}`);
  }
});
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text || !conversation) return;
  if (hearsTones) conversation.say(text);
  else conversation.ask(text);
  $("text").value = "";
});

let hearsTones = true;
function engines({ engines, speech_to_text: listens }) {
  hearsTones = listens === "tones";
  $("engines").textContent = engines;
  $("typed").textContent = hearsTones ? "What is typed is sent as audio tones, and heard like speech." : "What is typed is sent as text.";
}

// A page that is left may be kept, and come back.
let watching;
function open() {
  watching = new AbortController();
  watch(() => $("key").value, engines, watching.signal);
}
addEventListener("pagehide", () => {
  watching.abort();
  conversation?.end();
});
addEventListener("pageshow", ({ persisted }) => { if (persisted) open(); });
open();
