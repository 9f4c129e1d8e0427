import { expect, test } from 'vitest';
import { KvError } from '../../src/errors.ts';
import { FakeClient, FakeWire, watched } from './support/fake-wire.ts';
import type { TestRuntime } from './support/test-runtime.ts';

/** Members of whom one takes calls and answers none, as a process that was stopped. */
class WireWithHung extends FakeWire {
  hung: string | undefined;
  hangsAt: (method: string) => boolean = () => true;
  runtime: TestRuntime | undefined;

  override connect(member: string): ReturnType<FakeWire['connect']> {
    const transport = super.connect(member);
    const cold: typeof transport.cold = (method, params, options) => {
      if (member !== this.hung || !this.hangsAt(method))
        return transport.cold(method, params, options);
      this.colds.push({ member, method });
      return new Promise((_, reject) => {
        const end = (): void => reject(new KvError('KV_TIMEOUT', 'No answer.'));
        this.runtime?.setTimer(end, options.timeoutMs);
      });
    };
    return { ...transport, cold };
  }
}

test('a member that hangs takes only a part of the time of who asks how the cluster does', async () => {
  const wire = new WireWithHung(['a', 'b']);
  wire.hung = 'b'; // It is the first to be asked, by the chance of the test.
  await using client = new FakeClient(wire, { timeoutMs: 5000 });
  wire.runtime = client.runtime;

  const asked = watched(client.status());
  await client.runtime.pass(100);
  expect(wire.colds).toContainEqual({ member: 'b', method: 'status' });
  expect(asked.isOver).toBe(false);
  await client.runtime.pass(3000);

  expect(asked).toMatchObject({ isOver: true, answer: { member: 'a' } });
});

test('a promotion is asked for once, for as long as its caller waits', async () => {
  const wire = new WireWithHung(['a']);
  wire.attemptMs = 100;
  wire.hung = 'a';
  wire.hangsAt = (method) => method.startsWith('member');
  await using client = new FakeClient(wire, { timeoutMs: 5000 });
  wire.runtime = client.runtime;
  const count = (method: string): number =>
    wire.colds.filter((cold) => cold.method === method).length;

  const promoted = watched(client.cluster.promote({ id: 'd' }));
  const removed = watched(client.cluster.remove({ id: 'e' }));
  await client.runtime.pass(4900);
  expect([promoted.isOver, removed.isOver]).toEqual([false, false]);
  await client.runtime.pass(200);

  expect([promoted.isOver, removed.isOver]).toEqual([true, true]);
  expect(count('memberPromote')).toBe(1);
  expect(count('memberRemove')).toBeGreaterThan(5);
});
