import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';

const ok = 200;

/** Calls with JSON there and back, each over a connection that is kept and that nobody shares. */
export class JsonHttp {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  /** @throws {Error} with what the server said, if that is not that all is well. */
  async post<Answer>(path: string, body: object, timeoutMs?: number): Promise<Answer> {
    const bytes = Buffer.from(JSON.stringify(body));
    const answer = await new Promise<string>((resolve, reject) => {
      const sent = request(
        {
          host: '127.0.0.1',
          port: this.#port,
          path,
          method: 'POST',
          agent: this.#agent,
          headers: { 'content-type': 'application/json', 'content-length': bytes.length },
          ...(timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(timeoutMs) }),
        },
        (response) => {
          const whole = text(response);
          if (response.statusCode === ok) whole.then(resolve, reject);
          else {
            whole.then((said) => reject(new Error(`${response.statusCode}: ${said}`)), reject);
          }
        },
      );
      sent.once('error', reject);
      sent.end(bytes);
    });
    return JSON.parse(answer) as Answer;
  }

  close(): void {
    this.#agent.destroy();
  }
}

export function base64(bytes: Uint8Array | string): string {
  return Buffer.from(bytes).toString('base64');
}
