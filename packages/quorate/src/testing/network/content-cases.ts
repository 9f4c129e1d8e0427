import assert from 'node:assert/strict';
import type { AppendEntriesRequest } from '../../core/message.ts';
import { caller, connected, heartbeat } from './connected.ts';
import type { NetworkSuiteOptions } from './options.ts';

/** What is sent arrives: all of it, equal, and for its own call. */
export function contentCases({ test, open }: NetworkSuiteOptions): void {
  test('a vote request arrives as it was sent, with who asks and who is meant', () =>
    connected(open, async ({ node, peer }) => {
      const request = {
        term: 4,
        candidate: 'a',
        lastLogId: { term: 3, index: 9 },
        preVote: false,
        transfer: true,
      };

      const response = await peer.requestVote(request, caller);

      assert.deepEqual(response, { term: 4, granted: true });
      assert.deepEqual(node.arrivals[0]?.request, request);
      assert.deepEqual(node.arrivals[0]?.options?.from, caller.from);
      assert.deepEqual(node.arrivals[0]?.options?.to, caller.to);
    }));

  test('entries of every kind arrive equal, without the decoded value', () =>
    connected(open, async ({ node, peer }) => {
      const membership = {
        cluster: 'cluster-1',
        voters: [
          ['a', 'b'],
          ['b', 'ç'],
        ],
        nodes: {
          a: { address: '10.0.0.1:7' },
          b: { incarnation: 'disk-b' },
          ç: { data: { k: 'ü' } },
        },
        leaving: ['a'],
      };
      const bytes = new Uint8Array([1, 2, 0, 255]);
      const session = { id: 4, sequence: 2 };
      const request: AppendEntriesRequest = {
        ...heartbeat,
        entries: [
          { logId: { term: 3, index: 10 }, payload: { type: 'blank' } },
          command(11, new Uint8Array(0)),
          { logId: { term: 3, index: 12 }, payload: { type: 'membership', membership } },
          { logId: { term: 3, index: 13 }, payload: { type: 'session', data: bytes } },
          {
            logId: { term: 3, index: 14 },
            payload: { type: 'command', data: { bytes, value: undefined, session } },
          },
        ],
      };

      const response = await peer.appendEntries(request, caller);

      assert.deepEqual(response, node.append);
      assert.deepEqual(node.arrivals[0]?.request, request);
    }));

  test('a command of 8 MiB arrives equal', () =>
    connected(open, async ({ node, peer }) => {
      const bytes = Uint8Array.from({ length: 8 * 1024 * 1024 }, (_, at) => (at * 31) % 251);

      await peer.appendEntries({ ...heartbeat, entries: [command(10, bytes)] }, caller);

      const request = node.arrivals[0]?.request as AppendEntriesRequest;
      const payload = request.entries[0]?.payload;
      assert.ok(payload?.type === 'command');
      assert.ok(Buffer.from(payload.data.bytes).equals(bytes));
    }));

  test('a refused append brings its hint back', () =>
    connected(open, async ({ node, peer }) => {
      node.append = { term: 5, accepted: false, hint: { term: 1, index: 4 } };

      assert.deepEqual(await peer.appendEntries(heartbeat, caller), node.append);
    }));

  test('the other calls arrive and are answered', () =>
    connected(open, async ({ node, peer }) => {
      const write = {
        command: new Uint8Array([7, 0]),
        raw: true as const,
        session: { id: 3, sequence: 1 },
        repeated: true as const,
        entry: 'session' as const,
      };

      const done = await peer.timeoutNow({ term: 3, leader: 'a' }, caller);
      const readable = await peer.readIndex({ mode: 'lease' }, caller);
      const forwarded = await peer.forward(write, caller);
      const identified = await peer.identify(caller);

      assert.equal(done, undefined);
      assert.deepEqual(readable, { term: 3, index: 12 });
      assert.deepEqual(forwarded, node.forwarded);
      assert.deepEqual(identified, node.identified);
      assert.deepEqual(
        node.arrivals.map(({ request }) => request),
        [{ term: 3, leader: 'a' }, { mode: 'lease' }, write, undefined],
      );
    }));

  test('who asks to join or to leave arrives, and the membership comes back', () =>
    connected(open, async ({ node, peer }) => {
      const info = { address: '10.0.0.4:7', data: { zone: 'süd' } };
      const join = { id: 'd', info, incarnation: 'disk-d', voter: true };

      const joined = await peer.join(join, caller);
      const left = await peer.leave({ id: 'd' }, caller);

      assert.deepEqual(joined, node.members);
      assert.deepEqual(left, node.members);
      assert.deepEqual(
        node.arrivals.map(({ request }) => request),
        [join, { id: 'd' }],
      );
    }));

  test('an identity brings back all that is known of the caller and of the cluster', () =>
    connected(open, async ({ node, peer }) => {
      const identity = { ...node.identified.identity, formerly: ['cluster-0'] };
      const membership = { ...node.members.membership, recoveredFrom: 'cluster-0' };
      const remembers = { incarnation: 'disk-a', starts: 6, acknowledged: 12 };
      node.identified = { identity, leader: 'b', membership, remembers, applied: 12 };
      const from = { cluster: 'cluster-1', node: 'a', incarnation: 'disk-a', starts: 7 };
      const told = { ...from, formerly: ['cluster-0'], run: 'run-1' };

      const identified = await peer.identify({ from: told, to: { node: 'b' } });

      assert.deepEqual(identified, node.identified);
      assert.deepEqual(node.arrivals[0]?.options?.from, told);
    }));

  test('what is absent stays absent: a leader, a cluster, a caller', () =>
    connected(open, async ({ node, peer }) => {
      const identity = { cluster: undefined, node: 'b', incarnation: 'disk-b', starts: 1 };
      node.identified = { identity, leader: undefined };

      assert.deepEqual(await peer.identify(), node.identified);
      assert.equal(node.arrivals[0]?.options?.from, undefined);
      assert.equal(node.arrivals[0]?.options?.to, undefined);
    }));

  test('names beyond ASCII arrive equal', () =>
    connected(open, async ({ node, peer }) => {
      const from = { cluster: 'grün\n"', node: '节点😀', incarnation: 'x', starts: 0 };

      await peer.identify({ from, to: { node: 'b' } });

      assert.deepEqual(node.arrivals[0]?.options?.from, from);
    }));

  test('of many calls at once each gets its own answer', () =>
    connected(open, async ({ peer }) => {
      const terms = Array.from({ length: 100 }, (_, term) => term);

      const responses = await Promise.all(
        terms.map((term) =>
          peer.requestVote(
            {
              term,
              candidate: 'a',
              lastLogId: { term: 0, index: 0 },
              preVote: false,
              transfer: false,
            },
            caller,
          ),
        ),
      );

      assert.deepEqual(
        responses.map(({ term }) => term),
        terms,
      );
    }));
}

function command(index: number, bytes: Uint8Array): AppendEntriesRequest['entries'][number] {
  return {
    logId: { term: 3, index },
    payload: { type: 'command', data: { bytes, raw: true, value: undefined } },
  };
}
