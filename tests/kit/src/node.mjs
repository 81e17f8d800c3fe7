// Runs a WASI module in Node.js: node --no-warnings node.mjs MODULE ARGS. Its standard streams and
// environment are this process's, its status becomes that of this process. WASM_PAGES limits its
// memory, in pages of 64 KiB. When MOCHI_STACK asks for a stack, a thread has one of that size.

import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { WASI } from "node:wasi";
import { Worker, isMainThread, workerData } from "node:worker_threads";

function run([file, ...args]) {
  const options = { args: [file, ...args], env: process.env, returnOnExit: true };
  const wasi = new WASI({ version: "preview1", ...options });
  const module = new WebAssembly.Module(readFileSync(file));
  // Functions of our own between program and host: when it calls the host's directly, Node.js may
  // collect garbage where it must not, and crashes (https://github.com/nodejs/node/issues/46777).
  const imports = Object.entries(wasi.wasiImport);
  const wrapped = Object.fromEntries(imports.map(([name, f]) => [name, (...args) => f(...args)]));
  const instance = new WebAssembly.Instance(module, { wasi_snapshot_preview1: wrapped });
  return wasi.start(instance);
}

if (!isMainThread) {
  process.exitCode = run(workerData);
} else {
  if (process.env.WASM_PAGES) {
    setFlagsFromString(`--wasm-max-mem-pages=${process.env.WASM_PAGES}`);
  }
  const stack = Number(process.env.MOCHI_STACK ?? 0);
  if (stack > 0) {
    // The host takes a little of it.
    const stackSizeMb = stack / 2 ** 20 + 1;
    const worker = new Worker(new URL(import.meta.url), {
      workerData: process.argv.slice(2),
      resourceLimits: { stackSizeMb },
    });
    worker.on("exit", (status) => (process.exitCode = status));
  } else {
    process.exitCode = run(process.argv.slice(2));
  }
}
