import { Agent, request } from 'node:http';

const maxAnswerBytes = 16 * 1024 * 1024;

/** A call that brought no answer. */
export class CallError extends Error {
  /** Nobody took the connection, so whoever was called does not know of the call. */
  readonly isUnsent: boolean;

  constructor(message: string, isUnsent: boolean) {
    super(message);
    this.name = 'CallError';
    this.isUnsent = isUnsent;
  }
}

/** The runner's own way to the nodes, past all links. */
export class Caller {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256 });

  /** @throws {CallError} if no answer came within `timeoutMs`. */
  call(port: number, path: string, body: unknown, timeoutMs: number): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const text = JSON.stringify(body);
    let isConnected = false;
    const asked = request({
      agent: this.#agent,
      host: '127.0.0.1',
      port,
      path,
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
    });
    const fail = (why: string): void => {
      reject(new CallError(`${path} to port ${port}: ${why}`, !isConnected));
      asked.destroy();
    };
    const timer = setTimeout(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs);
    asked.on('socket', (socket) => {
      if (!socket.connecting) isConnected = true;
      else socket.once('connect', () => (isConnected = true));
    });
    asked.on('error', (error) => fail(error.message));
    asked.on('close', () => {
      clearTimeout(timer);
      fail('the connection was closed');
    });
    asked.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxAnswerBytes) fail(`the answer exceeds ${maxAnswerBytes} bytes`);
        else chunks.push(chunk);
      });
      response.on('error', (error) => fail(error.message));
      response.on('aborted', () => fail('the answer broke off'));
      response.on('end', () => {
        const answer = Buffer.concat(chunks).toString();
        if (response.statusCode !== 200) fail(`status ${response.statusCode}: ${answer}`);
        else resolve(JSON.parse(answer));
      });
    });
    asked.end(text);
    return promise;
  }

  close(): void {
    this.#agent.destroy();
  }
}
