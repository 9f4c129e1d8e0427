/* The words of one line of a transaction: bare, or in quotes with escapes. */

/** Where and why a transaction cannot be understood. */
export class TxnTextError extends Error {
  override readonly name = 'TxnTextError';
  readonly line: number;
  readonly column: number;

  constructor(message: string, { line, column }: { line: number; column: number }) {
    super(`line ${line}, column ${column}: ${message}`);
    this.line = line;
    this.column = column;
  }
}

export interface Word {
  readonly text: string;
  readonly bytes: Uint8Array;
  readonly isQuoted: boolean;
  /** From 1 on. */
  readonly column: number;
}

/** What ends a bare word: in a comparison also brackets and relations. */
export type WordKind = 'operation' | 'comparison';

const signs = /^(!=|[()=<>])/;

/** Whether it is a bracket or a relation, where it is not in quotes. */
export function isSign({ text, isQuoted }: Word): boolean {
  return !isQuoted && signs.test(text);
}

/** @throws {TxnTextError} */
export function wordsOf(text: string, line: number, kind: WordKind): readonly Word[] {
  const words: Word[] = [];
  const bare = kind === 'comparison' ? /[^\s"'()=<>!]+/y : /[^\s"']+/y;
  let at = 0;
  while (at < text.length) {
    const found = text[at] ?? '';
    const column = at + 1;
    if (/\s/.test(found)) {
      at += 1;
      continue;
    }
    if (found === '"' || found === "'") {
      const word = quotedWord(text, at, line);
      words.push(word);
      at = word.end;
      continue;
    }
    const sign = kind === 'comparison' ? signs.exec(text.slice(at))?.[0] : undefined;
    bare.lastIndex = at;
    const plain = sign ?? bare.exec(text)?.[0];
    if (plain === undefined) throw new TxnTextError(`there is no ${found} here`, { line, column });
    words.push({ text: plain, bytes: Buffer.from(plain), isQuoted: false, column });
    at += plain.length;
  }
  return words;
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  '0': '\0',
  '\\': '\\',
  '"': '"',
};

/** `'...'` is as it stands; in `"..."`, `\n`, `\"`, `\xNN` and `\uNNNN` are escapes. */
function quotedWord(text: string, from: number, line: number): Word & { readonly end: number } {
  const quote = text[from];
  const parts: Uint8Array[] = [];
  let at = from + 1;
  for (;;) {
    const found = text[at];
    if (found === undefined) {
      const message = `the quotes that begin here have no end on this line`;
      throw new TxnTextError(message, { line, column: from + 1 });
    }
    if (found === quote) break;
    if (found === '\\' && quote === '"') {
      const { bytes, end } = escapeAt(text, at, line);
      parts.push(bytes);
      at = end;
      continue;
    }
    const run = quote === '"' ? /[^"\\]+/y : /[^']+/y;
    run.lastIndex = at;
    const piece = run.exec(text)?.[0] ?? found;
    parts.push(Buffer.from(piece));
    at += piece.length;
  }
  const bytes = Buffer.concat(parts);
  return { text: bytes.toString(), bytes, isQuoted: true, column: from + 1, end: at + 1 };
}

function escapeAt(text: string, at: number, line: number): { bytes: Uint8Array; end: number } {
  const name = text[at + 1] ?? '';
  const plain = Object.hasOwn(escapes, name) ? escapes[name] : undefined;
  if (plain !== undefined) return { bytes: Buffer.from(plain), end: at + 2 };
  const byte = /^\\x([0-9a-fA-F]{2})/.exec(text.slice(at, at + 4))?.[1];
  if (byte !== undefined) return { bytes: Buffer.from(byte, 'hex'), end: at + 4 };
  const unit = /^\\u([0-9a-fA-F]{4})/.exec(text.slice(at, at + 6))?.[1];
  if (unit !== undefined && !/^d[89a-f]/i.test(unit)) {
    return { bytes: Buffer.from(String.fromCharCode(Number.parseInt(unit, 16))), end: at + 6 };
  }
  const message = `"\\${name}" means nothing; wanted \\n, \\r, \\t, \\0, \\\\, \\", \\xNN or \\uNNNN`;
  throw new TxnTextError(message, { line, column: at + 1 });
}
