import type { KeyValue, LeaseId, PutRequest, Revision, TxnRequest, TxnResponse } from '../types.ts';
import { type Document, DocumentCodec, type Encoded } from './recipes/documents.ts';
import { RecipeError } from './recipes/errors.ts';
import { changedAt, textOf, when } from './recipes/keys.ts';
import type { CallOptions, RecipeKv } from './recipes/kv.ts';
import type { SchemaInput, SchemaOutput, StandardSchema } from './recipes/standard-schema.ts';
import { eventsOf } from './recipes/watching.ts';
import { keyAfter } from './text.ts';

export interface PutDocumentOptions extends CallOptions {
  /** Only if this was its last change; 0: only if there is none. */
  readonly ifRevision?: Revision;
  /** It is deleted when this lease ends. Without one it stays, whatever it was attached to. */
  readonly lease?: LeaseId;
}

export interface UpdateOptions extends CallOptions {
  /** How often it is read and changed anew because others were faster. Default: 100. */
  readonly maxTries?: number;
}

export interface DeleteDocumentOptions extends CallOptions {
  /** Only if this was its last change. */
  readonly ifRevision?: Revision;
}

export interface ListOptions extends CallOptions {
  /** Documents that are read at a time. Default: 256. */
  readonly pageSize?: number;
}

export interface WatchDocumentsOptions extends CallOptions {
  /** From this revision on. Default: what changes after the first `next`. */
  readonly from?: Revision;
  /** First all documents that are there, then what changes from there on, without a gap. */
  readonly current?: boolean;
}

/** A change of one document. */
export type DocumentEvent<Value> =
  | { readonly type: 'put'; readonly document: Document<Value> }
  | {
      readonly type: 'delete';
      readonly id: string;
      readonly key: string;
      readonly revision: Revision;
    };

const defaultPageSize = 256;
const defaultMaxTries = 100;

/**
 * Documents of one schema under `name/id`, as JSON. What is written is checked before, and what is
 * read is checked again, since it may have been written by another version of the program. The
 * document in the store is what was given; a reader gets what the schema makes of it.
 *
 * Everything rejects with a `DocumentError` for a document that does not fit, and with `KvError`.
 */
export class Collection<Schema extends StandardSchema> {
  readonly name: string;
  readonly #kv: RecipeKv;
  readonly #codec: DocumentCodec<SchemaInput<Schema>, SchemaOutput<Schema>>;

  constructor(kv: RecipeKv, name: string, schema: Schema) {
    this.name = name;
    this.#kv = kv;
    this.#codec = new DocumentCodec(name, schema);
  }

  /** The document with this id, linearizable; `undefined` if there is none. */
  async get(
    id: string,
    options: CallOptions = {},
  ): Promise<Document<SchemaOutput<Schema>> | undefined> {
    const { kvs } = await this.#kv.read({ key: this.#codec.keyOf(id) }, options);
    return this.#decode(kvs[0]);
  }

  /**
   * Puts the document, whether there is one or not.
   *
   * @throws {RecipeError} `KV_CONFLICT` if its last change was not `ifRevision`.
   */
  async put(
    id: string,
    value: SchemaInput<Schema>,
    { ifRevision, lease, signal }: PutDocumentOptions = {},
  ): Promise<Document<SchemaOutput<Schema>>> {
    const encoded = await this.#codec.encode(id, value);
    const compare = ifRevision === undefined ? [] : [changedAt(encoded.key, ifRevision)];
    const how = lease === undefined ? {} : { lease };
    const response = await this.#kv.commit(putAndRead(encoded, compare, how), { signal });
    if (!response.succeeded) throw this.#conflict(id, `was not last changed at ${ifRevision}`);
    return documentOf(id, encoded, pairIn(response));
  }

  /** @throws {RecipeError} `KV_DOCUMENT_EXISTS` if there is one. */
  async create(
    id: string,
    value: SchemaInput<Schema>,
    { lease, signal }: Omit<PutDocumentOptions, 'ifRevision'> = {},
  ): Promise<Document<SchemaOutput<Schema>>> {
    const encoded = await this.#codec.encode(id, value);
    const how = lease === undefined ? {} : { lease };
    const request = putAndRead(encoded, [changedAt(encoded.key, 0)], how);
    const response = await this.#kv.commit(request, { signal });
    if (response.succeeded) return documentOf(id, encoded, pairIn(response));
    const key = textOf(encoded.key);
    const message = `"${key}" is there already. Use another id, or update it.`;
    throw new RecipeError('KV_DOCUMENT_EXISTS', message, { key });
  }

  /**
   * Replaces the document by what `change` makes of it, if nobody else has changed it meanwhile;
   * else `change` is called again with what they made of it. `undefined` leaves it as it is. It
   * stays attached to its lease. Resolves to what is there then.
   *
   * @throws {RecipeError} `KV_CONFLICT` if others were faster `maxTries` times.
   */
  async update(
    id: string,
    change: (
      document: Document<SchemaOutput<Schema>> | undefined,
    ) => SchemaInput<Schema> | undefined | Promise<SchemaInput<Schema> | undefined>,
    { maxTries = defaultMaxTries, signal }: UpdateOptions = {},
  ): Promise<Document<SchemaOutput<Schema>> | undefined> {
    let current = await this.get(id, { signal });
    for (let tries = 0; tries < maxTries; tries += 1) {
      const value = await change(current);
      signal?.throwIfAborted();
      if (value === undefined) return current;
      const encoded = await this.#codec.encode(id, value);
      const compare = [changedAt(encoded.key, current?.revision ?? 0)];
      const how = current === undefined ? {} : { ignoreLease: true };
      const response = await this.#kv.commit(putAndRead(encoded, compare, how), { signal });
      const pair = pairIn(response);
      if (response.succeeded) return documentOf(id, encoded, pair);
      current = await this.#decode(pair);
    }
    throw this.#conflict(id, `was changed by others before each of ${maxTries} tries`);
  }

  /**
   * Resolves to whether there was one.
   *
   * @throws {RecipeError} `KV_CONFLICT` if its last change was not `ifRevision`.
   */
  async delete(id: string, { ifRevision, signal }: DeleteDocumentOptions = {}): Promise<boolean> {
    const key = this.#codec.keyOf(id);
    const compare = ifRevision === undefined ? [] : [changedAt(key, ifRevision)];
    const request = when(compare, [{ type: 'delete', key }]);
    const { succeeded, results } = await this.#kv.commit(request, { signal });
    if (!succeeded) throw this.#conflict(id, `was not last changed at ${ifRevision}`);
    return results[0]?.type === 'delete' && results[0].deleted > 0;
  }

  /** How many there are: linearizable. */
  async count(options: CallOptions = {}): Promise<number> {
    return (await this.#kv.read({ ...this.#codec.range, countOnly: true }, options)).count;
  }

  /** All documents as of one revision, in the order of their keys, a page at a time. */
  async *list(options: ListOptions = {}): AsyncGenerator<Document<SchemaOutput<Schema>>, void> {
    for await (const { kvs } of this.#pages(options)) {
      for (const pair of kvs) yield this.#codec.decode(pair);
    }
  }

  /**
   * Every change, once and in order, also when members fail. Ends with a throw: by the signal, the
   * client, or a document that does not fit; go on behind that with `from` its `revision` + 1.
   *
   * @throws {KvError} `KV_COMPACTED` when what comes next is gone; begin again with `current`.
   */
  async *watch({
    from,
    current = false,
    signal,
  }: WatchDocumentsOptions = {}): AsyncGenerator<DocumentEvent<SchemaOutput<Schema>>, never> {
    let next = from;
    if (current) {
      for await (const { kvs, revision } of this.#pages({ signal })) {
        for (const pair of kvs) yield { type: 'put', document: await this.#codec.decode(pair) };
        next = revision + 1;
      }
    }
    // What changes while the watch is on its way to a member must not be missed.
    const { range } = this.#codec;
    next ??= (await this.#kv.read({ ...range, countOnly: true }, { signal })).revision + 1;
    for await (const { type, kv } of eventsOf(this.#kv, { ...range, from: next }, signal)) {
      if (type === 'put') {
        yield { type, document: await this.#codec.decode(kv) };
      } else {
        yield { type, id: this.#codec.idOf(kv), key: textOf(kv.key), revision: kv.modRevision };
      }
    }
    throw new TypeError('A watch ended without a reason.');
  }

  /** Pages of the state at the revision that the first one is of, and that revision with each. */
  async *#pages({
    pageSize = defaultPageSize,
    signal,
  }: ListOptions): AsyncGenerator<{ readonly kvs: readonly KeyValue[]; revision: Revision }, void> {
    if (!Number.isSafeInteger(pageSize) || pageSize < 1) {
      throw new RangeError(`A page has a whole number of documents from 1; got ${pageSize}.`);
    }
    let range = this.#codec.range;
    let pinned: Revision | undefined;
    for (;;) {
      const at = pinned === undefined ? {} : { revision: pinned };
      const page = await this.#kv.read({ ...range, ...at, limit: pageSize }, { signal });
      pinned ??= page.revision;
      yield { kvs: page.kvs, revision: pinned };
      const last = page.kvs.at(-1);
      if (!page.more || last === undefined) return;
      range = { ...range, key: keyAfter(last.key) };
    }
  }

  async #decode(pair: KeyValue | undefined): Promise<Document<SchemaOutput<Schema>> | undefined> {
    return pair === undefined ? undefined : this.#codec.decode(pair);
  }

  #conflict(id: string, why: string): RecipeError {
    const key = textOf(this.#codec.keyOf(id));
    return new RecipeError('KV_CONFLICT', `"${key}" ${why}. Read it and try again.`, { key });
  }
}

/** Puts it if the comparisons hold, and reads the key either way. */
function putAndRead(
  { key, bytes }: Encoded<unknown>,
  compare: TxnRequest['compare'],
  how: Pick<PutRequest, 'lease' | 'ignoreLease'>,
): TxnRequest {
  const read = { type: 'range', key } as const;
  return when(compare, [{ type: 'put', key, value: bytes, ...how }, read], [read]);
}

function pairIn({ results }: TxnResponse): KeyValue | undefined {
  const last = results.at(-1);
  return last?.type === 'range' ? last.kvs[0] : undefined;
}

/** Of what was just written: the schema has been asked already. */
function documentOf<Output>(
  id: string,
  { key, value }: Encoded<Output>,
  pair: KeyValue | undefined,
): Document<Output> {
  if (pair === undefined) throw new TypeError(`"${textOf(key)}" was put and is not there.`);
  const { modRevision: revision, createRevision, version } = pair;
  return { id, key: textOf(key), value, revision, createRevision, version };
}
