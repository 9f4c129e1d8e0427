/** One server-sent event. */
export interface ServerEvent {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: unknown;
}

/** A stream of server-sent events, as a test reads it. */
export class EventReader implements AsyncDisposable {
  readonly response: Response;
  readonly #ending: AbortController;
  readonly #parts: ReadableStreamDefaultReader<Uint8Array>;
  readonly #text = new TextDecoder();
  #rest = '';
  /** Comments so far. */
  comments = 0;

  private constructor(response: Response, ending: AbortController) {
    this.response = response;
    this.#ending = ending;
    const { body } = response;
    if (body === null) throw new Error('The answer has no body.');
    this.#parts = body.getReader();
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<EventReader> {
    const ending = new AbortController();
    const response = await fetch(url, { headers, signal: ending.signal });
    return new EventReader(response, ending);
  }

  /** The next event, or `undefined` at the end. */
  async next(): Promise<ServerEvent | undefined> {
    for (;;) {
      const end = this.#rest.indexOf('\n\n');
      if (end < 0) {
        if (!(await this.#more())) return undefined;
        continue;
      }
      const block = this.#rest.slice(0, end);
      this.#rest = this.#rest.slice(end + 2);
      if (!block.startsWith(':')) return eventOf(block);
      this.comments += 1;
    }
  }

  async take(count: number): Promise<readonly ServerEvent[]> {
    const events: ServerEvent[] = [];
    for (let event = await this.next(); event !== undefined; event = await this.next()) {
      events.push(event);
      if (events.length === count) break;
    }
    return events;
  }

  /** Resolves after so many more comments. */
  async waitForComments(count: number): Promise<void> {
    const wanted = this.comments + count;
    while (this.comments < wanted) {
      const at = this.#rest.indexOf(':\n\n');
      if (at >= 0) {
        this.#rest = this.#rest.slice(0, at) + this.#rest.slice(at + 3);
        this.comments += 1;
      } else if (!(await this.#more())) {
        throw new Error('The stream has ended.');
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#parts.closed.catch(() => undefined);
  }

  async #more(): Promise<boolean> {
    const part = await this.#parts.read();
    if (part.done) return false;
    this.#rest += this.#text.decode(part.value, { stream: true });
    return true;
  }
}

function eventOf(block: string): ServerEvent {
  const fields = new Map(
    block.split('\n').map((line) => {
      const at = line.indexOf(': ');
      return [line.slice(0, at), line.slice(at + 2)] as const;
    }),
  );
  return {
    id: fields.get('id'),
    event: fields.get('event') ?? 'message',
    data: JSON.parse(fields.get('data') ?? 'null'),
  };
}
