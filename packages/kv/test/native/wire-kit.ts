import { type Channel, TcpClient, TcpServer } from 'quorate/network/tcp';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { KvError } from '../../src/errors.ts';
import { errorOf } from '../../src/protocol/failures.ts';
import { type KvLimits, limitsOf } from '../../src/protocol/limits.ts';
import { channelName } from '../../src/protocol/messages.ts';
import {
  decodeRareAnswer,
  encodeRareCall,
  type RareMethod,
  type RareMethods,
} from '../../src/protocol/rare-calls.ts';
import { nativeHandler } from '../../src/server/native/handler.ts';
import { FakeService } from './fake-service.ts';

export const key: Uint8Array = Uint8Array.of(107);
export const limits: KvLimits = limitsOf({
  maxRequestBytes: 65_536,
  maxKeyBytes: 100,
  maxWatchers: 1500,
});

/** A member on a port of this machine, and a client of it. */
export interface Wire {
  server: TcpServer;
  client: TcpClient;
  channel: Channel;
  /** What answers; each test has one of its own. */
  service: FakeService;
}

/** Opens it for the tests of a file. */
export function wireForTests(): Wire {
  const wire = {} as Wire;
  beforeAll(async () => {
    wire.server = await TcpServer.listen({ host: '127.0.0.1' });
    wire.client = new TcpClient(`127.0.0.1:${wire.server.port}`);
    wire.channel = wire.client.channel(channelName);
  });
  beforeEach(() => {
    wire.service = new FakeService();
    wire.server.handle(channelName, nativeHandler(wire.service, { limits }));
  });
  afterAll(async () => {
    await wire.client.close();
    await wire.server.close();
  });
  return wire;
}

/** What the call was refused with, as a client understands it. */
export async function refusalOf(call: Promise<unknown>): Promise<KvError> {
  try {
    await call;
  } catch (error) {
    return errorOf(error);
  }
  throw new Error('The call was not refused.');
}

export async function rare<Method extends RareMethod>(
  { channel }: Wire,
  method: Method,
  params: RareMethods[Method]['params'],
): Promise<RareMethods[Method]['answer']> {
  return decodeRareAnswer(method, await channel.call(encodeRareCall(method, params)));
}

export async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error('It never came to that.');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
