// Runs the program of the page in a worker, and shows what it writes.
"use strict";

// Output is shown up to so many bytes; older parts make room for newer ones, as in a terminal.
const MOST_SHOWN = 1 << 20;
// It is in pieces of whole lines of about this size: the browser lays out only those that are seen.
const PIECE = 1 << 13;
// A line that is longer than this is in several pieces.
const LONG = 1 << 16;
// Showing takes at most one part in so many of the time, and waits for at least so many milliseconds.
const SHARE = 5;
const PAUSE = 16;

const element = (id) => document.getElementById(id);
const [runs, stops, status, note] = ["run", "stop", "status", "note"].map(element);
const [given, log, question, line] = ["input", "output", "question", "line"].map(element);
const [form, ends] = ["ask", "end"].map(element);

const bytes = (text) => new TextEncoder().encode(text);
const module = Uint8Array.from(atob(element("module").textContent.trim()), (c) => c.charCodeAt(0));
const script = URL.createObjectURL(new Blob([element("worker").textContent], { type: "text/javascript" }));

// A program can wait for lines where the engine lets it; worker.js says how.
const canWait = () => "Suspending" in WebAssembly;

// The worker of the program that runs.
let worker = null;
let started = 0;

const output = {
  // What came and is not shown yet: pieces of one descriptor each.
  waiting: [],
  waitingSize: 0,
  // The pieces, with their sizes in bytes.
  shown: [],
  shownSize: 0,
  // How much of it may stay.
  kept: MOST_SHOWN,
  dropped: 0,
  decoders: [],
  timer: 0,
  pause: PAUSE,

  clear() {
    const empty = { waiting: [], waitingSize: 0, shown: [], shownSize: 0 };
    Object.assign(this, empty, { kept: MOST_SHOWN, dropped: 0 });
    this.decoders = [1, 2].map(() => new TextDecoder());
    log.replaceChildren();
    note.hidden = true;
  },

  add(fd, bytes) {
    for (let at = 0; at < bytes.length; at += LONG) {
      this.waiting.push({ fd, bytes: bytes.subarray(at, at + LONG) });
    }
    this.waitingSize += bytes.length;
    // What nobody will see need not be decoded. What is shown is older still.
    while (this.waitingSize > MOST_SHOWN) {
      const { length } = this.waiting.shift().bytes;
      this.waitingSize -= length;
      this.dropped += length;
      this.decoders = [1, 2].map(() => new TextDecoder());
      this.kept = 0;
    }
    this.timer ||= setTimeout(() => this.show(), this.pause);
  },

  show() {
    clearTimeout(this.timer);
    this.timer = 0;
    const began = performance.now();
    this.shorten(this.kept);
    for (const { fd, bytes } of this.waiting) this.append(fd, bytes);
    Object.assign(this, { waiting: [], waitingSize: 0, kept: MOST_SHOWN });
    this.shorten(this.kept);
    if (this.dropped > 0) {
      note.textContent = `The first ${this.dropped.toLocaleString("en")} bytes of output are no longer shown.`;
      note.hidden = false;
    }
    // Asking for a size makes the browser lay out what is new.
    log.getBoundingClientRect();
    this.pause = Math.max(PAUSE, (performance.now() - began) * (SHARE - 1));
  },

  // Removes the oldest pieces until so many bytes are left.
  shorten(most) {
    while (this.shownSize > most) {
      const { piece, size } = this.shown.shift();
      piece.remove();
      this.shownSize -= size;
      this.dropped += size;
    }
  },

  append(fd, bytes) {
    const text = this.decoders[fd - 1].decode(bytes, { stream: true });
    let last = this.shown.at(-1);
    if (!last || last.size > (last.complete ? PIECE : LONG)) {
      last = { piece: document.createElement("div"), size: 0 };
      log.append(last.piece);
      this.shown.push(last);
    }
    if (last.fd !== fd) {
      last.part = document.createElement("span");
      if (fd === 2) last.part.className = "error";
      last.piece.append(last.part);
      last.fd = fd;
    }
    last.part.append(text);
    last.complete = text.endsWith("\n");
    last.size += bytes.length;
    this.shownSize += bytes.length;
  },
};

// Says what the program does; `state` is for the style.
function say(text, state) {
  status.textContent = text;
  status.className = state;
}

function end(text, state) {
  // What is on its way from it is not heard any more.
  worker.onmessage = null;
  worker.terminate();
  worker = null;
  output.show();
  const seconds = ((performance.now() - started) / 1000).toFixed(2);
  say(`${text} after ${seconds} s`, state);
  runs.textContent = "Run again";
  runs.disabled = false;
  // Who works without a mouse stays at the button that is next.
  if (form.contains(document.activeElement) || document.activeElement === stops) runs.focus();
  form.hidden = true;
  stops.disabled = true;
}

function ended({ data }) {
  if (data.bytes) {
    output.add(data.fd, data.bytes);
  } else if (data.ask) {
    output.show();
    say("Waiting for input", "running");
    form.hidden = false;
    line.focus();
  } else if (data.failure) {
    output.add(2, bytes(`${data.failure}\n`));
    end("Ended by the browser", "failed");
  } else {
    end(`Ended with status ${data.status}`, data.status === 0 ? "done" : "failed");
  }
}

function start() {
  output.clear();
  const input = bytes(given.value);
  worker = new Worker(script);
  worker.onmessage = ended;
  worker.onerror = (error) => ended({ data: { failure: error.message || "The worker cannot run" } });
  worker.postMessage({ module, input, waits: canWait(), asks: canWait() && input.length === 0 });
  started = performance.now();
  say("Running", "running");
  stops.disabled = false;
  if (document.activeElement === runs) stops.focus();
  runs.disabled = true;
}

// Gives a line that was asked for, or null for the end of the input.
function answer(text) {
  stops.focus();
  form.hidden = true;
  say("Running", "running");
  if (text !== null) output.add(1, bytes(text));
  worker.postMessage(text === null ? null : bytes(text));
  line.value = "";
}

runs.onclick = start;
stops.onclick = () => end("Stopped", "failed");
ends.onclick = () => answer(null);
form.onsubmit = (event) => {
  event.preventDefault();
  answer(`${line.value}\n`);
};
element("hint").textContent = canWait()
  ? "All that the program can read. When it is empty, the page asks for each line."
  : "All that the program can read; this browser cannot ask for more while it runs.";
say("Ready", "");
