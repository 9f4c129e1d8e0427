/**
 * Three members of etcd and three of the key-value server, with a durable log each, on this machine
 * and this disk, in turns: puts and linearizable gets of 256 bytes by closed-loop clients. The
 * clients are of the same shape, in a process of their own, and go to the leader. Only one of the
 * two runs at a time. etcd is what is installed, or Debian's package, with its defaults untouched.
 *
 * Client and servers share the machine, so the clients are cheap for both: calls of one turn are
 * one write to the socket, and gRPC is spoken by a few lines of the bench's own, at a tenth of what
 * the usual package takes for a call. Quorate's client puts the requests of one turn of its event
 * loop into messages of up to 48 KiB, and the server writes each into the log as one command: that
 * is how its clients are made, and etcd's protocol has nothing like it for single puts.
 *
 *     npm run bench -- etcd [--rounds 5] [--seconds 3] [--clients 64] [--connections 1] [--plot]
 *                           [--warm-up 8] [--server bench] [--protocol http]
 *
 * Before anything is measured, each is warmed up with puts and with gets, by 64 clients and by one,
 * for so many seconds each.
 *
 * With `--server bench` it is the benches' own server instead, a map made with the library alone,
 * whose client puts the requests of a turn together likewise. With `--protocol http` both are asked
 * for JSON over HTTP, each call in a request of its own.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type LoopRound, writeFor } from './lib/closed-loop.ts';
import type { Contestant } from './lib/contestant.ts';
import { contestants, readComparison } from './lib/contestants.ts';
import { fileSystemOf, withFolder } from './lib/folder.ts';
import { median } from './lib/percentile.ts';
import { type Row, report } from './lib/report.ts';
import { repeatCount, tryAgain } from './lib/try-again.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    clients: { type: 'string', multiple: true, default: ['1', '64', '256', '1000'] },
    keys: { type: 'string', default: '10000' },
    /** To each server, for either. */
    connections: { type: 'string', default: '1' },
    'warm-up': { type: 'string', default: '8' },
    server: { type: 'string', default: 'kv' },
    protocol: { type: 'string', default: 'native' },
    install: { type: 'boolean', default: true },
    folder: { type: 'string' },
    plot: { type: 'boolean', default: false },
  },
  allowNegative: true,
});
const seconds = Number(values.seconds);
const keys = Number(values.keys);
const value = new Uint8Array(256).fill(7);
const operations = ['put', 'get'] as const;
type Operation = (typeof operations)[number];

interface Measured extends LoopRound {
  readonly clientCpuMicros: number;
}

const comparison = readComparison(values.server, values.protocol);

/** By contestant, operation and clients: one for each round. */
const results = new Map<string, Measured[]>();
const versions: Record<string, string> = {};

const compared = await contestants({
  mayInstall: values.install,
  connections: Number(values.connections),
  comparison,
});
if (compared !== undefined)
  await withFolder('etcd', values.folder, (folder) => run(compared, folder));

async function run(makers: readonly (() => Contestant)[], folder: string): Promise<void> {
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const make of makers) {
      const contestant = make();
      try {
        await contestant.start(path.join(folder, `${contestant.name}-${round}`));
        versions[contestant.name] = contestant.version;
        await measureAll(contestant);
      } finally {
        await contestant.close();
      }
    }
  }
  const rows = operations.flatMap((operation) =>
    values.clients.map((clients) => rowOf(operation, Number(clients))),
  );
  const about = {
    ...versions,
    fileSystem: await fileSystemOf(folder),
    'measured again': String(repeatCount()),
  };
  const isUsual = comparison.server === 'kv' && comparison.protocol === 'native';
  const name = isUsual ? 'etcd' : `etcd-${comparison.server}-${comparison.protocol}`;
  report(name, rows, { about, plot: values.plot });
}

async function measureAll(contestant: Contestant): Promise<void> {
  // Every key has a value.
  for (let at = 0; at < keys; at += 500) {
    const some = Array.from({ length: Math.min(500, keys - at) }, (_, which) => at + which);
    await Promise.all(some.map((which) => contestant.put(keyOf(which), value)));
  }
  // Servers run for months; what they are like in their first seconds is no part of this. A call
  // alone goes other ways through the code than one of many, and is translated for itself.
  for (const clients of [64, 1]) {
    for (const operation of operations) {
      await writeFor(Number(values['warm-up']), clients, callOf(contestant, operation));
    }
  }
  for (const operation of operations) {
    for (const clients of values.clients) {
      const measured = await tryAgain(() => measure(contestant, operation, Number(clients)));
      const name = `${contestant.name} ${operation} ${clients}`;
      results.set(name, [...(results.get(name) ?? []), measured]);
    }
  }
}

async function measure(
  contestant: Contestant,
  operation: Operation,
  clients: number,
): Promise<Measured> {
  const before = process.cpuUsage();
  const round = await writeFor(seconds, clients, callOf(contestant, operation));
  const { user, system } = process.cpuUsage(before);
  return { ...round, clientCpuMicros: (user + system) / round.count };
}

/** One call after the other, of the same keys in the same order for everybody. */
function callOf(contestant: Contestant, operation: Operation): () => Promise<void> {
  let state = 1;
  const nextKey = (): string => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return keyOf(state % keys);
  };
  return operation === 'put'
    ? () => contestant.put(nextKey(), value)
    : async () => demandValue(await contestant.get(nextKey()));
}

function demandValue(found: Uint8Array | undefined): void {
  if (found?.length === value.length) return;
  throw new Error(`A get found ${found?.length ?? 'no'} bytes; it should be ${value.length}.`);
}

function keyOf(number: number): string {
  return `key-${String(number).padStart(8, '0')}`;
}

function rowOf(operation: Operation, clients: number): Row {
  const etcd = results.get(`etcd ${operation} ${clients}`) ?? [];
  const quorate = results.get(`Quorate ${operation} ${clients}`) ?? [];
  const middle = (rounds: readonly Measured[], pick: (one: Measured) => number): number =>
    median(rounds.map(pick));
  /** Of the two in the same round. */
  const ratio = (pick: (one: Measured) => number): number =>
    Number(median(quorate.map((one, at) => pick(one) / pick(etcd[at] ?? one))).toFixed(2));
  const rate = (rounds: readonly Measured[]): number =>
    Math.round(middle(rounds, (one) => one.perSecond));
  const ms = (rounds: readonly Measured[], pick: (one: Measured) => number): number =>
    Number(middle(rounds, pick).toFixed(2));
  return {
    operation,
    clients,
    'etcd/s': rate(etcd),
    'Quorate/s': rate(quorate),
    'times etcd': ratio((one) => one.perSecond),
    'etcd p50 ms': ms(etcd, (one) => one.p50Ms),
    'Quorate p50 ms': ms(quorate, (one) => one.p50Ms),
    'p50 of etcd': ratio((one) => one.p50Ms),
    'etcd p99 ms': ms(etcd, (one) => one.p99Ms),
    'Quorate p99 ms': ms(quorate, (one) => one.p99Ms),
    'p99 of etcd': ratio((one) => one.p99Ms),
    'etcd client µs': ms(etcd, (one) => one.clientCpuMicros),
    'Quorate client µs': ms(quorate, (one) => one.clientCpuMicros),
  };
}
