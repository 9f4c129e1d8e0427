import { TcpClient } from 'quorate/network/tcp';
import { encodeCommand } from '../../../src/protocol/commands.ts';
import { errorOf } from '../../../src/protocol/failures.ts';
import { channelName, encodeWrite } from '../../../src/protocol/messages.ts';
import { decodeRareAnswer, encodeRareCall } from '../../../src/protocol/rare-calls.ts';
import { decodeResults } from '../../../src/protocol/results.ts';
import type { Revision } from '../../../src/types.ts';
import type { ListAppend, ListTransaction } from '../../checks/list-append/history.ts';
import { pairOf } from '../../model/list-client.ts';
import type { Open } from '../records.ts';
import { KvViolation } from '../violation.ts';
import { type Desk, demandAllowed, draw, drawBelow } from './desk.ts';
import { listNames } from './lists.ts';

const callTimeoutMs = 800;
/** A session is used for so many writes. */
const mostWrites = 20;

/** Sends each of its writes to several members at once, by one number: it must take effect once. */
export async function sendTwice(desk: Desk): Promise<void> {
  const { world, addresses, process, sockets } = desk;
  const clients = addresses.map((address) => new TcpClient(address, { runtime: process, sockets }));
  while (!world.isCalm) {
    try {
      const call = encodeRareCall('openSession', {});
      const id = decodeRareAnswer('openSession', await ask(desk, clients, call));
      await useSession(desk, clients, id);
    } catch (error) {
      demandAllowed(desk, errorOf(error));
    }
    await desk.rest();
  }
  await Promise.all(clients.map((client) => client.close()));
}

async function useSession(desk: Desk, clients: readonly TcpClient[], id: number): Promise<void> {
  const { records, world } = desk;
  for (let sequence = 1; sequence <= mostWrites && !world.isCalm; sequence += 1) {
    const key = draw(desk, listNames);
    const operation: ListAppend = { type: 'append', key, element: records.nextElement() };
    const record: Open<ListTransaction> = {
      client: `${desk.name}.${operation.element}`,
      operations: [operation],
      calledAt: records.tick(),
    };
    records.transactions.push(record);
    const command = encodeCommand([{ type: 'put', ...pairOf(operation) }]);
    const call = encodeWrite({ id, sequence }, command);
    const revision = await writeTwice(desk, clients, call);
    record.returnedAt = records.tick();
    records.acknowledged.push({ type: 'put', ...pairOf(operation), revision });
    world.mark('written twice');
    await desk.rest();
  }
}

/** Goes on with the same number until there is an answer; all answers must be the same. */
async function writeTwice(
  desk: Desk,
  clients: readonly TcpClient[],
  call: Uint8Array,
): Promise<Revision> {
  const { world, name } = desk;
  for (;;) {
    const tries = Array.from({ length: 1 + drawBelow(desk, 3) }, () => ask(desk, clients, call));
    const answers = await Promise.allSettled(tries);
    const revisions = new Set<Revision>();
    for (const answer of answers) {
      if (answer.status === 'fulfilled') revisions.add(revisionIn(answer.value));
      else demandAllowed(desk, errorOf(answer.reason));
    }
    const [revision] = revisions;
    if (revisions.size > 1) {
      const text = `One write of ${name} was answered with revisions ${[...revisions].join(', ')}.`;
      throw new KvViolation('exactly once', text);
    }
    world.tell(`${name} wrote ${revision}`);
    if (revision !== undefined) return revision;
    const expired = answers.find(isExpired);
    if (expired !== undefined) throw errorOf(expired.reason);
    await desk.rest();
  }
}

function isExpired(answer: PromiseSettledResult<Uint8Array>): answer is PromiseRejectedResult {
  return answer.status === 'rejected' && errorOf(answer.reason).code === 'KV_SESSION_EXPIRED';
}

function revisionIn(answer: Uint8Array): Revision {
  const [result] = decodeResults(answer);
  if (result?.type === 'put') return result.revision;
  throw new KvViolation('exactly once', `A put was answered with ${JSON.stringify(result)}.`);
}

function ask(desk: Desk, clients: readonly TcpClient[], call: Uint8Array): Promise<Uint8Array> {
  const client = clients[drawBelow(desk, clients.length)] as TcpClient;
  return client.channel(channelName).call(call, { timeoutMs: callTimeoutMs });
}
