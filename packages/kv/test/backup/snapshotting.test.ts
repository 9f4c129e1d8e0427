import { describe, expect, test } from 'vitest';

import { openBackup } from '../../src/backup/decode.ts';
import { verifyBackup } from '../../src/backup/verify.ts';
import { KvError } from '../../src/errors.ts';
import { maxOpenSnapshots, Snapshotting } from '../../src/server/member/snapshotting.ts';
import { KvStore } from '../../src/store/store.ts';
import { VirtualRuntime } from '../leases/virtual-runtime.ts';
import { pairs, put } from '../store/kit.ts';
import { inPieces } from './support/backups.ts';

class World {
  readonly runtime = new VirtualRuntime();
  readonly store = new KvStore();
  refusal: KvError | undefined;
  comparing: Promise<void> | undefined;
  barriers = 0;
  readonly snapshotting: Snapshotting;

  constructor() {
    for (let at = 0; at < 300; at += 1) put(this.store, `key ${at}`, 'x'.repeat(1000));
    const raft = {
      id: 'a',
      metrics: { membership: { cluster: 'c' }, applied: { index: 7, term: 2 } },
      readBarrier: async () => void (this.barriers += 1),
    };
    this.snapshotting = new Snapshotting({
      raft: raft as unknown as ConstructorParameters<typeof Snapshotting>[0]['raft'],
      store: this.store,
      runtime: { ...bound(this.runtime), random: () => 0, randomId: () => 'x' },
      compareStates: async () => this.comparing,
      wallClock: () => Date.parse('2026-03-01T12:00:00Z'),
      health: {
        demandServing: () => {
          if (this.refusal !== undefined) throw this.refusal;
        },
      },
    });
  }

  /** What comes next, once time has passed as far as it has to. */
  async next(chunks: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
    const next = chunks.next();
    next.catch(() => undefined);
    for (let turn = 0; turn < 10; turn += 1) {
      await this.runtime.turns();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return next;
  }

  read(options: { readonly serializable?: boolean } = {}): AsyncIterator<Uint8Array> {
    const { signal } = new AbortController();
    return this.snapshotting.read({ signal, ...options })[Symbol.asyncIterator]();
  }
}

function bound(runtime: VirtualRuntime) {
  return {
    now: () => runtime.now(),
    setTimer: (run: () => void, ms: number) => runtime.setTimer(run, ms),
    yieldToIo: (run: () => void) => runtime.yieldToIo(run),
  };
}

describe('a snapshot that is handed out', () => {
  test('has the state of its moment, whatever is put while it is read', async () => {
    const world = new World();
    const before = pairs(world.store);
    const reader = world.read();
    const parts: Uint8Array[] = [];
    for (let next = await world.next(reader); !next.done; next = await world.next(reader)) {
      parts.push(next.value);
      put(world.store, `key ${parts.length}`, 'changed');
    }

    const opened = await openBackup(
      (async function* () {
        yield* parts;
      })(),
      'it',
    );
    const copy = new KvStore();
    await copy.restore(opened.content);

    expect(parts.length).toBeGreaterThan(4);
    expect(pairs(copy)).toEqual(before);
    expect(opened.head).toMatchObject({ cluster: 'c', member: 'a', index: 7, term: 2 });
    expect(opened.head.createdAt).toBe('2026-03-01T12:00:00.000Z');
    expect(world.barriers).toBe(1);
  });

  test('asks nobody if it need not be new', async () => {
    const world = new World();

    await world.next(world.read({ serializable: true }));

    expect(world.barriers).toBe(0);
  });

  test('is given up when nobody reads it, and lets go of its place', async () => {
    const world = new World();
    const readers = Array.from({ length: maxOpenSnapshots }, () => world.read());
    for (const reader of readers) {
      await world.next(reader);
      await world.next(reader);
    }
    await expect(world.next(world.read())).rejects.toMatchObject({ code: 'KV_LIMIT' });

    await world.runtime.pass(61_000);

    const [stalled] = readers;
    await expect(world.next(stalled as AsyncIterator<Uint8Array>)).rejects.toMatchObject({
      code: 'KV_TIMEOUT',
    });
    expect((await world.next(world.read())).done).toBe(false);
  });

  test('that nobody even begins to read lets go of its place as well', async () => {
    const world = new World();
    const { signal } = new AbortController();
    for (let at = 0; at < maxOpenSnapshots; at += 1) await world.snapshotting.freeze({ signal });
    await expect(world.snapshotting.freeze({ signal })).rejects.toMatchObject({ code: 'KV_LIMIT' });

    await world.runtime.pass(61_000);

    await world.snapshotting.freeze({ signal });
    world.snapshotting.close();
    expect(world.runtime.timerCount).toBe(0);
  });

  test('is whole only once members have compared their states, if it is to be new', async () => {
    const world = new World();
    const compared = Promise.withResolvers<void>();
    world.comparing = compared.promise;
    const [reader, old] = [world.read(), world.read({ serializable: true })];
    const rest = (chunks: AsyncIterator<Uint8Array>): Promise<Buffer> => wholeOf(world, chunks);

    const [file, oldFile] = [rest(reader), rest(old)];
    let isWhole = false;
    const ended = file.then(
      () => (isWhole = true),
      () => undefined,
    );

    expect((await verifyBackup(inPieces(await oldFile), { name: 'it' })).head.index).toBe(7);
    await world.runtime.pass(100);
    expect(isWhole).toBe(false);
    // Its own state is found to be wrong.
    world.refusal = new KvError('KV_UNHEALTHY', 'The state is wrong.');
    compared.resolve();
    await ended;
    await expect(file).rejects.toThrow('The state is wrong.');
  });

  test('ends when its member leaves service', async () => {
    const world = new World();
    const reader = world.read();
    await world.next(reader);
    await world.next(reader);

    world.refusal = new KvError('KV_UNHEALTHY', 'The state is wrong.');

    await expect(world.next(reader)).rejects.toThrow('The state is wrong.');
  });

  test('is no faster than it should be', async () => {
    const world = new World();
    const { signal } = new AbortController();
    const freezing = world.snapshotting.freeze({ signal, bytesPerSecond: 1000 });
    const { chunks } = await freezing;
    await world.next(chunks);
    await world.next(chunks);

    let came = false;
    const third = chunks.next().then((next) => {
      came = true;
      return next;
    });
    await world.runtime.pass(50_000);
    expect(came).toBe(false);
    await world.runtime.pass(30_000);

    expect((await third).done).toBe(false);
    await chunks.return(undefined);
    expect(world.runtime.timerCount).toBe(0);
  });
});

async function wholeOf(world: World, chunks: AsyncIterator<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (let next = await world.next(chunks); !next.done; next = await world.next(chunks)) {
    parts.push(next.value);
  }
  return Buffer.concat(parts);
}
