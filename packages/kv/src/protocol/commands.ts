import { bufferOf } from '../bytes.ts';
import { KvError } from '../errors.ts';
import type { Operation, PutRequest } from '../types.ts';
import { FieldReader, FieldWriter } from './fields.ts';
import {
  commandVersions,
  operationTags,
  type PutAt,
  putRequestAt,
  readOther,
  readPutAt,
  versionOf,
  writeOperation,
  writePut,
} from './operations.ts';

export { commandVersions, type PutAt, putFlags } from './operations.ts';

/*
 * A command is what the log holds: u8 version, u32 count, then so many operations. Puts are read
 * and written without an object for each, since nearly all commands are many puts. A command has
 * the oldest version that knows all its operations, so that old members read what they can.
 */

const headBytes = 5;
const versionAt = 0;
const countAt = 1;
const leastOperationBytes = 1;

/** Told what a command holds, operation by operation. */
export interface CommandVisitor {
  /** `at` is the same object for every put: take from it what is needed. */
  put(bytes: Buffer, at: PutAt): void;
  /** Its bytes are views of the command. */
  other(operation: Exclude<Operation, { type: 'put' }>): void;
}

/**
 * Tells the visitor each operation, in order. Those before a place that is wrong have been told by
 * then; `checkCommand` finds it before.
 *
 * @throws {KvError} `KV_INVALID` that names the operation and the byte.
 */
export function visitCommand(command: Uint8Array, visitor: CommandVisitor): void {
  const bytes = bufferOf(command);
  const reader = new FieldReader(bytes, { what: 'a command' });
  const version = reader.version(commandVersions.newest, commandVersions.oldest);
  const count = reader.count(leastOperationBytes, 'operations');
  if (count === 0) reader.fail('there must be at least one operation');
  const at: PutAt = { flags: 0, keyAt: 0, keyEnd: 0, valueEnd: 0, lease: 0 };
  for (let number = 0; number < count; number += 1) {
    reader.partNumber = number;
    const tag = reader.u8();
    if (tag === operationTags.put) {
      readPutAt(reader, at);
      visitor.put(bytes, at);
    } else visitor.other(readOther(reader, tag, version));
  }
  reader.end();
}

/** @throws {KvError} `KV_INVALID` if there is none, or one contradicts itself. */
export function encodeCommand(operations: readonly Operation[]): Uint8Array {
  const writer = new CommandWriter();
  for (const operation of operations) writer.add(operation);
  return writer.finish();
}

/**
 * The operations of a command. Their bytes are views of it.
 *
 * @throws {KvError} `KV_INVALID`
 */
export function decodeCommand(command: Uint8Array): Operation[] {
  const operations: Operation[] = [];
  visitCommand(command, {
    put: (bytes, at) => operations.push({ type: 'put', ...putRequestAt(bytes, at) }),
    other: (operation) => operations.push(operation),
  });
  return operations;
}

/** Puts operations together to one command. After `finish` it begins the next one. */
export class CommandWriter {
  readonly #fields = new FieldWriter();
  #count = 0;
  #version: number = commandVersions.oldest;

  /** How many operations wait for `finish`. */
  get count(): number {
    return this.#count;
  }

  /** How long the command is by now. */
  get byteLength(): number {
    return this.#count === 0 ? headBytes : this.#fields.at;
  }

  /** @throws {KvError} `KV_INVALID` if it contradicts itself; the command is as it was. */
  put(request: PutRequest): void {
    const fields = this.#fields;
    const from = fields.at;
    if (from === 0) this.#begin();
    try {
      writePut(fields, request);
    } catch (error) {
      fields.at = from;
      throw error;
    }
    this.#count += 1;
  }

  /** @throws {KvError} `KV_INVALID` if it contradicts itself; the command is as it was. */
  add(operation: Operation): void {
    const fields = this.#fields;
    const from = fields.at;
    if (from === 0) this.#begin();
    try {
      writeOperation(fields, operation);
      this.#version = Math.max(this.#version, versionOf(operation));
    } catch (error) {
      fields.at = from;
      throw error;
    }
    this.#count += 1;
  }

  /** @throws {KvError} `KV_INVALID` if there is no operation. */
  finish(): Uint8Array {
    const count = this.#count;
    if (count === 0) throw new KvError('KV_INVALID', 'A command must have at least one operation.');
    this.#fields.view.setUint8(versionAt, this.#version);
    this.#fields.view.setUint32(countAt, count, true);
    this.#count = 0;
    this.#version = commandVersions.oldest;
    return this.#fields.finish();
  }

  #begin(): void {
    this.#fields.u8(commandVersions.oldest);
    this.#fields.u32(0);
  }
}
