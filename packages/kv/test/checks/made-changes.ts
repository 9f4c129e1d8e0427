import fc from 'fast-check';
import type { KeyValue, KvEvent, WatchRequest } from '../../src/types.ts';
import type { Change, WatchRecord } from './watches.ts';
import { isIn } from './watches.ts';

export const keys = ['a', 'b', 'b1', 'c'].map((key) => Buffer.from(key));

/** For each revision, which keys are put or deleted. */
export const changeLists: fc.Arbitrary<readonly Change[]> = fc
  .array(
    fc.uniqueArray(fc.record({ key: fc.nat(keys.length - 1), isDelete: fc.boolean() }), {
      selector: ({ key }) => key,
      minLength: 1,
      maxLength: 3,
    }),
    { maxLength: 20, size: 'max' },
  )
  .map(changesOf);

function changesOf(
  drawn: readonly (readonly { readonly key: number; readonly isDelete: boolean }[])[],
): readonly Change[] {
  const pairs = new Map<number, KeyValue>();
  const changes: Change[] = [];
  let revision = 2;
  for (const some of drawn) {
    const events = some.flatMap(({ key, isDelete }): KvEvent[] => {
      const previous = pairs.get(key);
      const before = previous === undefined ? {} : { previous };
      if (isDelete && previous === undefined) return [];
      const kv = pairAt(key, { revision, previous: isDelete ? undefined : previous });
      if (isDelete) pairs.delete(key);
      else pairs.set(key, kv);
      return [{ type: isDelete ? 'delete' : 'put', kv, ...before }];
    });
    if (events.length === 0) continue;
    changes.push({ revision, events });
    revision += 1;
  }
  return changes;
}

function pairAt(
  key: number,
  { revision, previous }: { readonly revision: number; readonly previous: KeyValue | undefined },
): KeyValue {
  return {
    key: keys[key] as Buffer,
    value: Buffer.from(`value ${revision}`),
    createRevision: previous?.createRevision ?? revision,
    modRevision: revision,
    version: (previous?.version ?? 0) + 1,
    lease: 0,
  };
}

export const requests: fc.Arbitrary<WatchRequest> = fc
  .record({
    key: fc.constantFrom(...keys),
    end: fc.constantFrom(undefined, Buffer.from('c'), Buffer.of(0)),
    previous: fc.boolean(),
    without: fc.constantFrom(undefined, 'put' as const, 'delete' as const),
  })
  .map(({ end, without, ...rest }) => ({
    ...rest,
    ...(end === undefined ? {} : { end }),
    ...(without === undefined ? {} : { without }),
  }));

/** What a good server tells: everything from `from` on, in batches that end at `ends`. */
export function goodRecord(
  changes: readonly Change[],
  options: {
    readonly request: WatchRequest;
    readonly from: number;
    readonly ends: readonly number[];
  },
): WatchRecord {
  const { request, from } = options;
  const last = changes.at(-1)?.revision ?? 1;
  const inside = options.ends.filter((end) => end >= from && end < last);
  const all = last < from ? [] : [...inside, last];
  const ends = [...new Set(all)].sort((left, right) => left - right);
  const batches = ends.map((revision, at) => {
    const after = ends[at - 1] ?? from - 1;
    const some = changes.filter((change) => change.revision > after && change.revision <= revision);
    const events = some
      .flatMap((change) => change.events)
      .filter(({ type, kv }) => type !== request.without && isIn(request, kv.key))
      .map(({ previous, ...event }) =>
        request.previous === true && previous !== undefined ? { ...event, previous } : event,
      );
    return { revision, events };
  });
  return { request, from, batches, until: last };
}
