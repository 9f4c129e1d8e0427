import { describe, expect, test } from 'vitest';
import type { CallOptions, Network, RaftRpc } from '../../src/contract/network.ts';
import type { AppendEntriesRequest } from '../../src/core/message.ts';
import type { NodeId, NodeInfo } from '../../src/core/types.ts';
import { MemoryNetwork } from '../../src/network/memory.ts';
import type { NetworkUnderTest } from '../../src/testing/network/options.ts';
import { networkSuite } from '../../src/testing/network-suite.ts';
import { boundCalls, type MemoryServing, serving } from '../network/memory-serving.ts';
import { CollectedCases } from './collected-cases.ts';

type Peer = RaftRpc & AsyncDisposable;

/** A memory network that does `change` to every connection. */
function open(change: (peer: Peer) => Partial<Peer>): () => Promise<NetworkUnderTest> {
  return async () => {
    const inner = new MemoryNetwork();
    const network: Network = {
      ordered: true,
      connect: (target: NodeId, _info: NodeInfo) => {
        const peer = inner.connect(target);
        return Object.assign(Object.create(peer) as Peer, bound(peer), change(peer));
      },
    };
    return { network, ...serving(inner) };
  };
}

async function breakConnections(under: NetworkUnderTest, id: NodeId): Promise<void> {
  // What the suite hands back is what `open` returned.
  (under as NetworkUnderTest & MemoryServing).breakConnections(id);
}

/** The peer's own calls, which need it as their `this`. */
function bound(peer: Peer): Peer {
  return { ...boundCalls(peer), [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose]() };
}

function withoutRaw(request: AppendEntriesRequest): AppendEntriesRequest {
  const entries = request.entries.map(({ logId, payload }) => {
    if (payload.type !== 'command') return { logId, payload };
    const { raw: _, ...data } = payload.data;
    return { logId, payload: { ...payload, data } };
  });
  return { ...request, entries };
}

function withoutSignal({ from, to }: CallOptions = {}): CallOptions {
  return { ...(from && { from }), ...(to && { to }) };
}

type Forward = RaftRpc['forward'];

function twiceIf(peer: Peer, mayRepeat: (error: { code?: unknown }) => boolean): Forward {
  return (request, options) =>
    peer.forward(request, options).catch((error: object) => {
      if (!mayRepeat(error)) throw error;
      return peer.forward(request, options);
    });
}

/** Asks once more when half of the time is over. */
function impatient(peer: Peer): Forward {
  return (request, options) => {
    const { timeoutMs } = options ?? {};
    if (timeoutMs === undefined) return peer.forward(request, options);
    const again = new Promise((resolve) => setTimeout(resolve, timeoutMs / 2));
    const second = again.then(() => peer.forward(request, options));
    return Promise.race([peer.forward(request, options), second]);
  };
}

/** Asks again in silence after its caller gave up. */
function persistent(peer: Peer): Forward {
  return (request, options) =>
    peer.forward(request, options).catch((error: unknown) => {
      void peer.forward(request, withoutSignal(options));
      throw error;
    });
}

function denied(error: unknown): never {
  throw Object.assign(new Error('It failed.', { cause: error }), {
    code: 'RAFT_UNREACHABLE',
    maybeApplied: false,
  });
}

async function allOf(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(new Uint8Array(chunk));
  return all;
}

async function* streamOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

const broken: readonly (readonly [string, (peer: Peer) => Partial<Peer>, string])[] = [
  [
    'does not say who asks',
    (peer) => ({ requestVote: (request) => peer.requestVote(request) }),
    'a vote request arrives as it was sent',
  ],
  [
    'loses what a command is',
    (peer) => ({
      appendEntries: (request, options) => peer.appendEntries(withoutRaw(request), options),
    }),
    'entries of every kind arrive equal',
  ],
  [
    'makes every error unreachable',
    (peer) => ({
      forward: (request, options) =>
        peer.forward(request, options).catch(() => {
          throw Object.assign(new Error('It failed.'), { code: 'RAFT_UNREACHABLE' });
        }),
    }),
    'every refusal keeps its class',
  ],
  [
    'does not hear an abort',
    (peer) => ({ identify: (options) => peer.identify(withoutSignal(options)) }),
    'a call whose signal is aborted already',
  ],
  [
    'reads a snapshot ahead',
    (peer) => ({
      installSnapshot: async (request, chunks, options) =>
        peer.installSnapshot(request, streamOf(await allOf(chunks)), options),
    }),
    'a slow reader holds the sender back',
  ],
  [
    'sends every snapshot from its start',
    (peer) => ({
      installSnapshot: (request, chunks, options) =>
        peer.installSnapshot({ ...request, offset: 0 }, chunks, options),
    }),
    'a stream that was cut is resumed',
  ],
  [
    'sends every forward twice',
    (peer) => ({
      forward: async (request, options) => {
        await peer.forward(request, options);
        return peer.forward(request, options);
      },
    }),
    'each of many forwards at once',
  ],
  [
    'tries a refused forward again',
    (peer) => ({ forward: twiceIf(peer, ({ code }) => code === 'RAFT_OVERLOADED') }),
    'a forward that is refused',
  ],
  [
    'tries a forward again when it waited too long',
    (peer) => ({ forward: impatient(peer) }),
    'a forward whose time is over',
  ],
  [
    'tries an aborted forward again',
    (peer) => ({ forward: persistent(peer) }),
    'a forward that its caller aborts',
  ],
  [
    'tries a forward again when the node comes back',
    (peer) => ({ forward: twiceIf(peer, ({ code }) => code === 'RAFT_UNREACHABLE') }),
    'a forward to a node that goes down and comes back',
  ],
  [
    'tries a forward again when its answer was lost',
    (peer) => ({ forward: twiceIf(peer, ({ code }) => code === 'RAFT_UNREACHABLE') }),
    'a forward whose connection breaks before the answer',
  ],
  [
    'believes that a forward without an answer had no effect',
    (peer) => ({ forward: (request, options) => peer.forward(request, options).catch(denied) }),
    'a forward whose connection breaks before the answer',
  ],
  [
    'answers after it was closed',
    () => ({ [Symbol.asyncDispose]: async () => undefined }),
    'a connection that was closed refuses calls',
  ],
];

describe('the suite for networks', () => {
  test.each(broken)('notices a network that %s', async (_mistake, change, noticedBy) => {
    const cases = new CollectedCases((collect) =>
      networkSuite({ test: collect, open: open(change), breakConnections }),
    );

    expect(await cases.failureOf(noticedBy)).toBeInstanceOf(Error);
  });

  test('finds nothing wrong with a connection that changes nothing', async () => {
    const cases = new CollectedCases((collect) =>
      networkSuite({ test: collect, open: open(() => ({})), breakConnections }),
    );

    expect(await cases.failures()).toEqual([]);
  });

  test('notices what is left open', async () => {
    const countOpen = async (): Promise<number> => 1;
    const cases = new CollectedCases((collect) =>
      networkSuite({ test: collect, open: open(() => ({})), countOpen }),
    );

    expect(await cases.failureOf('answered, refused, aborted')).toBeInstanceOf(Error);
  });
});
