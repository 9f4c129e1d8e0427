/** Where a text stops to be JSON, from 1 each. */
export interface JsonFault {
  readonly line: number;
  readonly column: number;
  readonly problem: string;
}

/** What must come next. */
type Wanted = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or the end' | 'the end';

/**
 * Finds the first place where `text` is not JSON. The engine's own parser is faster, but does not
 * say where it failed in every case. Depth costs no stack.
 */
export function findJsonFault(text: string): JsonFault | undefined {
  const scan = new JsonScan(text);
  scan.run();
  if (scan.problem === undefined) return undefined;
  const before = text.slice(0, scan.at);
  const lineStart = before.lastIndexOf('\n') + 1;
  return {
    line: before.split('\n').length,
    column: scan.at - lineStart + 1,
    problem: scan.problem,
  };
}

class JsonScan {
  at = 0;
  problem: string | undefined;
  readonly #text: string;
  /** The open brackets. */
  readonly #open: ('{' | '[')[] = [];
  #wanted: Wanted = 'value';

  constructor(text: string) {
    this.#text = text;
  }

  run(): void {
    while (this.problem === undefined) {
      this.#skipSpace();
      const found = this.#text[this.at];
      if (found === undefined) {
        if (this.#wanted !== 'the end') this.problem = `it ends where ${this.#name()} should come`;
        return;
      }
      this.#step(found);
    }
  }

  #step(found: string): void {
    const wanted = this.#wanted;
    if (wanted === 'value' || wanted === 'value or ]') {
      if (wanted === 'value or ]' && found === ']') this.#close();
      else this.#value(found);
    } else if (wanted === 'key' || wanted === 'key or }') {
      if (wanted === 'key or }' && found === '}') this.#close();
      else if (found === '"') this.#string(':');
      else this.#unexpected(found);
    } else if (wanted === ':' && found === ':') {
      this.#take(1, 'value');
    } else if (wanted === ', or the end') {
      this.#afterValue(found);
    } else {
      this.#unexpected(found);
    }
  }

  #afterValue(found: string): void {
    const bracket = this.#open.at(-1);
    if (found === ',') this.#take(1, bracket === '{' ? 'key' : 'value');
    else if (found === (bracket === '{' ? '}' : ']')) this.#close();
    else this.#unexpected(found);
  }

  #value(found: string): void {
    if (found === '{') this.#enter('{', 'key or }');
    else if (found === '[') this.#enter('[', 'value or ]');
    else if (found === '"') this.#string(this.#afterOne());
    else this.#word(found);
  }

  #word(found: string): void {
    const pattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
    pattern.lastIndex = this.at;
    const word = pattern.exec(this.#text)?.[0];
    if (word === undefined) this.#unexpected(found);
    else this.#take(word.length, this.#afterOne());
  }

  #string(next: Wanted): void {
    const text = this.#text;
    let at = this.at + 1;
    for (; text[at] !== '"'; at += 1) {
      if (at >= text.length) return this.#fail(text.length, 'it ends inside a string');
      if (text.charCodeAt(at) < 0x20) return this.#fail(at, 'a control character in a string');
      if (text[at] !== '\\') continue;
      const escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
      escape.lastIndex = at;
      const length = escape.exec(text)?.[0].length;
      if (length === undefined) return this.#fail(at, 'an escape that JSON does not know');
      at += length - 1;
    }
    this.#take(at + 1 - this.at, next);
  }

  #enter(bracket: '{' | '[', next: Wanted): void {
    this.#open.push(bracket);
    this.#take(1, next);
  }

  #close(): void {
    this.#open.pop();
    this.#take(1, this.#afterOne());
  }

  #afterOne(): Wanted {
    return this.#open.length === 0 ? 'the end' : ', or the end';
  }

  #take(length: number, next: Wanted): void {
    this.at += length;
    this.#wanted = next;
  }

  #skipSpace(): void {
    const space = /[ \t\r\n]*/y;
    space.lastIndex = this.at;
    this.at += space.exec(this.#text)?.[0].length ?? 0;
  }

  #unexpected(found: string): void {
    this.problem = `${JSON.stringify(found)} where ${this.#name()} should come`;
  }

  #fail(at: number, problem: string): void {
    this.at = at;
    this.problem = problem;
  }

  #name(): string {
    switch (this.#wanted) {
      case 'value':
        return 'a value';
      case 'value or ]':
        return 'a value or "]"';
      case 'key':
        return 'a name in quotes';
      case 'key or }':
        return 'a name in quotes or "}"';
      case ':':
        return '":"';
      case ', or the end':
        return this.#open.at(-1) === '{' ? '"," or "}"' : '"," or "]"';
      case 'the end':
        return 'the end';
    }
  }
}
