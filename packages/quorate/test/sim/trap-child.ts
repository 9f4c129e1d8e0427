// Arms the trap and reaches for the real world in the way that its argument names; says what came.

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { connect } from 'node:net';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { nodeRuntime } from '../../src/platform/runtime.ts';
import { arm, disarm, takeCaught } from './trap.ts';

const ways: Readonly<Record<string, () => unknown>> = {
  'Date.now': () => Date.now(),
  'new Date': () => new Date(),
  'performance.now': () => performance.now(),
  'process.hrtime': () => process.hrtime(),
  setTimeout: () => setTimeout(() => {}, 1),
  setImmediate: () => setImmediate(() => {}),
  'Math.random': () => Math.random(),
  'crypto.randomUUID': () => crypto.randomUUID(),
  randomUUID: () => randomUUID(),
  fetch: () => fetch('http://127.0.0.1:1/'),
  connect: () => connect(1),
  readFileSync: () => readFileSync(import.meta.filename),
  open: () => open(import.meta.filename),
  'nodeRuntime.now': () => nodeRuntime.now(),
  'nodeRuntime.setTimer': () => nodeRuntime.setTimer(() => {}, 1),
  'nodeRuntime.random': () => nodeRuntime.random(),
  'nodeRuntime.randomId': () => nodeRuntime.randomId(),
  'nodeFileSystem.open': () => nodeFileSystem.open(import.meta.filename, { mode: 'read' }),
};

/** Returns what the attempt came to: the refusal's name, or that there was none. */
async function attempt(way: () => unknown): Promise<string> {
  arm();
  try {
    await way();
    return 'let through';
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  } finally {
    disarm();
  }
}

const outcomes: Record<string, readonly [string, boolean]> = {};
for (const [name, way] of Object.entries(ways)) {
  outcomes[name] = [await attempt(way), takeCaught() !== undefined];
}
// Disarmed, everything is as it was.
const isBack = Date.now() > 0 && new Date() instanceof Date && typeof randomUUID() === 'string';
await new Promise((resolve) => setTimeout(resolve, 1));
arm();
const isPast = new Date(86_400_000).toISOString();
disarm();
console.log(JSON.stringify({ outcomes, isBack, isPast }));
