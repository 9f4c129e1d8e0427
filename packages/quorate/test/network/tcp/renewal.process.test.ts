import { afterEach, beforeEach, expect, test } from 'vitest';
import { TcpClient, TcpServer, type TlsOptions } from '../../../src/network/tcp.ts';
import { issue, makeAuthority } from './certificates.ts';

const [old, young] = [makeAuthority('old'), makeAuthority('young')];

function certificateOf(authority: typeof old): { readonly cert: string; readonly key: string } {
  return issue(authority, { names: ['localhost'], ips: ['127.0.0.1'] });
}

/** Options that a test changes while they are in use. */
class LiveTls {
  parts = { ca: old.cert, ...certificateOf(old) };

  get options(): TlsOptions {
    const now = (): LiveTls['parts'] => this.parts;
    return {
      get ca() {
        return now().ca;
      },
      get cert() {
        return now().cert;
      },
      get key() {
        return now().key;
      },
    };
  }
}

let tls: LiveTls;
let server: TcpServer;

beforeEach(async () => {
  tls = new LiveTls();
  server = await TcpServer.listen({ host: '127.0.0.1', tls: tls.options });
  server.handle('echo', { call: async (request) => request });
});

afterEach(() => server.close());

/** Whether a call comes through, over a new connection. */
async function answers(client: TcpClient): Promise<boolean> {
  const call = client.channel('echo').call(Buffer.from('x'), { timeoutMs: 2000 });
  return call.then(
    () => true,
    () => false,
  );
}

async function answersWith(authority: typeof old): Promise<boolean> {
  const options = { ca: authority.cert, ...certificateOf(authority) };
  const client = new TcpClient(`127.0.0.1:${server.port}`, {
    tls: options,
    connectTimeoutMs: 1000,
  });
  try {
    return await answers(client);
  } finally {
    await client.close();
  }
}

test('a server shows and believes what its options say now, on new connections', async () => {
  const before = new TcpClient(`127.0.0.1:${server.port}`, {
    tls: { ca: old.cert, ...certificateOf(old) },
  });
  expect(await answers(before)).toBe(true);
  expect(await answersWith(young)).toBe(false);

  tls.parts = { ca: young.cert, ...certificateOf(young) };

  expect(await answersWith(young)).toBe(true);
  expect(await answersWith(old)).toBe(false);
  // What is connected stays so.
  expect(await answers(before)).toBe(true);
  await before.close();
});

test('a client shows and believes what its options say now, on new connections', async () => {
  const live = new LiveTls();
  const client = new TcpClient(`127.0.0.1:${server.port}`, { tls: live.options });
  expect(await answers(client)).toBe(true);

  live.parts = { ca: young.cert, ...certificateOf(young) };
  server.disconnectAll();
  expect(await answers(client)).toBe(false);
  tls.parts = live.parts;

  await expect.poll(() => answers(client), { timeout: 5000 }).toBe(true);
  await client.close();
});

test('options that cannot be read any more are passed over, and those before stay', async () => {
  tls.parts = { ...tls.parts, cert: 'no certificate' };
  expect(await answersWith(old)).toBe(true);

  tls.parts = { ...tls.parts, cert: certificateOf(old).cert }; // With the key of another one.
  expect(await answersWith(old)).toBe(true);

  // The same for who dials.
  const live = new LiveTls();
  const client = new TcpClient(`127.0.0.1:${server.port}`, { tls: live.options });
  live.parts = { ...live.parts, cert: 'no certificate' };
  expect(await answers(client)).toBe(true);
  await client.close();

  tls.parts = { ca: young.cert, ...certificateOf(young) };
  expect(await answersWith(young)).toBe(true);
});
