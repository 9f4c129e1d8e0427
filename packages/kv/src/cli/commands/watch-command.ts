import { isUtf8 } from 'node:buffer';

import { type Command, Option } from 'commander';
import { bufferOf } from '../../bytes.ts';
import type { KvClient, Watch, WatchEvent } from '../../client.ts';
import { addConnectionFlags, type ConnectionFlags, wholeFrom, withClient } from '../connect.ts';
import type { CliContext } from '../context.ts';
import { bytesJson, note, paint, printEither, printJson, printLine } from '../output.ts';
import { addKeysFlags, type KeysFlags, keysFrom, type NamedKeys, usage } from './keys.ts';
import { inLine, pairJson } from './pairs.ts';
import { runChild, splitCommand } from './run-child.ts';

interface WatchFlags extends ConnectionFlags, KeysFlags {
  readonly revision?: number;
  readonly prevKv?: boolean;
  readonly progress?: boolean;
}

/** How often it is looked whether there is progress to tell of. */
const progressMs = 1000;
/** The system takes no longer one in an environment. */
const longestVariable = 128 * 1024 - 64;

export function addWatchCommand(program: Command, context: CliContext): void {
  const command = program
    .command('watch')
    .usage('[options] <key> [end] [-- CMD...]')
    .summary('print changes as they happen')
    .description(
      'Prints every change of a key, or of all keys from KEY to END (not in it), one per line, ' +
        'until ctrl-C. It goes on at another member when one fails, without a gap or a repetition.',
    )
    .argument('<key>', 'the key, or the first one')
    .argument('[rest...]', 'the first key behind the range; behind --, a command for each change');
  addKeysFlags(command)
    .addOption(new Option('--rev, --revision <n>', 'from this revision on').argParser(wholeFrom))
    .option('--prev, --prev-kv', 'tell too how each pair was before')
    .option('--progress', 'tell once a minute how far it has come when nothing changes');
  addConnectionFlags(command)
    .addHelpText('after', help)
    .action(async (key: string, rest: readonly string[], flags: WatchFlags) => {
      const split = splitCommand(context, rest);
      if (split === undefined) {
        throw usage(
          'KEY must stand before --, and CMD behind it.',
          'Give a key that begins with - by --hex or --base64.',
        );
      }
      const { own, command: run } = split;
      if (own.length > 1) {
        throw usage(
          `watch takes KEY and END; got ${own.length + 1} of them.`,
          'Put -- before CMD.',
        );
      }
      if (run?.length === 0)
        throw usage('Behind -- stands no command.', 'Name one, or leave it out.');
      const keys = keysFrom(key, own[0], flags);
      await withClient(context, flags, (client) => watch(context, { client, keys, flags, run }));
    });
}

const help = `
A command gets QUORATE_EVENT (put or delete), QUORATE_KEY, QUORATE_VALUE and QUORATE_REVISION in its
environment, and the value as its input. One runs at a time, in the order of the changes. What is no
text, or too long for an environment, is not in it.

Examples:
  $ quorate watch greeting
  $ quorate watch --prefix users/ --revision 17 --json
  $ quorate watch --prefix config/ -- sh -c 'echo "$QUORATE_KEY is now $QUORATE_VALUE"'`;

interface Watching {
  readonly client: KvClient;
  readonly keys: NamedKeys;
  readonly flags: WatchFlags;
  readonly run: readonly string[] | undefined;
}

async function watch(context: CliContext, { client, keys, flags, run }: Watching): Promise<void> {
  const { revision, prevKv = false, progress = false } = flags;
  const watching = client.watch({
    ...(keys instanceof Uint8Array ? { key: keys } : { range: keys }),
    previous: prevKv,
    from: revision,
    signal: context.signal,
  });
  const begun = await watching.ready;
  if (context.isErrorTerminal) note(context, `Watching from revision ${begun} on; ctrl-C ends it.`);
  for await (const event of told(watching, { progress })) {
    if (typeof event === 'number') await printProgress(context, event, flags);
    else if (run === undefined) await printEvent(context, event, flags);
    else await runFor(context, event, run);
  }
}

/**
 * The events, and between them, as numbers, the revisions up to which there was nothing to tell.
 * Members tell of these once a minute.
 */
export async function* told(
  watching: Pick<Watch, 'events' | 'next' | 'position'>,
  { progress = false, everyMs = progressMs }: { progress?: boolean; everyMs?: number },
): AsyncGenerator<WatchEvent | number, undefined, undefined> {
  if (!progress) {
    yield* watching.events();
    return;
  }
  let known = watching.position;
  let next = watching.next();
  for (;;) {
    let timer: NodeJS.Timeout | undefined;
    const pause = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), everyMs);
    });
    const update = await Promise.race([next, pause]);
    clearTimeout(timer);
    if (update === undefined) {
      const { position } = watching;
      if (position > known) yield position;
      known = Math.max(known, position);
      continue;
    }
    if (update.done === true) return;
    next = watching.next();
    known = Math.max(known, update.value.revision);
    yield* update.value.events;
  }
}

async function printProgress(
  context: CliContext,
  revision: number,
  flags: WatchFlags,
): Promise<void> {
  const line = paint(context).dim(`progress (revision ${revision})`);
  await printEither(context, flags, { value: { type: 'progress', revision }, line });
}

async function printEvent(
  context: CliContext,
  event: WatchEvent,
  flags: WatchFlags,
): Promise<void> {
  const { type, revision, keyBytes, entry, previous } = event;
  if (flags.json === true) {
    await printJson(context, {
      type,
      revision,
      kv: entry === undefined ? { key: bytesJson(keyBytes) } : pairJson(entry),
      ...(previous === undefined ? {} : { previous: pairJson(previous) }),
    });
    return;
  }
  const { green, red, dim } = paint(context);
  const what = type === 'put' ? green(type) : red(type);
  const value = entry === undefined ? '' : ` = ${inLine(entry.value, flags)}`;
  const before = previous === undefined ? '' : `, before: ${inLine(previous.value, flags)}`;
  const where = dim(`(revision ${revision}${before})`);
  await printLine(context, `${what} ${inLine(keyBytes, flags)}${value}  ${where}`);
}

async function runFor(
  context: CliContext,
  { type, revision, keyBytes, entry }: WatchEvent,
  command: readonly string[],
): Promise<void> {
  const value = entry?.value ?? new Uint8Array();
  const code = await runChild(context, command, {
    env: {
      QUORATE_EVENT: type,
      QUORATE_REVISION: `${revision}`,
      QUORATE_KEY: variable(keyBytes),
      QUORATE_VALUE: variable(value),
    },
    input: value,
  });
  context.signal.throwIfAborted();
  if (code !== 0)
    note(context, `quorate: ${command[0]} ended with ${code} at revision ${revision}.`);
}

/** What an environment can carry: text without a zero, and not too long. */
function variable(bytes: Uint8Array): string | undefined {
  if (bytes.length > longestVariable || bytes.includes(0) || !isUtf8(bytes)) return undefined;
  return bufferOf(bytes).toString();
}
