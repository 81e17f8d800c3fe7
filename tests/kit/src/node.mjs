// Runs a WASI module in Node.js: node --no-warnings node.mjs MODULE. Its standard streams and
// environment are this process's, its status becomes that of this process.

import { readFileSync } from "node:fs";
import { WASI } from "node:wasi";

const wasi = new WASI({ version: "preview1", env: process.env, returnOnExit: true });
const module = new WebAssembly.Module(readFileSync(process.argv[2]));
const instance = new WebAssembly.Instance(module, wasi.getImportObject());
process.exitCode = wasi.start(instance);
