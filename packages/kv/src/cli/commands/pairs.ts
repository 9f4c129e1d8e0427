import type { KeyValue } from '../../types.ts';
import type { CliContext } from '../context.ts';
import { bytesJson, paint, print, printJson, shown } from '../output.ts';
import { type BytesFlags, encoded } from './keys.ts';

/** A pair as the client and the store have it. */
export type Pair = Omit<KeyValue, 'key'> & { readonly keyBytes: Uint8Array };

export interface PairFlags extends BytesFlags {
  readonly json?: boolean | undefined;
  readonly keysOnly?: boolean | undefined;
  readonly printValueOnly?: boolean | undefined;
}

const lineEnd = Buffer.from('\n');

export function pairOf({ key, ...rest }: KeyValue): Pair {
  return { keyBytes: key, ...rest };
}

/** The key on one line, the value on the next, or what the flags say. */
export async function printPair(context: CliContext, pair: Pair, flags: PairFlags): Promise<void> {
  const { keyBytes, value } = pair;
  const { keysOnly = false, printValueOnly = false, json = false } = flags;
  if (json) {
    await printJson(context, pairJson(pair, { keysOnly }));
    return;
  }
  const parts: Uint8Array[] = [];
  if (!printValueOnly) parts.push(keyForPeople(context, keyBytes, flags), lineEnd);
  if (!keysOnly) parts.push(bytesForPeople(context, value, flags), lineEnd);
  await print(context, Buffer.concat(parts));
}

/** The same names as in the HTTP API. */
export function pairJson(
  { keyBytes, value, createRevision, modRevision, version, lease }: Pair,
  { keysOnly = false }: { readonly keysOnly?: boolean } = {},
): object {
  return {
    key: bytesJson(keyBytes),
    ...(keysOnly ? {} : { value: bytesJson(value) }),
    createRevision,
    modRevision,
    version,
    lease,
  };
}

function keyForPeople(context: CliContext, key: Uint8Array, flags: BytesFlags): Uint8Array {
  const bytes = bytesForPeople(context, key, flags);
  return context.useColor ? Buffer.from(paint(context).bold(Buffer.from(bytes).toString())) : bytes;
}

/** On a terminal nothing that could disturb it; otherwise the bytes as they are. */
export function bytesForPeople(
  { isTerminal }: Pick<CliContext, 'isTerminal'>,
  bytes: Uint8Array,
  flags: BytesFlags,
): Uint8Array {
  const text = encoded(bytes, flags) ?? (isTerminal ? shown(bytes) : undefined);
  return text === undefined ? bytes : Buffer.from(text);
}

/** For a line of its own among others: never the bytes themselves. */
export function inLine(bytes: Uint8Array, flags: BytesFlags): string {
  return encoded(bytes, flags) ?? shown(bytes);
}
