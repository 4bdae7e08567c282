// A conversation over the Realtime protocol: the microphone, the socket and the loudspeaker.
import { RATE, encode } from "./tones.mjs";

/** The bytes that may wait for the network. */
const WAITING = 4 * 1024 * 1024;
/** How long a processor has to end, in milliseconds. */
const FAREWELL = 500;
/** The samples of one message. */
const PIECE = RATE / 5;

/** One connection, and all that belongs to it: when it is over, for whatever reason, nothing of it is left. */
export class Conversation {
  #over = new AbortController();
  #page;
  #context = new AudioContext();
  #player;
  #socket;
  #microphone;
  /** Nodes that are on their way out. */
  #leaving = Promise.resolve();
  /** The item of the answer that is being given. */
  #answer;

  /** `page` is told what happens: see page.js. */
  constructor(page) {
    this.#page = page;
  }

  async start(key) {
    const { signal } = this.#over;
    try {
      if (!isSecureContext) throw new Error("sound needs a page over https, or from this machine");
      await this.#context.audioWorklet.addModule("worklet.js");
      if (signal.aborted) return;
      this.#player = new AudioWorkletNode(this.#context, "player", { numberOfInputs: 0, outputChannelCount: [1] });
      this.#player.port.onmessage = ({ data }) => this.#heard(data);
      this.#player.connect(this.#context.destination);
      // It waits for a sound card, which may never come.
      this.#context.resume().catch(() => {});
      const protocols = key ? ["realtime", `openai-insecure-api-key.${key}`] : ["realtime"];
      this.#socket = new WebSocket(new URL("/v1/realtime", location.href.replace(/^http/, "ws")), protocols);
    } catch (error) {
      // The browser's own words for this would show the key.
      const why = error.name === "SyntaxError" ? "a browser cannot send this key" : error.message;
      if (!signal.aborted) this.#page.note(why);
      return this.end();
    }
    this.#socket.addEventListener("open", () => this.#page.state("listening"), { signal });
    this.#socket.addEventListener("message", ({ data }) => this.#take(JSON.parse(data)), { signal });
    this.#socket.addEventListener("error", () => this.#page.note("the connection failed"), { signal });
    this.#socket.addEventListener("close", () => this.end(), { signal });
  }

  end() {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    this.deafen();
    if (this.#player) this.#release(this.#player);
    this.#socket?.close();
    this.#leaving.then(() => this.#context.close());
    this.#page.over();
  }

  /** Opens the microphone. Tells whether it is open. */
  async listen(cleaned) {
    const { signal } = this.#over;
    const audio = { channelCount: 1, echoCancellation: cleaned, noiseSuppression: cleaned, autoGainControl: cleaned };
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    if (signal.aborted || this.#microphone) {
      stream.getTracks().forEach((track) => track.stop());
      return !signal.aborted;
    }
    const source = this.#context.createMediaStreamSource(stream);
    const options = { channelCount: 1, channelCountMode: "explicit", outputChannelCount: [1] };
    const recorder = new AudioWorkletNode(this.#context, "recorder", options);
    recorder.port.onmessage = ({ data }) => this.#speak(data);
    // What is not connected to the end is not run. The recorder puts out silence.
    source.connect(recorder).connect(this.#context.destination);
    this.#microphone = { stream, source, recorder };
    stream.getAudioTracks()[0].onended = () => this.deafen();
    return true;
  }

  /** Closes the microphone, if it is open. */
  deafen() {
    if (!this.#microphone) return;
    const { stream, source, recorder } = this.#microphone;
    this.#microphone = undefined;
    for (const track of stream.getTracks()) {
      track.onended = null;
      track.stop();
    }
    source.disconnect();
    this.#release(recorder);
    this.#page.deaf();
  }

  #release(node) {
    this.#leaving = Promise.all([this.#leaving, ended(node)]);
  }

  /** Asks by `text` alone, for a service that understands voices. What is being answered is interrupted. */
  ask(text) {
    this.#player.port.postMessage({ stop: this.#answer ?? null });
    if (this.#answer) this.#send({ type: "response.cancel" });
    const content = [{ type: "input_text", text }];
    this.#page.user(Symbol("typed"), text);
    this.#send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
    this.#send({ type: "response.create" });
  }

  /** Says `text` in tones, and then is silent. */
  say(text) {
    for (const samples of [encode(text), new Int16Array(RATE)]) {
      for (let at = 0; at < samples.length; at += PIECE) this.#speak(samples.slice(at, at + PIECE));
    }
  }

  #speak(samples) {
    const bytes = new Uint8Array(samples.buffer);
    this.#send({ type: "input_audio_buffer.append", audio: btoa(String.fromCharCode(...bytes)) });
  }

  #send(event) {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    if (this.#socket.bufferedAmount < WAITING) return this.#socket.send(JSON.stringify(event));
    this.#page.note("the service does not take what is sent");
    this.end();
  }

  /** What the player tells. */
  #heard({ played, cut, seconds, full }) {
    if (full) this.#page.note("the answer is too long to be played");
    if (played !== undefined) this.#page.played(played);
    if (cut === undefined) return;
    // What the sound card still holds has not been heard.
    const millis = Math.floor(1000 * Math.max(0, seconds - (this.#context.outputLatency || 0)));
    this.#page.cut(cut);
    this.#send({ type: "conversation.item.truncate", item_id: cut, content_index: 0, audio_end_ms: millis });
  }

  /** What the service tells. */
  #take(event) {
    const item = event.item_id;
    switch (event.type) {
      case "input_audio_buffer.speech_started":
        this.#player.port.postMessage({ stop: this.#answer ?? null });
        return this.#page.state("hearing");
      case "input_audio_buffer.speech_stopped":
        return this.#page.state("thinking");
      case "input_audio_buffer.committed":
        return this.#page.user(item, "…");
      case "conversation.item.input_audio_transcription.completed":
        return this.#page.user(item, event.transcript || "(nothing understood)");
      case "conversation.item.input_audio_transcription.failed":
        return this.#page.user(item, `(not understood: ${event.error.message})`);
      case "response.output_item.added":
        this.#answer = event.item.id;
        return;
      case "response.output_audio_transcript.delta":
        return this.#page.answer(item, event.delta);
      case "response.output_audio.delta": {
        const bytes = Uint8Array.from(atob(event.delta), (byte) => byte.charCodeAt(0));
        const samples = new Int16Array(bytes.buffer);
        this.#page.state("speaking");
        this.#page.received(bytes.length);
        return this.#player.port.postMessage({ item, samples }, [samples.buffer]);
      }
      case "response.done":
        return this.#done(event.response);
      case "conversation.item.truncated":
        this.#page.cut(item, event.audio_end_ms);
        // Its text is now what was heard of it.
        return this.#send({ type: "conversation.item.retrieve", item_id: item });
      case "conversation.item.retrieved":
        return this.#page.rewrite(event.item.id, event.item.content[0].transcript);
      case "error":
        return this.#page.note(event.error.message);
    }
  }

  #done({ status, status_details: details, output }) {
    this.#answer = undefined;
    this.#page.state("listening");
    for (const { id } of output) {
      this.#page.whole(id);
      if (status === "cancelled") this.#page.cut(id);
    }
    if (status === "failed") this.#page.note(`the answer failed: ${details.error.message}`);
  }
}

/**
 * Ends the processor of a node, and takes the node out of the graph. A node whose processor is still at work when its
 * context is closed stays in memory, and the context with it.
 */
async function ended(node) {
  await new Promise((resolve) => {
    // Without a sound card the processor is not run, and does not answer.
    const timer = setTimeout(resolve, FAREWELL);
    node.port.onmessage = ({ data }) => {
      if (!data.ended) return;
      clearTimeout(timer);
      resolve();
    };
    node.port.postMessage({ end: true });
  });
  node.port.onmessage = null;
  node.port.close();
  node.disconnect();
}
