// As much of HTTP/2 (RFC 9113) as plain gRPC calls over one connection need.

export const frameTypes = {
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
} as const;

export const flags = { ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8 } as const;

export const settingIds = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
} as const;

/** What a connection begins with, in bytes that may be on their way at once. */
export const initialWindowBytes = 65_535;
export const largestWindowBytes = 2 ** 31 - 1;
export const headBytes = 9;

export const preface: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export interface Http2Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly body: Buffer;
}

type Head = Omit<Http2Frame, 'body'>;

export function http2Frame(head: Head, body: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(headBytes + body.length);
  writeHead(bytes, 0, head, body.length);
  body.copy(bytes, headBytes);
  return bytes;
}

/** Writes the nine bytes that every frame begins with, and returns where they end. */
export function writeHead(target: Buffer, at: number, head: Head, bodyBytes: number): number {
  target.writeUIntBE(bodyBytes, at, 3);
  target[at + 3] = head.type;
  target[at + 4] = head.flags;
  target.writeUInt32BE(head.stream, at + 5);
  return at + headBytes;
}

export function settingsFrame(settings: readonly (readonly [id: number, value: number])[]): Buffer {
  const body = Buffer.allocUnsafe(settings.length * 6);
  settings.forEach(([id, value], index) => {
    body.writeUInt16BE(id, index * 6);
    body.writeUInt32BE(value, index * 6 + 2);
  });
  return http2Frame({ type: frameTypes.settings, flags: 0, stream: 0 }, body);
}

export function windowUpdateFrame(bytes: number): Buffer {
  const body = Buffer.allocUnsafe(4);
  body.writeUInt32BE(bytes);
  return http2Frame({ type: frameTypes.windowUpdate, flags: 0, stream: 0 }, body);
}

export function resetFrame(stream: number, code: number): Buffer {
  const body = Buffer.allocUnsafe(4);
  body.writeUInt32BE(code);
  return http2Frame({ type: frameTypes.resetStream, flags: 0, stream }, body);
}

/** Cuts what a socket brings into whole frames. */
export class FrameSplitter {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer, onFrame: (frame: Http2Frame) => void): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= headBytes) {
      const end = at + headBytes + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      onFrame({
        type: bytes[at + 3] ?? 0,
        flags: bytes[at + 4] ?? 0,
        stream: bytes.readUInt32BE(at + 5) & largestWindowBytes,
        body: bytes.subarray(at + headBytes, end),
      });
      at = end;
    }
    this.#rest = bytes.subarray(at);
  }
}

/** The head of a gRPC call as HPACK (RFC 7541), without Huffman codes or a dynamic table. */
export function requestHeaders(path: string, authority: string): Buffer {
  return Buffer.concat([
    Buffer.from([0x83, 0x86]), // `:method: POST` and `:scheme: http` of the static table
    Buffer.from([0x04]), // `:path`
    plainText(path),
    Buffer.from([0x01]), // `:authority`
    plainText(authority),
    Buffer.from([0x0f, 0x10]), // `content-type`
    plainText('application/grpc'),
    Buffer.from([0x00]),
    plainText('te'),
    plainText('trailers'),
  ]);
}

function plainText(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length > 126) throw new RangeError(`"${text}" is too long for one byte of length.`);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}
