import type { SnapshotMeta } from 'quorate';
import { describe, expect, it } from 'vitest';
import { encodeCommand } from '../../src/protocol/commands.ts';
import { WatchHub } from '../../src/server/watch/hub.ts';
import { KvStateMachine } from '../../src/store/machine.ts';
import type { Operation } from '../../src/types.ts';
import { VirtualRuntime } from '../leases/virtual-runtime.ts';
import { bytes, inShort, nextOf, type Watch } from './kit.ts';

describe('A member that gets a snapshot of a leader', () => {
  it('tells its watchers what they have missed, each change once', async () => {
    const [leader, follower] = [new Member(), new Member()];
    for (const member of [leader, follower]) member.apply(put('a', '1'), put('b', '1'));
    const waiting = nextOf(follower.watch('a'));
    const slow = follower.watch('a', 3);
    leader.apply(put('a', '2'), { type: 'compact', revision: 3 }, put('a', '3'));

    await follower.restore(leader);

    expect(await waiting).toBe('+a=2@4 +a=3@5 to 5');
    await expect(slow.next()).rejects.toMatchObject({ code: 'KV_COMPACTED' });
    for (const member of [leader, follower]) member.apply({ type: 'delete', key: bytes('a') });

    for (const { watch } of [leader, follower]) {
      expect(await shortUpTo(6, watch('a', 4))).toEqual(['+a=2@4', '+a=3@5', '-a@6']);
      expect(await shortUpTo(6, watch('a', 6))).toEqual(['-a@6']);
    }
  });

  it('ends the watches that miss what the snapshot has no more', async () => {
    const [leader, follower] = [new Member(), new Member()];
    const waiting = follower.watch('a').next();
    const ahead = nextOf(follower.watch('a', 4));
    leader.apply(put('a', '1'), put('a', '2'), put('a', '3'), { type: 'compact', revision: 3 });

    await Promise.all([
      expect(waiting).rejects.toMatchObject({
        code: 'KV_COMPACTED',
        details: { compactedRevision: 3 },
      }),
      follower.restore(leader),
    ]);

    expect(await ahead).toBe('+a=3@4 to 4');
    expect(follower.hub.count).toBe(1);
  });
});

/** A store with its hub, as a member has them. */
class Member {
  readonly hub: WatchHub;
  readonly #machine: KvStateMachine;
  #index = 0;

  readonly watch = (key: string, from = 0): Watch =>
    this.hub.watch({ key: bytes(key), from }, { signal: new AbortController().signal });

  constructor() {
    this.#machine = new KvStateMachine({
      onApplied: ({ restored }) => (restored ? this.hub.restored() : this.hub.applied()),
    });
    this.hub = new WatchHub({
      store: this.#machine.store,
      limits: { maxWatchers: 100, maxKeyBytes: 100 },
      runtime: new VirtualRuntime(),
    });
  }

  /** Each operation is a command of its own, and a batch. */
  apply(...operations: readonly Operation[]): void {
    for (const operation of operations) {
      this.#index += 1;
      const logId = { term: 1, index: this.#index };
      this.#machine.apply([{ logId, command: encodeCommand([operation]) }]);
    }
  }

  async restore(from: Member): Promise<void> {
    const meta = { id: 'of-the-leader', lastLogId: { term: 1, index: from.#index } };
    await this.#machine.restore(each(await from.#machine.snapshot()), meta as SnapshotMeta);
    this.#index = from.#index;
  }
}

/** All events up to a revision, in whatever batches. */
async function shortUpTo(revision: number, watch: Watch): Promise<readonly string[]> {
  const told: string[] = [];
  for await (const batch of watch) {
    told.push(...batch.events.map(inShort));
    if (batch.revision >= revision) break;
  }
  return told;
}

function put(key: string, value: string): Operation {
  return { type: 'put', key: bytes(key), value: bytes(value) };
}

async function* each(chunks: Iterable<Uint8Array>): AsyncIterable<Uint8Array> {
  yield* chunks;
}
