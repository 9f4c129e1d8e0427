import type { IncomingMessage } from 'node:http';
import { UnreachableError } from '../../errors.ts';
import { WrongShapeError } from '../messages/fields.ts';

/** The body is longer than the handler takes. */
export class BodyTooLargeError extends Error {}

const lineEnd = 0x0a;

/** What a request yields when it is iterated; Node's types leave it open. */
type Parts = AsyncIterator<Buffer, undefined>;

/** The body of a request, pulled as its reader asks for it: the socket waits for slow readers. */
export class IncomingBody {
  readonly #request: IncomingMessage;
  readonly #maxBytes: number;
  readonly #parts: Parts;

  constructor(request: IncomingMessage, maxBytes: number) {
    this.#request = request;
    this.#maxBytes = maxBytes;
    // Whoever stops reading half-way still wants to answer on this socket.
    this.#parts = request.iterator({ destroyOnReturn: false }) as Parts;
  }

  /** @throws {WrongShapeError | BodyTooLargeError} */
  async json(): Promise<unknown> {
    const announced = Number(this.#request.headers['content-length'] ?? 0);
    if (announced > this.#maxBytes) throw this.#tooLarge();
    const parts: Uint8Array[] = [];
    let size = 0;
    for (let part = await this.#next(); part !== undefined; part = await this.#next()) {
      size += part.byteLength;
      if (size > this.#maxBytes) throw this.#tooLarge();
      parts.push(part);
    }
    return parseJson(Buffer.concat(parts, size), 'The body');
  }

  /**
   * Reads one line of JSON and returns it with the rest of the body.
   *
   * @throws {WrongShapeError | BodyTooLargeError}
   */
  async jsonLine(): Promise<{ line: unknown; rest: AsyncIterable<Uint8Array> }> {
    const parts: Uint8Array[] = [];
    let size = 0;
    for (let part = await this.#next(); part !== undefined; part = await this.#next()) {
      const end = part.indexOf(lineEnd);
      parts.push(end < 0 ? part : part.subarray(0, end));
      size += parts.at(-1)?.byteLength ?? 0;
      if (size > this.#maxBytes) throw this.#tooLarge();
      if (end < 0) continue;
      const line = parseJson(Buffer.concat(parts, size), 'The first line of the body');
      return { line, rest: this.#from(part.subarray(end + 1)) };
    }
    const line = Buffer.concat(parts, size).toString();
    throw new WrongShapeError('The first line of the body', 'JSON, and end in a newline', line);
  }

  /** Throws away what was not read, as it comes in. */
  async discardRest(): Promise<void> {
    // Only a stream that is no longer iterated flows by itself.
    await this.#parts.return?.();
    this.#request.resume();
  }

  async *#from(first: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
    if (first.byteLength > 0) yield first;
    for (let part = await this.#next(); part !== undefined; part = await this.#next()) yield part;
  }

  async #next(): Promise<Uint8Array | undefined> {
    const part = await this.#parts.next().catch((cause: unknown) => {
      throw new UnreachableError('The caller went away in the middle of its request.', { cause });
    });
    if (part.done === true) return undefined;
    const { buffer, byteOffset, byteLength } = part.value;
    return new Uint8Array(buffer, byteOffset, byteLength);
  }

  #tooLarge(): BodyTooLargeError {
    return new BodyTooLargeError(`A body may have at most ${this.#maxBytes} bytes; it has more.`);
  }
}

function parseJson(bytes: Buffer, name: string): unknown {
  const text = bytes.toString();
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new WrongShapeError(name, 'JSON', text, { cause });
  }
}
