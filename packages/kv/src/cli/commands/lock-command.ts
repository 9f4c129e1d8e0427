import { type Command, Option } from 'commander';

import type { KvClient, Lock } from '../../client.ts';
import {
  addConnectionFlags,
  type ConnectionFlags,
  durationFrom,
  spanFrom,
  withWriter,
} from '../connect.ts';
import type { CliContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliFailure } from '../failure.ts';
import { printEither } from '../output.ts';
import { hold, letGo, runWhileHeld } from './hold.ts';
import { demandName, usage } from './keys.ts';
import { splitCommand } from './run-child.ts';

interface LockFlags extends ConnectionFlags {
  readonly ttl: number;
  readonly try?: boolean;
  readonly wait?: number;
}

const defaultTtlMs = 10_000;

export function addLockCommand(program: Command, context: CliContext): void {
  const command = program
    .command('lock')
    .usage('[options] <name> [-- CMD...]')
    .summary('hold a lock while a command runs')
    .description(
      'Waits for a lock, and holds it while CMD runs, or until ctrl-C. Ends with the exit code of ' +
        'CMD. If the lock is lost meanwhile, CMD is ended, and the exit code is 4.',
    )
    .argument('<name>', 'of the lock')
    .argument('[rest...]', 'behind --, a command')
    .addOption(ttlOption())
    .option('--try', 'do not wait: exit code 4 if somebody has it')
    .addOption(
      new Option('--wait <duration>', 'wait so long at most: exit code 4 then')
        .argParser(durationFrom)
        .conflicts('try'),
    );
  addConnectionFlags(command)
    .addHelpText(
      'after',
      `
CMD has the key of the holder in QUORATE_LOCK_KEY, and in QUORATE_FENCING_TOKEN a number that is
higher than that of every holder before.

Examples:
  $ quorate lock nightly -- ./backup.sh
  $ quorate lock nightly --try -- ./backup.sh
  $ quorate lock nightly`,
    )
    .action(async (name: string, rest: readonly string[], flags: LockFlags) => {
      const split = splitCommand(context, rest);
      if (split === undefined) {
        throw usage('NAME must stand before --.', 'Write quorate lock NAME -- CMD.');
      }
      const { own, command: run } = split;
      if (own.length > 0)
        throw usage(`lock takes one NAME; got "${own[0]}" too.`, 'Put -- before CMD.');
      if (run?.length === 0)
        throw usage('Behind -- stands no command.', 'Name one, or leave it out.');
      demandName(name);
      await withWriter(context, flags, async (client) => {
        const held = await acquire(context, client, { name, flags });
        const what = `the lock "${name}"`;
        try {
          if (run !== undefined) await runWhileHeld(context, held, { command: run, what });
          await printHeld(context, held, flags);
          await hold(context, held, what);
        } finally {
          await letGo(context, { held, what, flags }, (options) => held.unlock(options));
        }
      });
    });
}

/** For everything that is held by a lease. */
export function ttlOption(): Option {
  return new Option('--ttl <duration>', 'lost after so long without a sign of life, as 10s')
    .argParser(spanFrom)
    .default(defaultTtlMs, '10s');
}

/** Leases are of whole seconds. */
export function secondsOf({ ttl }: { readonly ttl: number }): number {
  return Math.ceil(ttl / 1000);
}

async function acquire(
  { signal }: CliContext,
  client: KvClient,
  { name, flags }: { readonly name: string; readonly flags: LockFlags },
): Promise<Lock> {
  const ttl = secondsOf(flags);
  if (flags.try === true) {
    const held = await client.tryLock(name, { ttl, signal });
    if (held === undefined) throw taken(name, 'somebody has it, or waits for it');
    return held;
  }
  const patience = flags.wait === undefined ? undefined : AbortSignal.timeout(flags.wait);
  const either = patience === undefined ? signal : AbortSignal.any([signal, patience]);
  try {
    return await client.lock(name, { ttl, signal: either });
  } catch (error) {
    if (!either.aborted) throw error;
    // The client gives up its place in the queue, by a message that goes out with this turn.
    await new Promise((resolve) => setImmediate(resolve));
    if (signal.aborted || patience === undefined) throw error;
    throw taken(name, `it was not free within ${flags.wait} ms`);
  }
}

function taken(name: string, why: string): CliFailure {
  return new CliFailure(`the lock "${name}" was not got: ${why}.`, {
    exitCode: exitCodes.refused,
    advice: 'Try again later, or wait for it.',
  });
}

async function printHeld(
  context: CliContext,
  { key, fencingToken }: Lock,
  flags: LockFlags,
): Promise<void> {
  const line = `${key} (token ${fencingToken})`;
  await printEither(context, flags, { value: { key, fencingToken }, line });
}
