import type { ForwardResponse } from '../../src/core/message.ts';
import { encodeCommand, jsonCodec } from '../../src/node/codec.ts';
import { decodeResponse } from '../../src/node/response-codec.ts';
import type { Session } from '../../src/node/session.ts';
import { openEnvelope } from '../../src/node/snapshot-envelope.ts';
import { type Cluster, soon, speak, type TestNode } from './kit.ts';

export type TestSession = Session<unknown, number>;

/** Waits as long as several elections on a busy machine take. */
export function patiently(): { signal: AbortSignal } {
  return { signal: AbortSignal.timeout(25_000) };
}

/** The table of the sessions as a node has it in a snapshot, in the order of their use. */
export async function tableOf({ raft, storage }: TestNode): Promise<string[]> {
  await raft.takeSnapshot(soon());
  const snapshot = await storage.snapshots.current();
  if (snapshot === undefined) throw new Error('There is no snapshot.');
  const { records, close } = await openEnvelope(snapshot.chunks());
  await close();
  return records
    .filter(({ key }) => key !== 'membership')
    .map(({ key, value }) => `${key} ${Buffer.from(value).toString()}`);
}

/** The tables of all running nodes, once each has applied what the leader has. */
export async function tables(cluster: Cluster): Promise<string[][]> {
  const leader = await cluster.awaitLeader();
  await cluster.awaitApplied(leader.metrics.last.index);
  return Promise.all(cluster.running.map(tableOf));
}

/** Sends a numbered write to a node as another node would pass it on, once. */
export async function sendOnce(
  node: TestNode,
  [id, sequence]: readonly [id: number, sequence: number],
  command: unknown,
): Promise<{ index: number; response: unknown }> {
  const { bytes } = encodeCommand(jsonCodec, command);
  const request = { command: bytes, session: { id, sequence } };
  const from = node.id === 'a' ? 'b' : 'a';
  const answer: ForwardResponse = await node.raft.rpc.forward(request, speak(from, node.id));
  return { index: answer.logId.index, response: decodeResponse(jsonCodec, answer.response) };
}

/** Loses the answer to each write of a session that another node passes on for the first time. */
export function loseFirstAnswers({ wires }: Cluster): { lost: number } {
  const seen = { lost: 0 };
  wires.onAnswer = ({ call, request }) => {
    if (call !== 'forward' || request.session === undefined) return undefined;
    if (request.repeated === true) return undefined;
    seen.lost += 1;
    return new Promise(() => undefined);
  };
  return seen;
}
