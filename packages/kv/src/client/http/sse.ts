/** A message of a stream of server-sent events. */
export interface SseMessage {
  readonly event: string;
  readonly data: string;
}

/** The longest message that is read, in characters. */
const mostCharacters = 128 * 1024 * 1024;

/** Finds the messages in the chunks of a stream. Comments and what nobody knows are left out. */
export class SseReader {
  readonly #decoder = new TextDecoder('utf-8');
  /** The beginning of a line that is not whole. */
  #rest: string[] = [];
  #restLength = 0;
  #event = '';
  #data: string[] = [];
  #dataLength = 0;

  /** @throws {RangeError} if a message is too long. */
  push(chunk: Uint8Array): SseMessage[] {
    const messages: SseMessage[] = [];
    const text = this.#decoder.decode(chunk, { stream: true });
    let from = 0;
    for (let to = text.indexOf('\n'); to >= 0; to = text.indexOf('\n', from)) {
      this.#rest.push(text.slice(from, to));
      from = to + 1;
      const line = this.#rest.join('').replace(/\r$/, '');
      this.#rest = [];
      this.#restLength = 0;
      const message = this.#line(line);
      if (message !== undefined) messages.push(message);
    }
    this.#rest.push(text.slice(from));
    this.#restLength += text.length - from;
    this.#demand(this.#restLength);
    return messages;
  }

  #line(line: string): SseMessage | undefined {
    if (line === '') return this.#end();
    const colon = line.indexOf(':');
    if (colon === 0) return undefined;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#event = value;
    if (field === 'data') {
      this.#data.push(value);
      this.#dataLength += value.length;
      this.#demand(this.#dataLength);
    }
    return undefined;
  }

  #end(): SseMessage | undefined {
    const message = { event: this.#event || 'message', data: this.#data.join('\n') };
    const isEmpty = this.#data.length === 0;
    this.#event = '';
    this.#data = [];
    this.#dataLength = 0;
    return isEmpty ? undefined : message;
  }

  #demand(length: number): void {
    if (length <= mostCharacters) return;
    throw new RangeError(`A message of the stream is longer than ${mostCharacters} characters.`);
  }
}
