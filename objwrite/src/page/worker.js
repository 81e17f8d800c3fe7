// Runs a module in a worker: the functions of its host (WASI preview 1, as far as the runtime calls them), and
// messages to the page.
//
// The page sends one message: the module's bytes, what there is of standard input, whether the program can wait, and
// whether the page is asked for more input.
// It gets
//   { fd, bytes }            what the program wrote
//   { ask: true }            the program waits for input; the page answers with bytes, or null for the end
//   { status }               the program has ended
//   { failure: text }        the engine has ended the program
//
// A worker that runs a program hears nothing until that has ended. So the program can wait for an answer only where
// the engine can leave WebAssembly in the middle and come back (JavaScript Promise Integration): nothing else that
// blocks works on pages from files. Where it cannot, the input ends with what was given, and the stack is smaller: a
// program that waits has one of its own, as large as the runtime takes V8's to be, which says where it overflowed.
"use strict";

const SUCCESS = 0;
const BAD_DESCRIPTOR = 8;

// A message for each write would drown the page. Writes are sent at once while there are not many; a program that
// writes more than this many times in a burst, or more than so many a second, has its output collected.
const BURST = 500;
const SENDS_PER_MS = 0.5;
const MOST_COLLECTED = 1 << 16;

// How a program ends.
class Exit {
  constructor(status) {
    this.status = status;
  }
}

// What is left of standard input, and whether it goes on when that is read.
let input = new Uint8Array(0);
let asks = false;
// Takes the page's answer.
let answered = null;

let memory = null;
const view = () => new DataView(memory.buffer);

const output = {
  fd: 1,
  parts: [],
  size: 0,
  sends: BURST,
  time: performance.now(),

  write(fd, bytes) {
    if (fd !== this.fd || this.size > MOST_COLLECTED) this.send();
    this.fd = fd;
    this.parts.push(bytes);
    this.size += bytes.length;
    const now = performance.now();
    this.sends = Math.min(BURST, this.sends + (now - this.time) * SENDS_PER_MS);
    this.time = now;
    if (this.sends >= 1) this.send();
  },

  send() {
    if (this.size === 0) return;
    const bytes = new Uint8Array(this.size);
    let at = 0;
    for (const part of this.parts) {
      bytes.set(part, at);
      at += part.length;
    }
    this.parts = [];
    this.size = 0;
    this.sends -= 1;
    postMessage({ fd: this.fd, bytes }, [bytes.buffer]);
  },
};

// The areas of fd_read and fd_write: as many pairs of address and size.
function areas(at, count) {
  const words = view();
  return Array.from({ length: count }, (_, i) => {
    const [start, size] = [words.getUint32(at + 8 * i, true), words.getUint32(at + 8 * i + 4, true)];
    return new Uint8Array(memory.buffer, start, size);
  });
}

// Copies what there is of the input.
function give(at, count, done) {
  let size = 0;
  for (const area of areas(at, count)) {
    const part = input.subarray(0, area.length);
    area.set(part);
    input = input.subarray(part.length);
    size += part.length;
  }
  view().setUint32(done, size, true);
  return SUCCESS;
}

// Waits for the page's answer.
async function ask() {
  output.send();
  const answer = new Promise((resolve) => (answered = resolve));
  postMessage({ ask: true });
  const bytes = await answer;
  // Who has ended the input is not asked again.
  asks = bytes !== null;
  input = bytes ?? input;
}

function read(fd, at, count, done) {
  if (fd !== 0) return BAD_DESCRIPTOR;
  if (input.length > 0 || !asks) return give(at, count, done);
  return ask().then(() => give(at, count, done));
}

// There are no arguments and no environment: their number, and the size of their text.
function none(count, size) {
  view().setUint32(count, 0, true);
  view().setUint32(size, 0, true);
  return SUCCESS;
}

const host = {
  args_get: () => SUCCESS,
  args_sizes_get: none,
  environ_get: () => SUCCESS,
  environ_sizes_get: none,

  // Nanoseconds: since 1970, or of a clock that only goes forward.
  clock_time_get(clock, _precision, at) {
    const ms = clock === 0 ? performance.timeOrigin + performance.now() : performance.now();
    view().setBigUint64(at, BigInt(Math.round(ms * 1000)) * 1000n, true);
    return SUCCESS;
  },

  // A terminal: a character device without the rights to seek. So lines are written as they are printed.
  fd_fdstat_get(fd, at) {
    if (fd > 2) return BAD_DESCRIPTOR;
    new Uint8Array(memory.buffer, at, 24).fill(0);
    view().setUint8(at, 2);
    return SUCCESS;
  },

  fd_read: read,

  fd_write(fd, at, count, done) {
    if (fd !== 1 && fd !== 2) return BAD_DESCRIPTOR;
    let size = 0;
    for (const area of areas(at, count)) {
      output.write(fd, area.slice());
      size += area.length;
    }
    view().setUint32(done, size, true);
    return SUCCESS;
  },

  // Nothing here has to be waited for: a read waits itself, and a write never does.
  poll_oneoff: () => SUCCESS,

  proc_exit(status) {
    throw new Exit(status);
  },

  random_get(at, size) {
    // So many bytes are given at once at most.
    const most = 1 << 16;
    for (let done = 0; done < size; done += most) {
      crypto.getRandomValues(new Uint8Array(memory.buffer, at + done, Math.min(most, size - done)));
    }
    return SUCCESS;
  },
};

// Runs a module to its end; gives its status.
async function run(module, waits) {
  const functions = waits ? { ...host, fd_read: new WebAssembly.Suspending(read) } : host;
  const { instance } = await WebAssembly.instantiate(module, { wasi_snapshot_preview1: functions });
  memory = instance.exports.memory;
  const start = instance.exports._start;
  try {
    await (waits ? WebAssembly.promising(start)() : start());
  } catch (end) {
    if (end instanceof Exit) return end.status;
    throw end;
  }
  return 0;
}

onmessage = async ({ data }) => {
  if (answered !== null) {
    answered(data);
    return;
  }
  ({ input, asks } = data);
  answered = () => {};
  let end;
  try {
    end = { status: await run(data.module, data.waits) };
  } catch (error) {
    end = { failure: String(error) };
  }
  output.send();
  postMessage(end);
};
