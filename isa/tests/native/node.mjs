// Makes the runs of a module (see wasm.rs) in Node.js: node.mjs MODULE RUNS. Prints a line a run:
// `returned WORD`, or `trap` and what the engine says.
import { readFileSync } from "node:fs";

const [file, runs] = process.argv.slice(2);
const module = new WebAssembly.Module(readFileSync(file));

function outcome(run) {
  let memory;
  let result = 0n;
  const record = (list) => new DataView(memory.buffer, new DataView(memory.buffer).getUint32(list, true));
  const host = {
    fd_read: (_, list) => (record(list).setBigUint64(0, BigInt(run), true), 0),
    fd_write: (_, list) => ((result = record(list).getBigUint64(8, true)), 0),
  };
  const instance = new WebAssembly.Instance(module, { wasi_snapshot_preview1: host });
  memory = instance.exports.memory;
  try {
    instance.exports._start();
  } catch (e) {
    return `trap ${e.message}`;
  }
  return `returned ${result}`;
}

for (let run = 0; run < Number(runs); run++) {
  console.log(outcome(run));
}
