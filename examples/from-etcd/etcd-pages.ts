// Reads etcd through the JSON gateway of its own port, so that nothing needs to be installed.

/** A pair as etcd has it, with its bytes. */
export interface EtcdPair {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** Whether it is attached to a lease, and ends with that. */
  readonly isLeased: boolean;
}

export interface EtcdPage {
  readonly pairs: readonly EtcdPair[];
  /** The revision of the store as of which all pages are read. */
  readonly revision: string;
}

/** What the gateway answers: numbers as text, and nothing that is 0, false or empty. */
interface RangeAnswer {
  readonly header?: { readonly revision?: string };
  readonly kvs?: readonly {
    readonly key?: string;
    readonly value?: string;
    readonly lease?: string;
  }[];
  readonly more?: boolean;
}

export interface EtcdSource {
  /** Such as `http://127.0.0.1:2379`. */
  readonly url: string;
  /** The first bytes of the keys; empty for all keys. */
  readonly prefix: Uint8Array;
  readonly pageSize: number;
  /** How long etcd may take for a page. */
  readonly timeoutMs: number;
}

/**
 * All pairs whose keys begin with the prefix, in order, as of one revision.
 *
 * @throws {Error} if etcd does not answer, or refuses: also if it has compacted that revision.
 */
export async function* etcdPages(source: EtcdSource): AsyncGenerator<EtcdPage, void, undefined> {
  const end = endOf(source.prefix);
  // As etcd has it, a zero byte stands for the first of all keys, and for "to the end" as well.
  let from: Uint8Array = source.prefix.length === 0 ? Uint8Array.of(0) : source.prefix;
  let revision: string | undefined;
  for (;;) {
    const answer = await range(source, { from, end, revision });
    revision ??= answer.header?.revision;
    if (revision === undefined) throw new Error(`${source.url} does not answer as etcd does.`);
    const pairs = (answer.kvs ?? []).map(({ key = '', value = '', lease = '0' }) => ({
      key: Buffer.from(key, 'base64'),
      value: Buffer.from(value, 'base64'),
      isLeased: lease !== '0',
    }));
    yield { pairs, revision };
    const last = pairs.at(-1);
    if (answer.more !== true || last === undefined) return;
    from = Buffer.concat([last.key, Uint8Array.of(0)]);
  }
}

interface RangeRequest {
  readonly from: Uint8Array;
  readonly end: Uint8Array;
  readonly revision: string | undefined;
}

async function range(
  { url, pageSize, timeoutMs }: EtcdSource,
  { from, end, revision }: RangeRequest,
): Promise<RangeAnswer> {
  const response = await fetch(new URL('/v3/kv/range', url), {
    method: 'POST',
    body: JSON.stringify({
      key: Buffer.from(from).toString('base64'),
      range_end: Buffer.from(end).toString('base64'),
      limit: `${pageSize}`,
      ...(revision === undefined ? {} : { revision }),
    }),
    signal: AbortSignal.timeout(timeoutMs),
  });
  const text = await response.text();
  if (!response.ok)
    throw new Error(`${url} refused with ${response.status}: ${text.slice(0, 500)}`);
  return JSON.parse(text) as RangeAnswer;
}

/** The first key behind all that begin with the prefix. */
function endOf(prefix: Uint8Array): Uint8Array {
  const last = prefix.findLastIndex((byte) => byte < 0xff);
  if (last === -1) return Uint8Array.of(0);
  // A copy, also of a Buffer.
  const end = Uint8Array.from(prefix.subarray(0, last + 1));
  end[last] = (end[last] ?? 0) + 1;
  return end;
}
