import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KvEvent, WatchBatch } from '../../src/types.ts';
import { changeLists, goodRecord, keys, requests } from './made-changes.ts';
import {
  type Change,
  changesTold,
  checkAcknowledged,
  checkChanges,
  checkWatch,
  type WatchRecord,
} from './watches.ts';

const [a, b] = keys as [Buffer, Buffer];

function put(key: Buffer, revision: number, previous?: KvEvent): KvEvent {
  const before = previous?.type === 'put' ? previous.kv : undefined;
  const kv = {
    key,
    value: Buffer.from(String(revision)),
    createRevision: before?.createRevision ?? revision,
    modRevision: revision,
    version: (before?.version ?? 0) + 1,
    lease: 0,
  };
  return { type: 'put', kv, ...(before === undefined ? {} : { previous: before }) };
}

const a2 = put(a, 2);
const b2 = put(b, 2);
const a3 = put(a, 3, a2);
const b4 = put(b, 4, b2);
const changes: readonly Change[] = [
  { revision: 2, events: [a2, b2] },
  { revision: 3, events: [a3] },
  { revision: 4, events: [b4] },
];
const everything = { key: Buffer.of(0), end: Buffer.of(0), previous: true };

function rulesFor(batches: readonly WatchBatch[], more: Partial<WatchRecord> = {}): string[] {
  const record = { request: everything, from: 2, batches, until: 4, ...more };
  return checkWatch(record, changes).map(({ rule }) => rule);
}

describe('a watcher that', () => {
  test.each<[string, string[], readonly WatchBatch[]]>([
    ['is told everything is right', [], [{ revision: 4, events: [a2, b2, a3, b4] }]],
    [
      'is told that there is nothing new is right',
      [],
      [
        { revision: 2, events: [a2, b2] },
        { revision: 2, events: [] },
        { revision: 4, events: [a3, b4] },
      ],
    ],
    [
      'gets half of a revision and then the rest is torn',
      ['torn', 'order'],
      [
        { revision: 2, events: [a2] },
        { revision: 4, events: [b2, a3, b4] },
      ],
    ],
    ['misses a revision', ['missing'], [{ revision: 4, events: [a2, b2, b4] }]],
    ['misses the end', ['missing', 'missing'], [{ revision: 2, events: [a2, b2] }]],
    ['misses everything', ['missing', 'missing', 'missing'], []],
    [
      'is promised what it was not told',
      ['missing'],
      [
        { revision: 3, events: [a2, b2] },
        { revision: 4, events: [b4] },
      ],
    ],
    ['is told in the wrong order', ['order'], [{ revision: 4, events: [a2, b2, b4, a3] }]],
    [
      'is told twice',
      ['twice'],
      [
        { revision: 4, events: [a2, b2, a3, b4] },
        { revision: 4, events: [b4] },
      ].map((batch, at) => (at === 0 ? batch : { revision: 5, events: [b4] })),
    ],
    [
      'goes back',
      ['order'],
      [
        { revision: 4, events: [a2, b2, a3, b4] },
        { revision: 3, events: [] },
      ],
    ],
  ])('%s', (_, rules, batches) => {
    const found = rulesFor(batches).filter((rule) => rule !== 'invented');

    expect(found).toEqual(rules);
  });

  test('is told what did not happen', () => {
    const other = { ...a3, kv: { ...a3.kv, value: Buffer.from('x') } };
    const batches = [{ revision: 4, events: [a2, b2, other, b4] }];

    expect(rulesFor(batches)).toEqual(['invented']);
  });

  test('is told a wrong pair before', () => {
    const { previous: _, ...bare } = a3;
    const batches = [{ revision: 4, events: [a2, b2, bare, b4] }];

    expect(rulesFor(batches)).toEqual(['previous']);
    expect(rulesFor(batches, { request: { ...everything, previous: false } })).toEqual([
      'previous',
    ]);
  });

  test('begins later owes nothing before that', () => {
    expect(rulesFor([{ revision: 4, events: [a3, b4] }], { from: 3 })).toEqual([]);
    expect(rulesFor([{ revision: 4, events: [a2, b2, a3, b4] }], { from: 3 })).toContain('order');
  });
});

test('whatever a good server tells is right', () => {
  const ends = fc.array(fc.integer({ min: 1, max: 25 }));
  const begin = fc.integer({ min: 2, max: 8 });
  fc.assert(
    fc.property(changeLists, requests, begin, ends, (all, request, from, cuts) => {
      expect(checkChanges(all)).toEqual([]);
      expect(checkWatch(goodRecord(all, { request, from, ends: cuts }), all)).toEqual([]);
    }),
  );
});

test('no event can be left out, doubled, moved or changed without notice', () => {
  const ends = fc.array(fc.integer({ min: 1, max: 25 }));
  let planted = 0;
  fc.assert(
    fc.property(changeLists, requests, ends, fc.nat(), fc.nat(3), (all, request, cuts, at, how) => {
      const good = goodRecord(all, { request, from: 2, ends: cuts });
      const full = good.batches.flatMap(({ events }, place) => (events.length > 0 ? [place] : []));
      const place = full[at % Math.max(1, full.length)];
      if (place === undefined) return;
      const bad = { ...good, batches: spoil(good.batches, { place, at, how }) };
      planted += 1;

      expect(checkWatch(bad, all)).not.toEqual([]);
    }),
  );

  expect(planted).toBeGreaterThan(40);
});

function spoil(
  batches: readonly WatchBatch[],
  { place, at, how }: { readonly place: number; readonly at: number; readonly how: number },
): readonly WatchBatch[] {
  return batches.map((batch, index) => {
    if (index !== place) return batch;
    const { events } = batch;
    const which = at % events.length;
    const event = events[which] as KvEvent;
    const without = events.toSpliced(which, 1);
    const { kv } = event;
    if (how === 0) return { ...batch, events: without };
    if (how === 1) return { ...batch, events: [...events, event] };
    if (how === 2) {
      const later = { ...kv, modRevision: kv.modRevision + 1 };
      return { ...batch, events: events.toSpliced(which, 1, { ...event, kv: later }) };
    }
    const type = event.type === 'put' ? 'delete' : 'put';
    return { ...batch, events: events.toSpliced(which, 1, { ...event, type }) };
  });
}

test('what a watcher of everything was told is the history for all others', () => {
  const record = {
    request: everything,
    from: 2,
    batches: [
      { revision: 2, events: [a2, b2] },
      { revision: 4, events: [a3, b4] },
    ],
  };

  expect(changesTold(record)).toEqual(changes);
});

test('changes that cannot follow each other are found', () => {
  const wrong = { ...a3, kv: { ...a3.kv, version: 3 } };
  const gone: KvEvent = { type: 'delete', kv: put(a, 2).kv };

  expect(checkChanges(changes)).toEqual([]);
  expect(checkChanges(changes.slice(1))[0]).toMatch('Revision 3 follows 1');
  expect(
    checkChanges([
      { revision: 2, events: [a2, b2] },
      { revision: 3, events: [wrong] },
    ]),
  ).toEqual([expect.stringContaining('does not follow')]);
  expect(checkChanges([{ revision: 2, events: [gone] }])).toEqual([
    expect.stringContaining('does not follow absent'),
  ]);
});

test('an acknowledged write that did not happen is found', () => {
  const write = { type: 'put', key: a, value: Buffer.from('3'), revision: 3 } as const;

  expect(checkAcknowledged([write], changes)).toEqual([]);
  expect(checkAcknowledged([{ ...write, revision: 4 }], changes)).toHaveLength(1);
  expect(checkAcknowledged([{ ...write, value: Buffer.from('4') }], changes)).toHaveLength(1);
  expect(checkAcknowledged([{ ...write, type: 'delete' }], changes)).toHaveLength(1);
});
