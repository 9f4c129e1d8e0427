import { stateMachineSuite } from 'quorate/testing';
import { describe, expect, test } from 'vitest';
import { type Command, type CommandResponse, KeyValueStore } from './store.ts';

const set = (key: string, value: string): Command => ({ type: 'set', key, value });

const compareAndSet = (key: string, expectedVersion: number, value: string): Command => ({
  type: 'compare-and-set',
  key,
  expectedVersion,
  value,
});

describe('the state machine suite', () => {
  stateMachineSuite<Command, CommandResponse>({
    test,
    open: async () => new KeyValueStore(),
    commands: [
      set('a', '1'),
      set('b', '2'),
      compareAndSet('a', 1, '3'),
      set('c', 'grüße'),
      compareAndSet('a', 1, 'stale'),
      compareAndSet('a', 3, '4'),
      set('b', '5'),
      set('d', '6'),
    ],
  });
});

/** Keys are `k0` and on, all with the same value; versions count from `firstVersion`. */
function fill(store: KeyValueStore, count: number, { value = 'v', firstVersion = 1 } = {}): void {
  for (let at = 0; at < count; at += 1) {
    const logId = { term: 1, index: firstVersion + at };
    store.apply([{ logId, command: set(`k${at}`, value) }]);
  }
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const collected: Uint8Array[] = [];
  for await (const chunk of chunks) collected.push(chunk);
  return collected;
}

async function restored(chunks: readonly Uint8Array[]): Promise<KeyValueStore> {
  const store = new KeyValueStore();
  await store.restore(streamOf(chunks));
  return store;
}

async function* streamOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function refusal(...lines: readonly string[]): Promise<unknown> {
  const error: unknown = await restored([Buffer.from(lines.join(''))]).catch(
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(TypeError);
  return error;
}

test('a large state comes in many chunks, none much larger than 64 KiB', async () => {
  const store = new KeyValueStore();
  fill(store, 20_000, { value: 'x'.repeat(50) });

  const chunks = await collect(await store.snapshot());

  expect(chunks.length).toBeGreaterThan(10);
  expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThan(80 * 1024);
  const other = await restored(chunks);
  expect(other.size).toBe(20_000);
  expect(other.get('k19999')).toEqual({ value: 'x'.repeat(50), version: 20_000 });
});

test('a state that is overwritten whole while it is read is read as it was', async () => {
  const store = new KeyValueStore();
  fill(store, 5000, { value: 'old value that makes a line long enough for several of them' });
  const wanted = await collect(await store.snapshot());

  const chunks: Uint8Array[] = [];
  for await (const chunk of await store.snapshot()) {
    chunks.push(chunk);
    // Twice, and with keys that were not there before.
    fill(store, 6000, { value: `new ${chunks.length}`, firstVersion: chunks.length * 10_000 });
  }

  expect(chunks.length).toBeGreaterThan(4);
  expect(Buffer.concat(chunks).equals(Buffer.concat(wanted))).toBe(true);
});

test('of what came after it, a snapshot that is being read keeps nothing', async () => {
  const store = new KeyValueStore();
  fill(store, 10);
  const frozen = await store.snapshot();

  for (let round = 1; round <= 3; round += 1) fill(store, 1000, { firstVersion: round * 1000 });

  expect(store.keptCount).toBe(10);
  const other = await restored(await collect(frozen));
  expect([other.size, other.get('k9')]).toEqual([10, { value: 'v', version: 10 }]);
});

test('a state that was restored is frozen as it was, also before the first write', async () => {
  const store = new KeyValueStore();
  fill(store, 10, { firstVersion: 100 });
  const other = await restored(await collect(await store.snapshot()));
  const frozen = await other.snapshot();

  fill(other, 10, { value: 'new', firstVersion: 110 });

  const third = await restored(await collect(frozen));
  expect(third.get('k0')).toEqual({ value: 'v', version: 100 });
});

test('what is frozen to be looked at is of one moment, with its count', async () => {
  const store = new KeyValueStore();
  fill(store, 10);
  const frozen = store.freeze();

  fill(store, 20, { firstVersion: 100 });

  const read = await restored(await collect(frozen.chunks));
  expect([frozen.count(), read.size]).toEqual([10, 10]);
  expect(store.frozenCount).toBe(0);
});

test('two snapshots of different moments are read side by side', async () => {
  const store = new KeyValueStore();
  fill(store, 3, { value: 'first' });
  const first = await store.snapshot();
  fill(store, 3, { value: 'second', firstVersion: 4 });
  const second = await store.snapshot();
  fill(store, 3, { value: 'third', firstVersion: 7 });

  const [one, two] = [await collect(first), await collect(second)];

  expect((await restored(one)).get('k2')).toEqual({ value: 'first', version: 3 });
  expect((await restored(two)).get('k2')).toEqual({ value: 'second', version: 6 });
  expect(store.get('k2')).toEqual({ value: 'third', version: 9 });
});

test('a store goes on with writes while its own snapshot is restored', async () => {
  const store = new KeyValueStore();
  fill(store, 3, { value: 'first' });
  const chunks = await collect(await store.snapshot());
  const reading = await store.snapshot();
  fill(store, 3, { value: 'second', firstVersion: 4 });

  await store.restore(streamOf(chunks));
  fill(store, 3, { value: 'third', firstVersion: 7 });

  expect((await restored(await collect(reading))).get('k0')).toEqual({
    value: 'first',
    version: 1,
  });
  expect(store.get('k0')).toEqual({ value: 'third', version: 7 });
});

test('text that is no proper Unicode arrives as it was', async () => {
  const store = new KeyValueStore();
  const odd = ['\uD800', '\uDFFF', '\n', '"', '', '\0', '🙂'];
  odd.forEach((key, at) => {
    store.apply([{ logId: { term: 1, index: at + 1 }, command: set(key, `${key}!`) }]);
  });

  const other = await restored(await collect(await store.snapshot()));

  expect(odd.map((key) => other.get(key))).toEqual(
    odd.map((key, at) => ({ value: `${key}!`, version: at + 1 })),
  );
});

test('a snapshot that nobody reads to its end costs later writes nothing', async () => {
  const store = new KeyValueStore();
  fill(store, 10);
  const unread = (await store.snapshot())[Symbol.asyncIterator]();
  const begun = (await store.snapshot())[Symbol.asyncIterator]();
  await begun.next();
  expect(store.frozenCount).toBe(2);

  await unread.return?.();
  await begun.return?.();

  expect(store.frozenCount).toBe(0);
  await collect(await store.snapshot());
  expect(store.frozenCount).toBe(0);
});

describe('a snapshot that is none is refused', () => {
  const head = '{"format":"kv-memstore","version":1}\n';

  test('if it is of another version', async () => {
    const error = await refusal('{"format":"kv-memstore","version":2}\n', '{"entries":0}\n');

    expect(String(error)).toContain('begins with {"format":"kv-memstore","version":1}');
    expect(String(error)).toContain('"version":2');
  });

  test('if it is empty', async () => {
    expect(String(await refusal(''))).toContain('this one ends after 0 entries');
  });

  test('if it ends before its count', async () => {
    expect(String(await refusal(head, '[["a","b",1]]\n'))).toContain('ends after 1 entries');
  });

  test('if its count is another', async () => {
    const error = await refusal(head, '[["a","b",1]]\n', '{"entries":2}\n');

    expect(String(error)).toContain('ends with its count, 1 here; it ends with {"entries":2}');
  });

  test('if it is cut in a line', async () => {
    expect(String(await refusal(head, '[["a",'))).toContain('line feed; this one does not: [["a",');
  });

  test('if more comes after its count', async () => {
    const error = await refusal(head, '{"entries":0}\n', '[["a","b",1]]\n');

    expect(String(error)).toContain('more came after it: [["a"');
  });

  test.each([{ line: 'null\n' }, { line: 'nonsense\n' }, { line: '7\n' }])(
    'if a line is $line',
    async ({ line }) => {
      expect(String(await refusal(line))).toContain('this is none');
    },
  );

  test('and leaves the state as it was', async () => {
    const store = new KeyValueStore();
    fill(store, 3);

    await expect(store.restore(streamOf([Buffer.from(head)]))).rejects.toThrow(TypeError);

    expect(store.get('k2')).toEqual({ value: 'v', version: 3 });
  });
});
