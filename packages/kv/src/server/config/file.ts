import path from 'node:path';

import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  parseDocument,
  visit,
  type YAMLMap,
} from 'yaml';

import { options } from './options.ts';
import { optionNamed, type Settings } from './settings.ts';

/** Reads a file in YAML, or in JSON, which is YAML too, and notes what is wrong with its line. */
export function applyFile(file: string, text: string, settings: Settings): void {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const reader = new FileReader(file, document, lines, settings);
  for (const { message, pos } of document.errors) {
    settings.problems.push(`${file}:${lines.linePos(pos[0]).line}: ${message}`);
  }
  if (document.errors.length === 0) reader.read();
}

class FileReader {
  readonly #file: string;
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  readonly #settings: Settings;

  constructor(file: string, document: Document.Parsed, lines: LineCounter, settings: Settings) {
    this.#file = file;
    this.#document = document;
    this.#lines = lines;
    this.#settings = settings;
  }

  read(): void {
    const { contents } = this.#document;
    if (!isMap(contents)) {
      if (contents !== null) this.#problem(1, 'wanted a map of options');
      return;
    }
    if (this.#hasAliases()) return;
    this.#readMap(contents, '');
  }

  /** References would let a short file say a lot, and hide where a value stands. */
  #hasAliases(): boolean {
    let found = false;
    visit(this.#document, (_, node) => {
      if (!isNode(node) || !isAlias(node)) return;
      found = true;
      this.#problem(this.#lineOf(node), `wanted a value; got the reference *${node.source}`);
    });
    return found;
  }

  #readMap(map: YAMLMap, prefix: string): void {
    for (const pair of map.items) {
      const { key, value } = pair;
      const line = this.#lineOf(key);
      if (!isScalar(key) || typeof key.value !== 'string') {
        this.#problem(line, 'wanted the name of an option');
        continue;
      }
      const name = `${prefix}${key.value}`;
      const option = optionNamed(name);
      if (option !== undefined) {
        const raw: unknown = isNode(value) ? value.toJS(this.#document) : value;
        const folder = path.dirname(this.#file);
        const placeOf = (part: string | undefined): string => this.#placeOf(name, part, pair);
        this.#settings.set(option, raw ?? undefined, { placeOf, folder });
      } else if (isMap(value) && isGroup(name)) {
        this.#readMap(value, `${name}.`);
      } else if (isGroup(name)) {
        this.#problem(line, `${name} has options in it: wanted a map`);
      } else {
        this.#settings.unknown(`${this.#file}:${line}`, name, namesIn(prefix));
      }
    }
  }

  #placeOf(name: string, part: string | undefined, pair: unknown): string {
    if (part === undefined) {
      const key = isPair(pair) ? pair.key : undefined;
      return `${this.#file}:${this.#lineOf(key)}: ${name}`;
    }
    const place = [...name.split('.'), /^\d+$/.test(part) ? Number(part) : part];
    const node: unknown = this.#document.getIn(place, true);
    const key = isPair(pair) ? pair.key : undefined;
    return `${this.#file}:${this.#lineOf(isNode(node) ? node : key)}: ${name} (${part})`;
  }

  #problem(line: number, what: string): void {
    this.#settings.problems.push(`${this.#file}:${line}: ${what}.`);
  }

  #lineOf(node: unknown): number {
    const offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
    return this.#lines.linePos(offset).line;
  }
}

/** Whether options lie in it. */
function isGroup(name: string): boolean {
  return options.some((option) => option.name.startsWith(`${name}.`));
}

/** What can stand in a group; and, since a name may be in the wrong one, all names. */
function namesIn(prefix: string): readonly string[] {
  const inside = options.filter(({ name }) => name.startsWith(prefix));
  const groups = inside.map(({ name }) => {
    const end = name.indexOf('.', prefix.length);
    return end < 0 ? name : name.slice(0, end);
  });
  return [...new Set(groups)];
}
