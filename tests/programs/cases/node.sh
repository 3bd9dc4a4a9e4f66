# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# node: a JIT compiler (code that becomes executable), worker threads, shared buffers, WebAssembly, children.
need node
cat > work.js <<'END'
const { Worker, isMainThread, workerData, parentPort } = require("worker_threads");
const { execFileSync, spawnSync } = require("child_process");
function work(n) { let x = 0; for (let i = 0; i < 3e6; i++) x = (x * 31 + i * n) | 0; return x; }
if (!isMainThread) {
	Atomics.add(new Int32Array(workerData.shared), 0, workerData.n);
	parentPort.postMessage(work(workerData.n));
} else {
	console.log(work(1), Array.from({ length: 1e5 }, (_, i) => ({ i, s: "v" + i })).filter((o) => o.i % 7 === 0).length);
	const big = Buffer.alloc(64 << 20, 5);
	console.log(big.length, big[big.length - 1]);
	const module = new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 7, 1, 3,
		97, 100, 100, 0, 0, 10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11]));
	console.log(new WebAssembly.Instance(module).exports.add(40, 2));
	try { (function f() { f(); })(); } catch (e) { console.log(e.constructor.name); }
	console.log(execFileSync("echo", ["from a child"]).toString().trim(), spawnSync("sh", ["-c", "exit 3"]).status);
	const shared = new SharedArrayBuffer(4);
	Promise.all([1, 2, 3].map((n) => new Promise((done) => new Worker(__filename, { workerData: { n, shared } }).on("message", done))))
		.then((values) => console.log(values, new Int32Array(shared)[0]));
}
END
status run node work.js
