import type { KeyRange, KeyValue, Revision } from '../../types.ts';
import { textFrom } from '../text.ts';
import { DocumentError, type DocumentIssue } from './errors.ts';
import { allUnder, escaped, placeOfCollection, textOf, unescaped, utf8 } from './keys.ts';
import type { StandardSchema, StandardSchemaIssue } from './standard-schema.ts';

/** A document as it was at some revision. */
export interface Document<Value> {
  readonly id: string;
  readonly key: string;
  readonly value: Value;
  /** The revision of its last change. */
  readonly revision: Revision;
  /** The revision that created it, after it was last deleted. */
  readonly createRevision: Revision;
  /** How often it was put since it was created: 1 for a new one. */
  readonly version: number;
}

/** What a document is on its way into the store. */
export interface Encoded<Output> {
  readonly key: Uint8Array;
  readonly bytes: Uint8Array;
  /** What a reader will find. */
  readonly value: Output;
}

/** Issues that a message names; the error has all of them. */
const issuesInMessage = 5;

/** Documents of one collection as pairs of the store, and back. */
export class DocumentCodec<Input, Output> {
  readonly range: KeyRange;
  readonly #name: string;
  readonly #under: string;
  readonly #schema: StandardSchema<Input, Output>;

  constructor(name: string, schema: StandardSchema<Input, Output>) {
    this.#under = placeOfCollection(name);
    this.#name = name;
    this.#schema = schema;
    this.range = allUnder(this.#under);
  }

  keyOf(id: string): Uint8Array {
    return utf8(this.#textKeyOf(id));
  }

  /**
   * What goes into the store is what was given, as JSON; the schema is asked about that JSON, since
   * that is what it will be asked about when the document is read.
   */
  async encode(id: string, input: Input): Promise<Encoded<Output>> {
    const key = this.#textKeyOf(id);
    let json: string | undefined;
    try {
      json = JSON.stringify(input);
    } catch (cause) {
      throw this.#refusal(key, [{ message: `it is no JSON: ${messageOf(cause)}`, path: [] }], {
        cause,
      });
    }
    if (json === undefined) {
      throw this.#refusal(key, [{ message: `a ${typeof input} is no JSON`, path: [] }]);
    }
    const value = await this.#validate(JSON.parse(json), (issues) => this.#refusal(key, issues));
    return { key: utf8(key), bytes: utf8(json), value };
  }

  async decode(pair: KeyValue): Promise<Document<Output>> {
    const id = this.idOf(pair);
    const key = textOf(pair.key);
    const revision = pair.modRevision;
    let parsed: unknown;
    try {
      parsed = JSON.parse(textFrom(pair.value, 'document'));
    } catch (cause) {
      const issues = [{ message: `it is no JSON: ${messageOf(cause)}`, path: [] }];
      throw this.#damage(key, issues, { revision, cause });
    }
    const value = await this.#validate(parsed, (issues) => this.#damage(key, issues, { revision }));
    return {
      id,
      key,
      value,
      revision,
      createRevision: pair.createRevision,
      version: pair.version,
    };
  }

  /** @throws {DocumentError} if the key is none that this makes of an id. */
  idOf({ key, modRevision: revision }: KeyValue): string {
    const text = textOf(key);
    const id = unescaped(text.slice(this.#under.length));
    if (id !== undefined && text === this.#textKeyOf(id)) return id;
    const issues = [{ message: 'the key is not that of a document', path: [] }];
    throw this.#damage(text, issues, { revision });
  }

  #textKeyOf(id: string): string {
    return this.#under + escaped(id, 'The id of a document');
  }

  async #validate(
    value: unknown,
    failed: (issues: readonly DocumentIssue[]) => DocumentError,
  ): Promise<Output> {
    const result = await this.#schema['~standard'].validate(value);
    if (result.issues !== undefined) throw failed(result.issues.map(issueOf));
    return result.value;
  }

  #refusal(
    key: string,
    issues: readonly DocumentIssue[],
    details: { readonly cause?: unknown } = {},
  ): DocumentError {
    const message = `"${key}" was not written: the document does not fit the schema of`;
    return new DocumentError(`${message} "${this.#name}": ${listOf(issues)}.`, {
      key,
      issues,
      ...details,
    });
  }

  #damage(
    key: string,
    issues: readonly DocumentIssue[],
    details: { readonly revision: Revision; readonly cause?: unknown },
  ): DocumentError {
    const message =
      `"${key}" in the store does not fit the schema of "${this.#name}" ` +
      `(revision ${details.revision}): ${listOf(issues)}. Overwrite it, or let the schema take it.`;
    return new DocumentError(message, { key, issues, ...details });
  }
}

function issueOf({ message, path = [] }: StandardSchemaIssue): DocumentIssue {
  const keys = path.map((part) => (typeof part === 'object' ? part.key : part));
  return { message, path: keys };
}

function listOf(issues: readonly DocumentIssue[]): string {
  const told = issues.slice(0, issuesInMessage).map(({ message, path }) => {
    const at = path.map(String).join('.');
    return at === '' ? message : `${at}: ${message}`;
  });
  const rest = issues.length - told.length;
  return told.join('; ') + (rest > 0 ? `; and ${rest} more` : '');
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
