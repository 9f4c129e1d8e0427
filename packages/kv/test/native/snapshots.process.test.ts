import { TcpClient, TcpServer } from 'quorate/network/tcp';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { KvError } from '../../src/errors.ts';
import {
  decodeSnapshotRequest,
  encodeSnapshotRequest,
  snapshotChannelName,
} from '../../src/protocol/snapshots.ts';
import { snapshotHandler } from '../../src/server/native/snapshot-handler.ts';
import { FakeService } from './fake-service.ts';
import { refusalOf } from './wire-kit.ts';

let server: TcpServer;
let client: TcpClient;
const service = new FakeService();

beforeAll(async () => {
  server = await TcpServer.listen({ host: '127.0.0.1' });
  server.handle(snapshotChannelName, snapshotHandler(service));
  client = new TcpClient(`127.0.0.1:${server.port}`);
});

afterAll(async () => {
  await client.close();
  await server.close();
});

async function read(request: Uint8Array): Promise<string> {
  let text = '';
  for await (const chunk of client.channel(snapshotChannelName).stream(request)) {
    text += Buffer.from(chunk).toString();
  }
  return text;
}

test('a snapshot goes over its channel as it is', async () => {
  expect(await read(encodeSnapshotRequest({ serializable: true }))).toBe('the state');
  expect(service.asked).toEqual(['snapshot serializable']);
});

test('what refuses it reaches the caller with its code, also in the middle', async () => {
  const failing = new FakeService();
  server.handle(snapshotChannelName, snapshotHandler(failing));
  failing.snapshot = async function* () {
    yield Buffer.from('the ');
    throw new KvError('KV_LIMIT', 'Too many.', { details: { most: 4 } });
  };

  const refusal = await refusalOf(read(encodeSnapshotRequest({ serializable: false })));

  server.handle(snapshotChannelName, snapshotHandler(service));
  expect(refusal).toMatchObject({ code: 'KV_LIMIT', message: 'Too many.', details: { most: 4 } });
});

test.each(['', 'null', '[]', '{"serializable":1}', '{"other":true}', '\xff', ' '.repeat(2000)])(
  'a request that is none is refused: %j',
  async (text) => {
    const request = Buffer.from(text, 'latin1');

    expect(() => decodeSnapshotRequest(request)).toThrow(KvError);
    expect(await refusalOf(read(request))).toMatchObject({ code: 'KV_INVALID' });
  },
);
