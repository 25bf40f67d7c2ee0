// SPDX-License-Identifier: 0BSD
// nf_wasi.mjs PROGRAM ARGUMENTS...: runs a WebAssembly program under Node.js, with the files of this machine, in the current
// folder, and exits as it does.
import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';

const [program, ...rest] = process.argv.slice(2);
const env = { ...process.env, PWD: process.cwd() };
const wasi = new WASI({ version: 'preview1', args: [program, ...rest], env, preopens: { '/': '/' }, returnOnExit: true });
const code = await WebAssembly.compile(await readFile(program));
const instance = await WebAssembly.instantiate(code, { wasi_snapshot_preview1: wasi.wasiImport });
process.exitCode = wasi.start(instance);
