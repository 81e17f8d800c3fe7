// Runs the program of a page in Node.js, by the worker of the page: node page.mjs PAGE. Its standard streams are this
// process's, its status becomes that of this process.

import { readFileSync, writeSync } from "node:fs";

const page = readFileSync(process.argv[2], "utf8");
const part = (id) => page.match(new RegExp(`<script [^>]*id="${id}">([^<]*)`))[1];

globalThis.postMessage = ({ fd, bytes, status, failure }) => {
  if (bytes) {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
  } else if (failure) {
    writeSync(2, `${failure}\n`);
    process.exitCode = 1;
  } else {
    process.exitCode = status;
  }
};
globalThis.onmessage = null;
(0, eval)(page.match(/<script [^>]*id="worker">([^]*?)<\/script>/)[1]);
const [module, input] = [Buffer.from(part("module"), "base64"), new Uint8Array(readFileSync(0))];
globalThis.onmessage({ data: { module, input, waits: false, asks: false } });
