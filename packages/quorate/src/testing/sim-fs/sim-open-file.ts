import type { OpenFile } from '../../platform/file-system.ts';
import { type Fault, type Faults, type SimOperation, systemError } from './faults.ts';
import { sectorBytes } from './sector.ts';
import type { SimFile } from './sim-file.ts';

export interface SimOpenFileOptions {
  readonly path: () => string;
  readonly file: SimFile;
  readonly isWritable: boolean;
  readonly hasDurableWrites: boolean;
  readonly faults: Faults;
  readonly held: (operation: SimOperation) => Promise<void>;
  readonly heldRead: (operation: SimOperation) => Promise<void> | undefined;
  /** The number of the last operation that began, in the whole file system. */
  readonly sequence: () => number;
  readonly nextSequence: () => number;
  readonly freeSectors: () => number;
  readonly onClosed: () => void;
}

/** A file of a `SimFs` as a program has it open. */
export class SimOpenFile implements OpenFile {
  readonly #options: SimOpenFileOptions;
  readonly #file: SimFile;
  #isClosed = false;

  constructor(options: SimOpenFileOptions) {
    this.#options = options;
    this.#file = options.file;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    const length = buffer.byteLength;
    // The system is not asked for nothing.
    if (length === 0) return 0;
    this.#requireOpen('read');
    const { faults, heldRead } = this.#options;
    const operation: SimOperation = { type: 'read', path: this.#path, position, length };
    const fault = faults.take(operation);
    if (fault === undefined) {
      const count = this.#file.read(buffer, position);
      await heldRead(operation);
      return count;
    }
    if (fault.misreads === undefined) throw this.#error(fault.code, 'read');
    return this.#misread(fault.misreads, buffer, position);
  }

  async write(parts: readonly Uint8Array[], position: number): Promise<void> {
    const bytes = joined(parts);
    const length = bytes.byteLength;
    if (length === 0) return;
    this.#requireOpen('write');
    const { faults, isWritable, hasDurableWrites: isDurable } = this.#options;
    if (!isWritable) throw this.#error('EBADF', 'write');
    const operation: SimOperation = {
      type: 'write',
      path: this.#path,
      position,
      length,
      isDurable,
    };
    const fault = faults.take(operation);
    const fits = this.#file.fittingBytes(position, length, this.#options.freeSectors());
    const fitting = bytes.subarray(0, fits);
    if (fault === undefined) await this.#land(operation, fitting, position);
    else await this.#failWrite({ operation, fault }, fitting, position);
    if (fits < length) throw this.#error('ENOSPC', 'write');
  }

  async truncate(size: number): Promise<void> {
    this.#requireOpen('ftruncate');
    const { faults, held, isWritable, nextSequence } = this.#options;
    if (!isWritable) throw this.#error('EINVAL', 'ftruncate');
    const operation: SimOperation = { type: 'truncate', path: this.#path, length: size };
    const fault = faults.take(operation);
    if (fault === undefined) this.#file.truncate(size, nextSequence());
    await held(operation);
    if (fault !== undefined) throw this.#error(fault.code, 'ftruncate');
  }

  async sync(): Promise<void> {
    this.#requireOpen('fsync');
    const { faults, held } = this.#options;
    const sequence = this.#options.sequence();
    const operation: SimOperation = { type: 'sync', path: this.#path };
    const fault = faults.take(operation);
    await held(operation);
    if (fault === undefined) return this.#file.settle(sequence);
    this.#file.forget(0, sequence, { keepsCache: fault.keepsCache ?? false });
    throw this.#error(fault.code, 'fsync');
  }

  async size(): Promise<number> {
    this.#requireOpen('fstat');
    return this.#file.size;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.onClosed();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #land(operation: SimOperation, bytes: Uint8Array, position: number): Promise<void> {
    const { held, hasDurableWrites, nextSequence } = this.#options;
    const length = bytes.byteLength;
    const sequence = nextSequence();
    if (length > 0) this.#file.write(bytes, position, sequence);
    await held(operation);
    if (hasDurableWrites && length > 0) this.#file.settleWrite(position, length, sequence);
  }

  /** The first half is right, up to the end of a sector, unless it ends in the last one. */
  #misread(how: number | 'older', buffer: Uint8Array, position: number): number {
    const length = this.#file.read(buffer, position);
    const middle = Math.ceil((position + length / 2) / sectorBytes) * sectorBytes - position;
    const start = middle < length ? middle : 0;
    const rest = buffer.subarray(start, length);
    if (how === 'older') this.#file.readDurable(rest, position + start);
    else this.#file.read(rest, Math.max(0, position + start + how));
    return length;
  }

  /** While it is under way nobody knows how much of it will land. */
  async #failWrite(
    { operation, fault }: { operation: SimOperation; fault: Fault },
    bytes: Uint8Array,
    position: number,
  ): Promise<never> {
    const { held, hasDurableWrites, nextSequence } = this.#options;
    const sequence = nextSequence();
    if (bytes.byteLength > 0) this.#file.write(bytes, position, sequence);
    await held(operation);
    this.#file.forget(sequence, sequence, { keepsCache: fault.keepsCache ?? false });
    const landed = bytes.subarray(0, fault.landedBytes ?? 0);
    if (landed.byteLength > 0) {
      const landedSequence = nextSequence();
      this.#file.write(landed, position, landedSequence);
      if (hasDurableWrites) this.#file.settleWrite(position, landed.byteLength, landedSequence);
    }
    throw this.#error(fault.code, 'write');
  }

  get #path(): string {
    return this.#options.path();
  }

  #requireOpen(call: string): void {
    if (this.#isClosed) throw this.#error('EBADF', call);
  }

  #error(code: Parameters<typeof systemError>[0], call: string): Error {
    return systemError(code, call, this.#path);
  }
}

/** A copy in whole, so that nothing changes under the write. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return first.slice();
  let length = 0;
  for (const part of parts) length += part.byteLength;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}
