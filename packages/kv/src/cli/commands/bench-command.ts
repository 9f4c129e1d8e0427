import { type Command, InvalidArgumentError } from 'commander';

import {
  addConnectionFlags,
  type ConnectionFlags,
  clientOptions,
  wholeFrom,
  withWriter,
} from '../connect.ts';
import type { CliContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliFailure } from '../failure.ts';
import { counted, note, plural, printJson, printLine, printTable } from '../output.ts';
import { progressBar } from '../progress.ts';
import { BenchLoad, type BenchResult, benchRoot } from './bench-load.ts';
import type { Times } from './bench-times.ts';
import { grouped } from './member-words.ts';

interface BenchFlags extends ConnectionFlags {
  readonly clients: number;
  readonly connections: number;
  readonly seconds: number;
  readonly valueBytes: number;
  readonly reads: number;
  readonly keys: number;
  readonly prefix?: string;
}

/** What it wrote is deleted also after ctrl-C; that is given so long. */
const cleanUpMs = 10_000;
const mostClients = 10_000;
const mostConnections = 100;

/** `quorate bench`. */
export function addBenchCommand(program: Command, context: CliContext): void {
  const command = program
    .command('bench')
    .summary('measure how fast a cluster writes and reads')
    .description(
      'Measures a cluster that runs: so many clients, each of which waits for its answer before ' +
        `it goes on. Writes keys under ${benchRoot} only, and deletes them in the end.`,
    )
    .option('--clients <n>', 'calls under way at a time', within(1, mostClients), 64)
    .option('--connections <n>', 'clients share so many connections', within(1, mostConnections), 1)
    .option('--seconds <n>', 'how long', within(1, 86_400), 10)
    .option('--value-bytes <n>', 'the size of each value', within(0, 1024 * 1024), 256)
    .option('--reads <share>', 'which part of the calls are linearizable reads', shareFrom, 0.5)
    .option('--keys <n>', 'how many keys', within(1, 10_000_000), 10_000)
    .option('--prefix <text>', `the keys begin so; must begin with ${benchRoot}`, prefixFrom);
  addConnectionFlags(command)
    .addHelpText(
      'after',
      `
It competes with the other clients of the cluster; and on a machine of its own, it is a program of
one processor.

Examples:
  $ quorate bench
  $ quorate bench --clients 256 --seconds 30 --reads 0
  $ quorate bench --json --endpoints 10.0.0.1:7001,10.0.0.2:7001`,
    )
    .action(async (flags: BenchFlags) => {
      await withWriter(context, flags, () => bench(context, flags));
    });
}

async function bench(context: CliContext, flags: BenchFlags): Promise<void> {
  context.endWithin(cleanUpMs);
  const load = await BenchLoad.open({ ...flags, options: clientOptions(context, flags) });
  let result: BenchResult;
  try {
    await demandUnused(load);
  } catch (error) {
    // What is there is somebody else's.
    await load.close();
    throw error;
  }
  try {
    const bar = progressBar(context, {
      label: 'measuring',
      total: flags.seconds,
      write: (seconds) => `${Math.floor(seconds)} of ${flags.seconds} s`,
    });
    try {
      result = await load.run({ signal: context.signal, onSecond: () => bar.advance(1) });
    } finally {
      bar.done();
    }
  } finally {
    await cleanUp(context, load);
  }
  context.signal.throwIfAborted();
  await show(context, flags, result);
}

/** @throws {CliFailure} if something is there that would be overwritten and deleted. */
async function demandUnused({ prefix, client }: BenchLoad): Promise<void> {
  const count = await client.count({ prefix });
  if (count === 0) return;
  throw new CliFailure(
    `there ${plural(count, 'is', 'are')} ${counted(count, 'key')} under ${prefix} already.`,
    {
      exitCode: exitCodes.refused,
      advice: `Leave --prefix out, or delete them: quorate del --prefix ${prefix}`,
    },
  );
}

async function cleanUp(context: CliContext, load: BenchLoad): Promise<void> {
  try {
    await load.deleteKeys();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    note(context, `quorate: the keys under ${load.prefix} could not be deleted: ${reason}`);
    note(context, `Delete them later: quorate del --prefix ${load.prefix}`);
  } finally {
    await load.close();
  }
}

async function show(
  context: CliContext,
  { json = false, clients, connections, valueBytes, keys }: BenchFlags,
  { seconds, writes, reads, failures, lastFailure }: BenchResult,
): Promise<void> {
  const kinds = [
    ['write', writes],
    ['read', reads],
  ] as const;
  if (json) {
    const figures = kinds.map(([kind, times]) => [`${kind}s`, figuresOf(times, seconds)] as const);
    const what = { seconds, clients, connections, valueBytes, keys };
    await printJson(context, { ...what, ...Object.fromEntries(figures), failures });
  } else {
    const rows = kinds.map(([kind, times]) => rowOf(kind, times, seconds));
    await printTable(context, [...columns], rows);
    if (failures > 0)
      await printLine(
        context,
        `${grouped(failures)} ${plural(failures, 'call')} failed: ${lastFailure}`,
      );
  }
  if (failures === 0) return;
  throw new CliFailure(`${grouped(failures)} of the calls failed.`, {
    exitCode: exitCodes.failed,
    advice: `The last one: ${lastFailure}`,
  });
}

const columns = [
  'CALL',
  ...['PER SECOND', 'CALLS', 'P50', 'P90', 'P99', 'P99.9', 'LONGEST'].map((name) => ({
    name,
    align: 'right' as const,
  })),
];

const shares = { p50Ms: 0.5, p90Ms: 0.9, p99Ms: 0.99, p999Ms: 0.999 } as const;

function rowOf(kind: string, times: Times, seconds: number): readonly string[] {
  if (times.count === 0) return [kind, '-', '0', '-', '-', '-', '-', '-'];
  const perSecond = grouped(Math.round(times.count / seconds));
  const found = Object.values(shares).map((share) => inMs(times.percentile(share)));
  return [kind, perSecond, grouped(times.count), ...found, inMs(times.longestMs)];
}

function figuresOf(times: Times, seconds: number): object {
  const found = Object.entries(shares).map(
    ([name, share]) => [name, times.percentile(share)] as const,
  );
  const { count, longestMs } = times;
  return { count, perSecond: count / seconds, ...Object.fromEntries(found), longestMs };
}

function inMs(ms: number): string {
  return `${ms < 10 ? ms.toFixed(2) : ms.toFixed(1)} ms`;
}

function within(from: number, to: number): (text: string) => number {
  return (text) => {
    const number = wholeFrom(text);
    if (number >= from && number <= to) return number;
    throw new InvalidArgumentError(`Wanted a whole number from ${from} to ${to}.`);
  };
}

function shareFrom(text: string): number {
  const share = Number(text);
  if (text.trim() !== '' && share >= 0 && share <= 1) return share;
  throw new InvalidArgumentError('Wanted a number from 0 (no reads) to 1 (nothing else).');
}

function prefixFrom(text: string): string {
  if (text.startsWith(benchRoot)) return text;
  throw new InvalidArgumentError(`Wanted a text that begins with ${benchRoot}.`);
}
