import { changedAt, createdAt, placeOf, utf8, when } from './keys.ts';
import type { CallOptions, RecipeKv } from './kv.ts';
import { untilDeleted } from './watching.ts';

/**
 * Something that many wait for, and one lets go of. It is a key without a lease: it stays until it
 * is released, whoever dies.
 */
export class Barrier {
  readonly key: string;
  readonly #kv: RecipeKv;
  readonly #keyBytes: Uint8Array;

  constructor(kv: RecipeKv, name: string) {
    this.#kv = kv;
    this.key = placeOf('barrier', name);
    this.#keyBytes = utf8(this.key);
  }

  /** From now on those who wait do. Resolves to whether nobody else held it already. */
  async hold(options: CallOptions = {}): Promise<boolean> {
    const key = this.#keyBytes;
    const put = { type: 'put', key, value: new Uint8Array() } as const;
    const request = when([createdAt(key, 0)], [put]);
    return (await this.#kv.commit(request, options)).succeeded;
  }

  /** Lets all who wait go on. Resolves to whether it was held. */
  async release(options: CallOptions = {}): Promise<boolean> {
    const key = this.#keyBytes;
    const drop = { type: 'delete', key } as const;
    const request = when([changedAt(key, 0)], [], [drop]);
    return !(await this.#kv.commit(request, options)).succeeded;
  }

  /** Resolves once it is released, and at once if nobody holds it. */
  async wait({ signal }: CallOptions = {}): Promise<void> {
    const key = this.#keyBytes;
    for (;;) {
      const { count, revision } = await this.#kv.read({ key, countOnly: true }, { signal });
      if (count === 0) return;
      // Also if somebody holds it again by now.
      if (await untilDeleted(this.#kv, { key, from: revision + 1 }, signal)) return;
    }
  }
}
