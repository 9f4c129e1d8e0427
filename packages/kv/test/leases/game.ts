import assert from 'node:assert/strict';
import type { KvError } from '../../src/errors.ts';
import { ClockKit } from './kit.ts';

export type Step =
  | { readonly type: 'grant'; readonly id: number; readonly ttl: number }
  | { readonly type: 'revoke' | 'keepAlive'; readonly id: number }
  | { readonly type: 'pass' | 'standStill'; readonly ms: number }
  | { readonly type: 'lead' | 'follow' | 'restore' }
  | { readonly type: 'answer'; readonly how: 'succeed' | 'fail' | 'lose' };

/** Plays random lives of leases, and knows of each when it must still be there. */
export class Game {
  readonly kit = new ClockKit({ maxRevokes: 3 });
  /** Until when nobody may revoke the lease, by what was promised last. */
  readonly #promised = new Map<number, number>();
  #isLeading = false;
  #seen = 0;
  #answered = 0;

  async play(step: Step): Promise<void> {
    const { runtime, store } = this.kit;
    switch (step.type) {
      case 'grant':
        if (store.lease(step.id) !== undefined) return;
        this.kit.grant(step.id, step.ttl);
        this.#promise(step.id);
        return;
      case 'revoke':
        this.kit.revoke(step.id);
        this.#promised.delete(step.id);
        return;
      case 'keepAlive':
        this.#keepAlive(step.id);
        return;
      case 'answer':
        await this.answer(step.how);
        return;
      case 'pass':
        await runtime.pass(step.ms);
        this.check();
        return;
      case 'standStill':
        runtime.standStill(step.ms);
        return;
      default:
        this.#turn(step.type);
    }
  }

  /** Ends the oldest call that has not ended; `lose`: it took effect, and nobody hears of it. */
  async answer(how: 'succeed' | 'fail' | 'lose'): Promise<boolean> {
    const call = this.kit.calls[this.#answered];
    if (call === undefined) return false;
    this.#answered += 1;
    if (how === 'fail') {
      call.fail();
    } else {
      // What was granted under the same id meanwhile is another lease, with a promise of its own.
      for (const { id, grantedAt } of call.leases) {
        if (this.kit.store.lease(id)?.grantedAt === grantedAt) this.#promised.delete(id);
      }
      if (how === 'succeed') call.succeed();
      else call.lose();
    }
    await this.kit.runtime.turns();
    this.check();
    return true;
  }

  check(): void {
    const { calls } = this.kit;
    for (; this.#seen < calls.length; this.#seen += 1) {
      const { ids, at } = calls[this.#seen] as (typeof calls)[number];
      assert(ids.length > 0 && ids.length <= 3, 'a batch must have a bound');
      for (const id of ids)
        assert(at >= (this.#promised.get(id) ?? 0), 'a lease must not end early');
    }
    for (const id of this.#promised.keys())
      assert(this.kit.store.lease(id) !== undefined, 'a lease must not end for another one');
    const open = calls.slice(this.#answered).filter(({ signal }) => !signal.aborted);
    assert(open.length <= 1, 'one revocation at a time');
    assert(this.kit.runtime.timerCount <= 1, 'one timer for all');
  }

  #keepAlive(id: number): void {
    try {
      const { ttl } = this.kit.clock.keepAlive(id);
      assert.equal(ttl, this.kit.store.lease(id)?.ttl);
      assert(this.#isLeading, 'only a leader may promise');
      this.#promise(id);
    } catch (error) {
      const code = this.#isLeading ? 'KV_LEASE_NOT_FOUND' : 'KV_NO_LEADER';
      assert.equal((error as KvError).code, code);
    }
  }

  #turn(to: 'lead' | 'follow' | 'restore'): void {
    const { clock, store } = this.kit;
    if (to === 'restore') {
      clock.applied({ leases: [], restored: true });
      return;
    }
    this.#isLeading = to === 'lead';
    if (to === 'lead') clock.lead();
    else clock.follow();
    for (const { id } of store.leases()) if (this.#isLeading) this.#promise(id);
  }

  #promise(id: number): void {
    const { runtime, store } = this.kit;
    this.#promised.set(id, runtime.now() + (store.lease(id)?.ttl ?? 0) * 1000);
  }
}
