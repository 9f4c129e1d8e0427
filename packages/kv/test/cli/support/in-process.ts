import { PassThrough, Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';

import type { CliContext } from '../../../src/cli/context.ts';
import { exitCodes } from '../../../src/cli/exit-codes.ts';
import { CliExit } from '../../../src/cli/failure.ts';
import { runIn } from '../../../src/cli/run-command.ts';

export interface HereOptions {
  readonly input?: string | Uint8Array;
  readonly isTerminal?: boolean;
  readonly useColor?: boolean;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Plays ctrl-C. */
  readonly signal?: AbortSignal;
  /** Hears what is printed as it comes. */
  readonly onOutput?: (output: string) => void;
}

export interface HereEnded {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly bytes: Buffer;
}

/** A context without a process around it. */
export function contextHere(
  args: readonly string[],
  { input = '', isTerminal = false, useColor = false, ...options }: HereOptions = {},
): CliContext & { readonly stdout: PassThrough; readonly stderr: PassThrough } {
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort(new CliExit(exitCodes.interrupted));
  options.signal?.addEventListener('abort', interrupt, { once: true });
  return {
    args,
    stdin: Readable.from([Buffer.from(input)]),
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    env: options.env ?? {},
    cwd: options.cwd ?? process.cwd(),
    columns: 100,
    isTerminal,
    isErrorTerminal: false,
    isInputTerminal: false,
    useColor,
    signal: interrupted.signal,
    endWithin: () => undefined,
  };
}

/** Runs `quorate` in this process: the same but for the streams and the signals. */
export async function runHere(
  args: readonly string[],
  options: HereOptions = {},
): Promise<HereEnded> {
  const context = contextHere(args, options);
  const { stdout, stderr } = context;
  let output = '';
  stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    options.onOutput?.(output);
  });
  const both = Promise.all([buffer(stdout), text(stderr)]);
  const code = await runIn(context);
  stdout.end();
  stderr.end();
  const [bytes, errors] = await both;
  return { code, stdout: bytes.toString(), stderr: errors, bytes };
}
