import { createRequire, syncBuiltinESMExports } from 'node:module';

// Replaces what reaches the real world by what refuses to while simulated code runs.

type Callable = (...given: unknown[]) => unknown;

const require = createRequire(import.meta.url);

/** What of the globals is real: clocks, timers and chance. */
const globals = [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'fetch',
  'WebSocket',
  'Worker',
] as const;

const inObjects: readonly (readonly [object: object, name: string, ...keys: string[]])[] = [
  [Math, 'Math', 'random'],
  [performance, 'performance', 'now', 'mark', 'measure'],
  [process, 'process', 'hrtime', 'cwd', 'uptime'],
  [globalThis.crypto, 'crypto', 'randomUUID', 'getRandomValues'],
];

/** Modules of Node whose functions refuse. */
const modules: Readonly<Record<string, readonly string[]>> = {
  'node:fs': ['open', 'openSync', 'readFile', 'readFileSync', 'writeFile', 'writeFileSync', 'stat'],
  'node:fs/promises': ['open', 'readFile', 'writeFile', 'mkdir', 'readdir', 'rename', 'unlink'],
  'node:crypto': ['randomBytes', 'randomUUID', 'randomInt', 'randomFillSync'],
  'node:net': ['connect', 'createConnection', 'createServer'],
  'node:tls': ['connect', 'createServer'],
  'node:http': ['request', 'get', 'createServer'],
  'node:timers': ['setTimeout', 'setInterval', 'setImmediate'],
  'node:timers/promises': ['setTimeout', 'setImmediate', 'setInterval'],
  'node:child_process': ['spawn', 'exec', 'fork'],
};

/** Simulated code reached for the real world. */
export class TrapError extends Error {
  override readonly name = 'TrapError';
}

let isArmed = false;
let isLaid = false;
let caught: TrapError | undefined;

/** Puts the traps in place, once for the life of the process. Until armed, all may pass. */
export function layTraps(): void {
  if (isLaid) return;
  isLaid = true;
  for (const name of globals) trapIn(globalThis, name, name);
  for (const [object, name, ...keys] of inObjects) {
    for (const key of keys) trapIn(object, key, `${name}.${key}`);
  }
  trapDate();
  for (const [name, keys] of Object.entries(modules)) {
    const module = require(name) as object;
    for (const key of keys) trapIn(module, key, `${key} of ${name}`);
  }
  syncBuiltinESMExports();
}

/** From now on, until `disarm`, whoever reaches for the real world is refused. */
export function arm(): void {
  layTraps();
  isArmed = true;
}

/** Returns whether they were armed. */
export function disarm(): boolean {
  const wasArmed = isArmed;
  isArmed = false;
  return wasArmed;
}

/** The first one that was caught since this was last asked, in case its error went unheard. */
export function takeCaught(): TrapError | undefined {
  const found = caught;
  caught = undefined;
  return found;
}

function refuse(what: string): void {
  if (!isArmed) return;
  const message = `Simulated code reached for the real world: ${what}. It must come in through Runtime, FileSystem or Network.`;
  const error = new TrapError(message);
  caught ??= error;
  throw error;
}

function trapIn(object: object, key: string, what: string): void {
  const found: unknown = Reflect.get(object, key);
  if (typeof found !== 'function') return;
  const real = found as Callable;
  const trapped = function (this: unknown, ...given: unknown[]): unknown {
    refuse(what);
    return new.target === undefined
      ? Reflect.apply(real, this, given)
      : Reflect.construct(real, given, new.target);
  };
  // What hangs on the function, as `promisify.custom` or `hrtime.bigint`, stays with it.
  for (const own of Reflect.ownKeys(real)) {
    const property = Object.getOwnPropertyDescriptor(real, own);
    const mayDefine = Object.getOwnPropertyDescriptor(trapped, own)?.configurable ?? true;
    if (property !== undefined && mayDefine) Object.defineProperty(trapped, own, property);
  }
  Object.defineProperty(object, key, { value: trapped, writable: true, configurable: true });
}

/** A date that is given is no clock; the one of now is. */
function trapDate(): void {
  const real = Date;
  globalThis.Date = new Proxy(real, {
    apply: (target, self, given) => {
      refuse('Date()');
      return Reflect.apply(target, self, given) as string;
    },
    construct: (target, given, newTarget) => {
      if (given.length === 0) refuse('new Date()');
      return Reflect.construct(target, given, newTarget) as Date;
    },
    get: (target, key, receiver) => {
      if (key === 'now') refuse('Date.now');
      return Reflect.get(target, key, receiver) as unknown;
    },
  });
}
