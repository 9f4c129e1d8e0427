import assert from 'node:assert/strict';
import { OverloadedError } from '../../errors.ts';
import { nodeRuntime } from '../../platform/runtime.ts';
import { caseWithHooks } from '../suite.ts';
import { type Connected, caller, codeOf, connected, rejectionOf } from './connected.ts';
import type { NetworkSuiteOptions } from './options.ts';
import { Latch, RecordingRpc } from './recording-rpc.ts';

const lost = { code: 'RAFT_UNREACHABLE', maybeApplied: true };
/** How long a call may wait; what a network tries again within its deadline comes by then. */
const deadlineMs = 40;
/** How many calls are made afterwards, for a late repetition to come before or between them. */
const callsAfterwards = 10;

/**
 * A write that is passed on never arrives twice, whatever becomes of its answer: nobody could tell
 * that from two writes.
 */
export function onceCases(suite: NetworkSuiteOptions): void {
  answeredCases(suite);
  unansweredCases(suite);
  brokenConnectionCases(suite);
}

function answeredCases({ test, open }: NetworkSuiteOptions): void {
  test('each of many forwards at once arrives once', () =>
    connected(open, async ({ node, peer }) => {
      const numbers = Array.from({ length: 50 }, (_, number) => number);

      await Promise.all(numbers.map((number) => peer.forward(write(number), caller)));

      await callOn(peer);
      assert.deepEqual(commandsAt(node).sort(byNumber), numbers);
    }));

  test('a forward that is refused is not tried again', () =>
    connected(open, async ({ node, peer }) => {
      node.onArrival = ({ call }) => {
        if (call === 'forward') throw new OverloadedError('Full.');
      };

      const error = await rejectionOf(peer.forward(write(1), caller));

      assert.equal(codeOf(error), 'RAFT_OVERLOADED');
      await callOn(peer);
      assert.deepEqual(commandsAt(node), [1]);
    }));
}

function unansweredCases({ test, open }: NetworkSuiteOptions): void {
  test('a forward whose time is over before its answer arrives at most once', () =>
    connected(open, async ({ node, peer }) => {
      const never = holdForwards(node);
      const controller = new AbortController();
      const { signal } = controller;
      const call = rejectionOf(
        peer.forward(write(1), { ...caller, signal, timeoutMs: deadlineMs }),
      );
      // For networks without a deadline of their own: the caller ends the wait with its signal.
      const late = new Error('late');
      const timer = nodeRuntime.setTimer(() => controller.abort(late), 2 * deadlineMs);

      await call;
      timer.cancel();

      await callOn(peer);
      never.open();
      const { length } = commandsAt(node);
      assert.ok(length <= 1, `It arrived ${length} times.`);
    }));

  test('a forward that its caller aborts does not arrive again', () =>
    connected(open, async ({ node, peer }) => {
      const arrived = new Latch();
      const never = holdForwards(node, arrived);
      const controller = new AbortController();
      const { signal } = controller;
      const call = rejectionOf(peer.forward(write(1), { ...caller, signal }));
      await arrived.promise;

      controller.abort(new Error('enough'));
      await call;

      await callOn(peer);
      never.open();
      assert.deepEqual(commandsAt(node), [1]);
    }));

  test('a forward to a node that goes down and comes back does not arrive again', () =>
    connected(open, async ({ under, node, peer, info }) => {
      const restarted = new RecordingRpc();
      node.onArrival = async ({ call }) => {
        if (call !== 'forward') return;
        await under.stop('b');
        await under.serve('b', restarted, info);
      };

      assertLost(await rejectionOf(peer.forward(write(1), caller)));

      await callOn(peer);
      assert.deepEqual([...commandsAt(node), ...commandsAt(restarted)], [1]);
    }));
}

function brokenConnectionCases({ test, open, breakConnections }: NetworkSuiteOptions): void {
  caseWithHooks(
    test,
    { breakConnections },
    'a forward whose connection breaks before the answer arrives once, and says that it may have',
    (hooks) =>
      connected(open, async ({ under, node, peer }) => {
        let breaks = 1;
        node.onArrival = async ({ call }) => {
          if (call === 'forward' && breaks-- > 0) await hooks.breakConnections(under, 'b');
        };

        assertLost(await rejectionOf(peer.forward(write(1), caller)));

        await callOn(peer);
        assert.deepEqual(commandsAt(node), [1]);
      }),
  );

  caseWithHooks(
    test,
    { breakConnections },
    'a forward on a connection that broke while it was idle arrives at most once',
    (hooks) =>
      connected(open, async ({ under, node, peer }) => {
        await callOn(peer);
        const broken = hooks.breakConnections(under, 'b');
        const outcomes = [1, 2, 3].map((number) => outcomeOf(peer.forward(write(number), caller)));
        await broken;

        // One of which nobody knows may have arrived; of the others it is known.
        const arrived = await Promise.all(outcomes);

        await callOn(peer);
        const commands = commandsAt(node);
        for (const [at, fate] of arrived.entries()) {
          const count = commands.filter((command) => command === at + 1).length;
          if (fate === 'unknown') assert.ok(count <= 1, `Write ${at + 1} arrived ${count} times.`);
          else assert.equal(count, fate === 'done' ? 1 : 0);
        }
      }),
  );
}

/** Lets the node answer no forward until the latch that is returned is opened. */
function holdForwards(node: RecordingRpc, arrived?: Latch): Latch {
  const never = new Latch();
  node.onArrival = ({ call }) => {
    if (call !== 'forward') return undefined;
    arrived?.open();
    return never.promise;
  };
  return never;
}

type Peer = Connected['peer'];

function write(number: number): { command: Uint8Array } {
  return { command: new Uint8Array([number]) };
}

/** The commands that were passed on to the node, as often as they arrived. */
function commandsAt({ arrivals }: RecordingRpc): number[] {
  return arrivals
    .filter(({ call }) => call === 'forward')
    .map(({ request }) => (request as { command: Uint8Array }).command[0] ?? -1);
}

function byNumber(one: number, two: number): number {
  return one - two;
}

/** Uses the connection, which must go on working, until what was still to come has come. */
async function callOn(peer: Peer): Promise<void> {
  for (let calls = 0; calls < callsAfterwards; calls += 1) {
    await answered(peer);
    await new Promise<void>((resolve) => nodeRuntime.yieldToIo(resolve));
  }
}

/** The first call after a break may fail, since nobody knows yet that the connection is no more. */
async function answered(peer: Peer): Promise<void> {
  const first = await outcomeOf(peer.identify(caller));
  if (first !== 'done') await peer.identify(caller);
}

async function outcomeOf(call: Promise<unknown>): Promise<'done' | 'unknown' | 'not done'> {
  try {
    await call;
    return 'done';
  } catch (error) {
    assert.equal(codeOf(error), lost.code);
    return (error as typeof lost).maybeApplied ? 'unknown' : 'not done';
  }
}

function assertLost(error: unknown): void {
  const { code, maybeApplied } = error as typeof lost;
  assert.deepEqual({ code, maybeApplied }, lost);
}
