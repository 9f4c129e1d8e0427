import { type Frame, FrameError, headBytes, highestFrameType, isHeadWhole } from './frame.ts';
import { checksumOf } from './frame-checksum.ts';
import { allocate } from './frame-memory.ts';

/** A part of a body that is smaller is copied to the others, so that its memory can go. */
const keptPartBytes = 8 * 1024;
const stageBytes = 16 * 1024;

/**
 * Takes frames out of the chunks that a socket gives. A body that lies in one chunk is a view of
 * it; one that lies in several is joined once. What is kept grows with what has arrived, never with
 * what a head claims.
 */
export class FrameReader {
  #maxBodyBytes: number;
  readonly #head = new Uint8Array(headBytes);
  readonly #headView = new DataView(this.#head.buffer);
  /** Bytes of a head that are here, while the rest is not. */
  #headHave = 0;
  /** The body whose end is missing. */
  #body: ComingBody | undefined;
  #broken: FrameError | undefined;

  constructor(options: { readonly maxBodyBytes: number }) {
    this.#maxBodyBytes = options.maxBodyBytes;
  }

  /** Bytes of a frame whose end has not come yet. */
  get pendingBytes(): number {
    return this.#headHave + (this.#body?.have ?? 0);
  }

  /**
   * What the head of which only a part came looks like, in a sentence: if a connection ends there,
   * the other side may have spoken another language. Empty if nothing is known of it.
   */
  get stranger(): string {
    return this.#headHave >= 4 ? strangerAt(this.#headView, 0) : '';
  }

  /** For the frames whose heads are read from now on, even those of the same chunk. */
  setMaxBodyBytes(maxBodyBytes: number): void {
    this.#maxBodyBytes = maxBodyBytes;
  }

  /**
   * Calls `onFrame` for each frame that is whole now. The chunk belongs to the reader and to the
   * frames from then on. `onFrame` must neither throw nor push.
   *
   * @throws {FrameError} if what came is no frame. Then nothing more is read here, ever.
   */
  push(chunk: Uint8Array, onFrame: (frame: Frame) => void): void {
    if (this.#broken !== undefined) throw this.#broken;
    let at = this.#goOn(chunk, onFrame);
    if (chunk.length - at < headBytes) return this.#keepHead(chunk, at);
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    while (chunk.length - at >= headBytes) {
      const length = this.#checkHead(view, at);
      const bodyAt = at + headBytes;
      if (chunk.length - bodyAt < length) {
        this.#head.set(new Uint8Array(chunk.buffer, chunk.byteOffset + at, headBytes));
        this.#headHave = headBytes;
        this.#body = new ComingBody(length);
        this.#body.add(chunk, bodyAt);
        return;
      }
      const sum = checksumOf(chunk, at + 8, bodyAt + length, 0);
      if (sum !== view.getUint32(at + 4, true)) throw this.#damaged(view, at, sum);
      onFrame({
        type: view.getUint8(at + 8),
        group: view.getUint16(at + 10, true),
        call: view.getUint32(at + 12, true),
        body: new Uint8Array(chunk.buffer, chunk.byteOffset + bodyAt, length),
      });
      at = bodyAt + length;
    }
    this.#keepHead(chunk, at);
  }

  /** Goes on with a frame that began in an earlier chunk; returns where the next one begins. */
  #goOn(chunk: Uint8Array, onFrame: (frame: Frame) => void): number {
    let at = 0;
    if (this.#headHave === 0) return at;
    if (this.#headHave < headBytes) {
      at = Math.min(headBytes - this.#headHave, chunk.length);
      this.#head.set(chunk.subarray(0, at), this.#headHave);
      this.#headHave += at;
      if (this.#headHave < headBytes) return at;
      this.#body = new ComingBody(this.#checkHead(this.#headView, 0));
    }
    const coming = this.#body as ComingBody;
    at = coming.add(chunk, at);
    if (coming.isWhole) this.#finish(coming.join(), onFrame);
    return at;
  }

  #finish(body: Uint8Array, onFrame: (frame: Frame) => void): void {
    const view = this.#headView;
    this.#body = undefined;
    this.#headHave = 0;
    const sum = checksumOf(body, 0, body.length, checksumOf(this.#head, 8, headBytes, 0));
    if (sum !== view.getUint32(4, true)) throw this.#damaged(view, 0, sum);
    onFrame({
      type: view.getUint8(8),
      group: view.getUint16(10, true),
      call: view.getUint32(12, true),
      body,
    });
  }

  #keepHead(chunk: Uint8Array, at: number): void {
    if (at === chunk.length) return;
    this.#head.set(chunk.subarray(at));
    this.#headHave = chunk.length - at;
  }

  /** Returns how long the body is. */
  #checkHead(view: DataView, at: number): number {
    const length = view.getUint32(at, true);
    const type = view.getUint8(at + 8);
    if (length > this.#maxBodyBytes) {
      const claims = `A frame claims a body of ${length} bytes; ${this.#maxBodyBytes} are allowed`;
      throw this.#fail(`${claims}. ${strangerAt(view, at)}`, 'length');
    }
    if (type === 0 || type > highestFrameType) {
      throw this.#fail(`There is no frame of type ${type}. ${strangerAt(view, at)}`, 'type');
    }
    // Else the reader could wait for bytes that nobody is going to send.
    if (!isHeadWhole(view, at)) throw this.#fail('The head of a frame came damaged.', 'checksum');
    return length;
  }

  #damaged(view: DataView, at: number, sum: number): FrameError {
    const stated = view.getUint32(at + 4, true);
    const numbers = `it says ${stated}, and its bytes give ${sum}`;
    return this.#fail(`A frame came damaged: of its checksum, ${numbers}.`, 'checksum');
  }

  #fail(message: string, damage: FrameError['damage']): FrameError {
    this.#broken = new FrameError(message.trimEnd(), damage);
    this.#body = undefined;
    return this.#broken;
  }
}

/** A body of which not all is here. */
class ComingBody {
  readonly length: number;
  have = 0;
  readonly #parts: Uint8Array[] = [];
  /** Where small parts are copied together, and how much of it is used. */
  #stage: Uint8Array | undefined;
  #staged = 0;

  constructor(length: number) {
    this.length = length;
  }

  get isWhole(): boolean {
    return this.have === this.length;
  }

  /** Takes what it lacks from the chunk; returns where the rest begins. */
  add(chunk: Uint8Array, from: number): number {
    const to = Math.min(chunk.length, from + this.length - this.have);
    const part = new Uint8Array(chunk.buffer, chunk.byteOffset + from, to - from);
    this.have += part.length;
    if (part.length >= keptPartBytes) {
      this.#endStage();
      this.#parts.push(part);
    } else if (part.length > 0) {
      this.#addToStage(part);
    }
    return to;
  }

  join(): Uint8Array {
    this.#endStage();
    const [only] = this.#parts;
    if (only !== undefined && this.#parts.length === 1) return only;
    const whole = allocate(this.length);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  #addToStage(part: Uint8Array): void {
    const lacking = part.length + this.length - this.have;
    this.#stage ??= allocate(Math.min(lacking, stageBytes));
    const fitting = Math.min(part.length, this.#stage.length - this.#staged);
    this.#stage.set(part.subarray(0, fitting), this.#staged);
    this.#staged += fitting;
    if (fitting === part.length) return;
    this.#endStage();
    this.#addToStage(part.subarray(fitting));
  }

  #endStage(): void {
    if (this.#stage === undefined) return;
    this.#parts.push(new Uint8Array(this.#stage.buffer, this.#stage.byteOffset, this.#staged));
    this.#stage = undefined;
    this.#staged = 0;
  }
}

/** What some callers that speak another language begin with, to tell their people. */
function strangerAt(view: DataView, at: number): string {
  const start = view.getUint32(at, false);
  const isTls = start >>> 16 === 0x1603 || start >>> 16 === 0x1503;
  if (isTls) return 'It looks like TLS, and none is spoken on this end.';
  const text = String.fromCharCode(start >>> 24, (start >>> 16) & 0xff, (start >>> 8) & 0xff);
  return /^(GET|PUT|POS|HEA|DEL|OPT|PRI|HTT)$/.test(text) ? 'It looks like HTTP.' : '';
}
