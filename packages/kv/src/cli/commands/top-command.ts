import { setTimeout as sleep } from 'node:timers/promises';

import type { Command } from 'commander';

import type { KvClient } from '../../client.ts';
import {
  addConnectionFlags,
  type ConnectionFlags,
  durationFrom,
  wholeFrom,
  withClient,
} from '../connect.ts';
import type { CliContext } from '../context.ts';
import { paint, print, printJson, tableLines } from '../output.ts';
import { LiveScreen } from './live-screen.ts';
import { demandAnswers } from './status-command.ts';
import { isWrong, pictureOf } from './status-report.ts';
import { Rates, ratesColumns, ratesRows } from './top-rates.ts';

interface TopFlags extends ConnectionFlags {
  readonly interval: number;
  readonly count?: number;
}

/** Members that do not answer must not hold up the picture for long. */
const longestLookMs = 900;

/** `quorate top`. */
export function addTopCommand(program: Command, context: CliContext): void {
  const command = program
    .command('top')
    .summary('show what the members do, again each second')
    .description(
      'Shows what each member does just now. On a terminal the table stays in its place, and q or ' +
        'ctrl-C ends it; into a pipe it comes again and again.',
    )
    .option('--interval <duration>', 'how often', durationFrom, 1000)
    .option('--count <n>', 'end after so many tables', wholeFrom);
  addConnectionFlags(command)
    .addHelpText(
      'after',
      `
CHANGES/S and READS/S are what this member had in a second. COMMIT is how long a batch of writes
took until most members had it, on the leader; P50 and P99 of that are since it was started.

Examples:
  $ quorate top
  $ quorate top --count 1
  $ quorate top --json --interval 10s >> load.jsonl`,
    )
    .action(async (flags: TopFlags) => {
      await withClient(context, flags, (client) => top(context, client, flags));
    });
}

async function top(context: CliContext, client: KvClient, flags: TopFlags): Promise<void> {
  const quitting = new AbortController();
  const signal = AbortSignal.any([context.signal, quitting.signal]);
  const isLive = context.isTerminal && flags.json !== true;
  const screen = isLive ? new LiveScreen(context) : undefined;
  const rates = new Rates();
  try {
    screen?.open((key) => {
      if (key === 'q') quitting.abort();
    });
    let shown = 0;
    // The first look is what the rates of the first table begin with.
    await look(context, client, rates, signal);
    while (!signal.aborted && shown !== flags.count) {
      await sleep(flags.interval, undefined, { signal });
      const picture = pictureOf(await look(context, client, rates, signal));
      const rows = rates.rows(picture);
      shown += 1;
      if (flags.json === true) {
        await printJson(context, { at: new Date().toISOString(), members: rows });
        continue;
      }
      const wrong = picture.findings.filter(isWrong).map(({ message }) => message);
      const table = tableLines(context, ratesColumns, ratesRows(rows, paint(context)));
      const lines = [...table, ...wrong];
      if (screen === undefined) await print(context, `${lines.join('\n')}\n\n`);
      else screen.draw([...lines, '', paint(context).dim('q ends it')]);
    }
  } catch (error) {
    if (!quitting.signal.aborted) throw error;
  } finally {
    screen?.close();
  }
}

async function look(
  context: CliContext,
  client: KvClient,
  rates: Rates,
  signal: AbortSignal,
): Promise<Parameters<typeof pictureOf>[0]> {
  const reports = await client.statusOfAll({ signal, timeoutMs: longestLookMs });
  context.signal.throwIfAborted();
  if (!rates.hasBegun) demandAnswers(reports);
  rates.see(performance.now(), reports);
  return reports;
}
