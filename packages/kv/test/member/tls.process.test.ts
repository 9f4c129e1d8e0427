import { ChannelError, TcpClient, type TlsOptions } from 'quorate/network/tcp';
import { expect, test } from 'vitest';
import { issue, makeAuthority } from '../../../quorate/test/network/tcp/certificates.ts';
import { encodeCommand } from '../../src/protocol/commands.ts';
import { memberChannelName } from '../../src/server/member/member-calls.ts';
import { memoryStoreOf } from '../store/kit.ts';
import {
  get,
  MemberCluster,
  patience,
  put,
  putOf,
  until,
  write,
} from './support/member-cluster.ts';

const authority = makeAuthority('tests');
const names = ['a', 'b', 'c'];

function tlsOf(name: string): TlsOptions {
  return {
    ca: authority.cert,
    ...issue(authority, { names: [name], ips: ['127.0.0.1'] }),
    nodeNames: 'certificate',
  };
}

const optionsOf = (name: string) => ({ tls: tlsOf(name), hashCheckMs: 50 });

test('members with certificates serve, pass on what is for the leader, and compare', async () => {
  await using cluster = await MemberCluster.start(names, optionsOf);
  for (const { name, service } of cluster.members) await put(service, name, name);
  const [result] = await write(cluster.member('a').service, [{ type: 'leaseGrant', ttl: 60 }]);
  const lease = result?.type === 'leaseGrant' ? result.id : 0;

  for (const { service, store } of cluster.members) {
    expect(await get(service, 'b')).toBe('b');
    expect(await service.leaseKeepAlive(lease, patience())).toEqual({ ttl: 60 });
    expect(store.lease(lease)?.ttl).toBe(60);
  }
  const [wrong = cluster.member('a')] = await cluster.followers();
  memoryStoreOf(wrong).apply(encodeCommand([putOf('planted', 'by nobody')]));
  await put((await cluster.leader()).service, 'k', 'v');
  await until('it is out', () => !wrong.raft.metrics.isRunning);
  const [{ clientAddress = '' } = {}] = cluster.member('b').service.status().members;
  expect(clientAddress).toMatch(/^tls:/);
});

test('a member that knows the address of one joins, with a certificate of its own name', async () => {
  await using cluster = await MemberCluster.start(['a', 'b'], optionsOf);
  await put(cluster.member('a').service, 'k', 'v');

  const joined = await cluster.startOne('d', { join: [cluster.member('b').address] });
  await joined.ready(patience());

  expect(await get(joined.service, 'k')).toBe('v');
  expect(joined.raft.metrics.membership.voters).toEqual([['a', 'b', 'd']]);
});

test('who is no member may not ask what members ask', async () => {
  await using cluster = await MemberCluster.start(names, optionsOf);
  await put(cluster.member('a').service, 'k', 'v');
  const ask = async (name: string): Promise<unknown> => {
    const tls = { ...tlsOf(name), serverName: 'a' };
    await using client = new TcpClient(cluster.member('a').address, { tls });
    const request = Buffer.from(JSON.stringify({ method: 'hashAt', params: { index: 1 } }));
    return await client
      .channel(memberChannelName)
      .call(request)
      .then((answer) => JSON.parse(Buffer.from(answer).toString()) as unknown)
      .catch((error: unknown) => error);
  };

  expect(await ask('b')).toHaveProperty('applied');
  const refusal = await ask('mallory');
  expect(refusal).toBeInstanceOf(ChannelError);
  expect(refusal).toMatchObject({
    code: 'KV_INVALID',
    message: 'Only members may ask that; the certificate says mallory.',
  });
});

test('what is no call between members is refused, and says why', async () => {
  await using cluster = await MemberCluster.start(['a']);
  await using client = new TcpClient(cluster.member('a').address);
  const channel = client.channel(memberChannelName);
  const calls: readonly [string, string][] = [
    ['nothing', 'must be JSON'],
    ['7', 'the call must be { method, params }'],
    ['{"method":"hashAt"}', 'params must be an object'],
    ['{"method":"erase","params":{}}', 'method must be one that members have; it is erase'],
    ['{"method":"hashAt","params":{"index":-1}}', 'index must be a whole number; it is -1'],
    ['{"method":"keepAlive","params":{"ids":7}}', 'ids must be a list of at most 4096 leases'],
    ['{"method":"keepAlive","params":{"ids":["x"]}}', 'a lease must be a whole number'],
    ['{"method":"transferLeadership","params":{"to":7}}', 'to must be a name; it is 7'],
  ];

  for (const [call, message] of calls) {
    const refusal = channel.call(Buffer.from(call));
    await expect(refusal).rejects.toMatchObject({
      code: 'KV_INVALID',
      message: expect.stringContaining(message) as string,
    });
  }
});
