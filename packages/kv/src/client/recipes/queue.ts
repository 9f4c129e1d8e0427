import type { KeyRange, Revision } from '../../types.ts';
import type { RecipeKv } from './kv.ts';
import { type LeasedKey, notHeld } from './leased-key.ts';
import { linkSignals } from './signals.ts';
import { untilDeleted } from './watching.ts';

export interface WaitOptions {
  /** The keys of all who wait. */
  readonly range: KeyRange;
  readonly own: LeasedKey;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Waits until no key of the range is older than the own one, and guards that one from then on. Each
 * who waits watches the one before it alone, so a release wakes one, and not all. If the wait
 * fails, the own key is released.
 */
export async function waitForTurn(kv: RecipeKv, { own, ...options }: WaitOptions): Promise<void> {
  const { signal, unlink } = linkSignals(options.signal, own.signal);
  try {
    own.guard(await turnOf(kv, { own, ...options, signal }));
  } catch (error) {
    own.releaseInBackground();
    throw error;
  } finally {
    unlink();
  }
}

/** Resolves to the revision to guard the key from. */
async function turnOf(kv: RecipeKv, { range, own, signal }: WaitOptions): Promise<Revision> {
  for (;;) {
    // The own one, and the one before it. Both in one answer: a place whose lease has ended must
    // not be taken for the first.
    const { kvs, revision } = await kv.read(
      {
        ...range,
        maxCreateRevision: own.createRevision,
        sort: { target: 'create', order: 'descend' },
        limit: 2,
        keysOnly: true,
      },
      { signal },
    );
    const [mine, before] = kvs;
    if (mine?.createRevision !== own.createRevision) throw notHeld(own.key, 'its lease has ended');
    if (before === undefined) return revision + 1;
    // That one may have been waiting itself, and given up: look again who comes before.
    await untilDeleted(kv, { key: before.key, from: revision + 1 }, signal);
  }
}
