import assert from 'node:assert/strict';
import type { CallOptions, RaftRpc } from '../../contract/network.ts';
import type { AppendEntriesRequest } from '../../core/message.ts';
import type { NodeInfo } from '../../core/types.ts';
import type { NetworkUnderTest } from './options.ts';
import { RecordingRpc } from './recording-rpc.ts';

export const caller: CallOptions = {
  from: { cluster: 'cluster-1', node: 'a', incarnation: 'disk-a', starts: 7 },
  to: { node: 'b', incarnation: 'disk-b' },
};

export const heartbeat: AppendEntriesRequest = {
  term: 3,
  leader: 'a',
  previous: { term: 2, index: 9 },
  entries: [],
  committed: 9,
};

export interface Connected {
  readonly under: NetworkUnderTest;
  readonly node: RecordingRpc;
  readonly peer: RaftRpc & AsyncDisposable;
  readonly info: NodeInfo;
}

/** Runs `body` with a node `b` that is served, and a connection to it. */
export async function connected(
  open: () => Promise<NetworkUnderTest>,
  body: (connection: Connected) => Promise<void>,
): Promise<void> {
  const under = await open();
  try {
    const node = new RecordingRpc();
    const info = await under.serve('b', node);
    await body({ under, node, info, peer: under.network.connect('b', info) });
  } finally {
    await under.close();
  }
}

/** What `promise` rejects with. Fails if it does not. */
export async function rejectionOf(promise: object): Promise<unknown> {
  try {
    await Promise.resolve(promise);
  } catch (error) {
    return error;
  }
  return assert.fail('The call should have been refused.');
}

export function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : error;
}
