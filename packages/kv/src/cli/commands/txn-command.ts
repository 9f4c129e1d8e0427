import { createReadStream } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

import type { Command } from 'commander';

import type { TxnOperation, TxnRequest, TxnResponse, TxnResult } from '../../types.ts';
import { addConnectionFlags, type ConnectionFlags, withWriter } from '../connect.ts';
import type { CliContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliExit, CliFailure, codeOf } from '../failure.ts';
import { note, paint, printJson, printLine } from '../output.ts';
import { readAll } from './input.ts';
import { usage } from './keys.ts';
import { pairOf, printPair } from './pairs.ts';
import { TxnReader, type TxnSection, txnFromText } from './txn-text.ts';
import { TxnTextError } from './txn-words.ts';

/** More than any server takes in one transaction, as JSON with base64. */
const mostBytes = 64 * 1024 * 1024;

export function addTxnCommand(program: Command, context: CliContext): void {
  const command = program
    .command('txn')
    .summary('compare, and then change all or nothing')
    .description(
      'Reads a transaction from FILE or the input: comparisons, an empty line, what is done if ' +
        'all of them hold, an empty line, what is done otherwise. On a terminal it asks for each.',
    )
    .argument('[file]', 'default: the input, as with -');
  addConnectionFlags(command)
    .addHelpText('after', help)
    .action(async (file: string | undefined, flags: ConnectionFlags) => {
      const request = await requestFrom(context, file);
      const response = await withWriter(context, flags, (client) =>
        client.commit(request, { signal: context.signal }),
      );
      await printTxn(context, { request, response, flags });
      if (!response.succeeded) throw new CliExit(exitCodes.refused);
    });
}

const help = `
Comparisons:  value(KEY) = VALUE, version(KEY) > 0, create(KEY), mod(KEY), lease(KEY);
              with =, !=, > or <; exists(KEY), absent(KEY)
Operations:   put KEY VALUE, get KEY [END], del KEY [END], with the flags of these commands
Words with spaces are in 'quotes', or in "quotes" with \\n, \\t, \\", \\xNN. A line with # is a
comment. What begins with { is JSON as POST /v1/txn takes it. The exit code is 4 if a comparison
does not hold.

Examples:
  $ printf 'absent(lock)\\n\\nput lock me\\n\\nget lock\\n' | quorate txn
  $ quorate txn move.txt
  $ echo '{"then": [{"type": "put", "key": "a", "value": "1"}]}' | quorate txn --json`;

async function requestFrom(context: CliContext, file: string | undefined): Promise<TxnRequest> {
  if ((file === undefined || file === '-') && context.isInputTerminal) return ask(context);
  const text = await textFrom(context, file);
  if (/^\s*\{/.test(text)) return (await import('./txn-json.ts')).txnFromJson(text);
  try {
    return txnFromText(text);
  } catch (error) {
    if (!(error instanceof TxnTextError)) throw error;
    throw usage(`${error.message}.`, 'See quorate txn --help for what a transaction looks like.');
  }
}

async function textFrom(context: CliContext, file: string | undefined): Promise<string> {
  const what = 'The transaction';
  let bytes: Buffer;
  if (file === undefined || file === '-') {
    bytes = await readAll(context, { what, mostBytes });
  } else {
    const from = createReadStream(path.resolve(context.cwd, file));
    try {
      bytes = await readAll(context, { what, mostBytes, from });
    } catch (cause) {
      if (codeOf(cause) === '' || context.signal.aborted) throw cause;
      throw new CliFailure(`the file ${file} cannot be read (${codeOf(cause)}).`, {
        exitCode: exitCodes.usage,
        advice: 'Give the path of a file that is there and may be read.',
        cause,
      });
    }
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    throw usage('The transaction is not UTF-8.', 'Write bytes as \\xNN in "quotes".');
  }
}

const questions: Readonly<Record<TxnSection, string>> = {
  compare: 'Comparisons, as value(KEY) = VALUE; an empty line ends them:',
  then: 'If all of them hold, as put KEY VALUE; an empty line ends it:',
  else: 'Otherwise; an empty line ends it:',
};

/** Line by line; one that is wrong is asked for again. */
async function ask(context: CliContext): Promise<TxnRequest> {
  const { stdin, stderr, signal } = context;
  const reader = new TxnReader();
  const lines = createInterface({ input: stdin, output: stderr, terminal: false, signal });
  const { bold } = paint(context);
  let number = 0;
  let asked: TxnSection | undefined;
  const prompt = (): void => {
    if (reader.section === undefined || reader.section === asked) return;
    asked = reader.section;
    note(context, bold(questions[asked]));
  };
  prompt();
  for await (const line of lines) {
    number += 1;
    try {
      reader.line(line, number);
    } catch (error) {
      if (!(error instanceof TxnTextError)) throw error;
      note(context, `${error.message}; once more, please.`);
    }
    if (reader.section === undefined) break;
    prompt();
  }
  lines.close();
  signal.throwIfAborted();
  return reader.request();
}

interface Committed {
  readonly request: TxnRequest;
  readonly response: TxnResponse;
}

async function printTxn(
  context: CliContext,
  { request, response, flags }: Committed & { readonly flags: ConnectionFlags },
): Promise<void> {
  if (flags.json === true) {
    const { txnJson } = await import('../../server/http/store-json.ts');
    const { writeAuto } = await import('../../server/http/json-bytes.ts');
    await printJson(context, txnJson(response, writeAuto));
    return;
  }
  await printOutcome(context, { request, response });
}

async function printOutcome(context: CliContext, { request, response }: Committed): Promise<void> {
  const { green, yellow } = paint(context);
  const { succeeded, results } = response;
  await printLine(context, succeeded ? green('SUCCESS') : yellow('FAILURE'));
  const operations = succeeded ? request.then : request.else;
  for (const [at, result] of results.entries()) await printResult(context, result, operations[at]);
}

async function printResult(
  context: CliContext,
  result: TxnResult,
  operation: TxnOperation | undefined,
): Promise<void> {
  switch (result.type) {
    case 'put':
      await printLine(context, 'OK');
      if (result.previous !== undefined) await printPair(context, pairOf(result.previous), {});
      return;
    case 'delete':
      await printLine(context, `${result.deleted}`);
      for (const kv of result.previous) await printPair(context, pairOf(kv), {});
      return;
    case 'range': {
      const { countOnly, keysOnly } = operation?.type === 'range' ? operation : {};
      if (countOnly === true) await printLine(context, `${result.count}`);
      for (const kv of result.kvs) await printPair(context, pairOf(kv), { keysOnly });
      return;
    }
    case 'txn':
      if (operation?.type !== 'txn') return;
      await printOutcome(context, { request: operation, response: result });
  }
}
