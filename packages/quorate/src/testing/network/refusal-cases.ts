import assert from 'node:assert/strict';
import {
  AlreadyInitializedError,
  BehindError,
  ChangeInProgressError,
  EntryNotFoundError,
  FatalError,
  InvalidMembershipError,
  LeadershipLostError,
  NotLeaderError,
  OverloadedError,
  type RaftError,
  RefusedError,
  StoppedError,
  TransferError,
  UnreachableError,
  UnsupportedError,
  WrongTargetError,
} from '../../errors.ts';
import { caller, codeOf, connected, heartbeat, rejectionOf } from './connected.ts';
import type { NetworkSuiteOptions } from './options.ts';
import { Latch } from './recording-rpc.ts';

const logId = { term: 2, index: 8 };
const leader = { id: 'c', info: { address: '10.0.0.3:7', data: { zone: 'süd' } } };
const refusals: readonly RaftError[] = [
  new NotLeaderError('Node b is not the leader.', { leader }),
  new NotLeaderError('Node b knows no leader.'),
  new LeadershipLostError('Lost it.', { logId, maybeApplied: true }),
  new ChangeInProgressError('Wait.', { logId }),
  new InvalidMembershipError('No voters.'),
  new AlreadyInitializedError('Twice.'),
  new TransferError('Nobody answered.'),
  new OverloadedError('Full.'),
  new BehindError('Not there yet.'),
  new RefusedError('Not allowed.'),
  new EntryNotFoundError('Purged.'),
  new UnreachableError('Beyond.'),
  new WrongTargetError('Somebody else.'),
  new UnsupportedError('Later.'),
  new StoppedError('Closed.', { maybeApplied: true }),
  new FatalError('Disk.'),
];

/** How calls fail: by a refusal of the other node, by its absence, or by the caller's own will. */
export function refusalCases({ test, open }: NetworkSuiteOptions): void {
  errorCases({ test, open });
  waitingCases({ test, open });
}

function errorCases({ test, open }: NetworkSuiteOptions): void {
  test('every refusal keeps its class, code, message and details', () =>
    connected(open, async ({ node, peer }) => {
      for (const refusal of refusals) {
        node.onArrival = () => {
          throw refusal;
        };

        const error = await rejectionOf(peer.forward({ command: new Uint8Array(1) }, caller));

        assert.deepEqual(essence(error), essence(refusal));
      }
    }));

  test('a target that is down is unreachable, and reachable once it is back', () =>
    connected(open, async ({ under, node, peer, info }) => {
      await peer.identify(caller);
      await under.stop('b');

      assert.equal(codeOf(await rejectionOf(peer.identify(caller))), 'RAFT_UNREACHABLE');

      await under.serve('b', node, info);
      assert.deepEqual(await peer.identify(caller), node.identified);
    }));
}

function waitingCases({ test, open }: NetworkSuiteOptions): void {
  test('a call whose signal is aborted already rejects with the reason and never arrives', () =>
    connected(open, async ({ node, peer }) => {
      const reason = new Error('enough');

      const call = peer.identify({ ...caller, signal: AbortSignal.abort(reason) });

      assert.equal(await rejectionOf(call), reason);
      await peer.identify(caller);
      assert.equal(node.arrivals.length, 1);
    }));

  test('an abort ends the wait for a node that does not answer', () =>
    connected(open, async ({ node, peer }) => {
      const arrived = new Latch();
      const never = new Latch();
      node.onArrival = () => {
        arrived.open();
        return never.promise;
      };
      const reason = new Error('enough');
      const controller = new AbortController();
      const call = rejectionOf(peer.identify({ ...caller, signal: controller.signal }));
      await arrived.promise;

      controller.abort(reason);

      assert.equal(await call, reason);
      never.open();
    }));

  test('a call that hangs does not hold up the next one', () =>
    connected(open, async ({ node, peer }) => {
      const never = new Latch();
      node.onArrival = ({ call }) => (call === 'readIndex' ? never.promise : undefined);
      const controller = new AbortController();
      const hanging = rejectionOf(
        peer.readIndex({ mode: 'quorum' }, { ...caller, signal: controller.signal }),
      );

      assert.deepEqual(await peer.appendEntries(heartbeat, caller), node.append);

      controller.abort();
      await hanging;
      never.open();
    }));

  test('a connection that was closed refuses calls; closing twice is fine', () =>
    connected(open, async ({ peer }) => {
      await peer[Symbol.asyncDispose]();
      await peer[Symbol.asyncDispose]();

      assert.equal(codeOf(await rejectionOf(peer.identify(caller))), 'RAFT_UNREACHABLE');
    }));
}

function essence(error: unknown): unknown {
  assert.ok(error instanceof Error);
  const { name, message } = error;
  const {
    code,
    maybeApplied,
    leader: hint,
    logId: id,
  } = error as Partial<NotLeaderError & LeadershipLostError>;
  return { name, message, code, maybeApplied, hint, id };
}
