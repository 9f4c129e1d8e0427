import { KvError, type KvErrorCode } from '../errors.ts';
import type { RangeRequest, RangeResponse } from '../types.ts';
import { FieldReader, FieldWriter } from './fields.ts';
import {
  readRangeRequest,
  readRangeResponse,
  writeRangeRequest,
  writeRangeResponse,
} from './pairs.ts';
import { readDetails, readRefusal, writeDetails } from './refusals.ts';

/*
 * Reads that are asked together, and their answers: u8 version, u32 count, then each. An answer has
 * a byte in front that says whether it is one or a refusal.
 */

/** Reads that may be asked in one message. */
export const mostRanges = 8192;

const rangesVersion = 1;
const countAt = 1;
/** u16 flags, u32 length of the key, and one byte of it. */
const leastRequestBytes = 7;
const answerTags = { response: 1, refusal: 2 } as const;

/** What one read was answered. */
export type RangeAnswer =
  | ({ readonly type: 'range' } & RangeResponse)
  | {
      readonly type: 'error';
      readonly code: KvErrorCode;
      readonly message: string;
      readonly details?: Readonly<Record<string, unknown>>;
    };

/** @throws {KvError} `KV_INVALID`, or `KV_TOO_LARGE` if there are more than `mostRanges`. */
export function encodeRangeRequests(requests: readonly RangeRequest[]): Uint8Array {
  demandCount(requests.length);
  const writer = new FieldWriter();
  writer.u8(rangesVersion);
  writer.u32(requests.length);
  for (const request of requests) writeRangeRequest(writer, request);
  return writer.finish();
}

/**
 * The reads, with views for bytes.
 *
 * @throws {KvError} `KV_INVALID`, or `KV_TOO_LARGE` if there are more than `mostRanges`.
 */
export function decodeRangeRequests(bytes: Uint8Array): RangeRequest[] {
  const reader = new FieldReader(bytes, { what: 'a message of reads' });
  reader.version(rangesVersion);
  const count = reader.count(leastRequestBytes, 'reads');
  demandCount(count);
  const requests: RangeRequest[] = [];
  for (let number = 0; number < count; number += 1) {
    reader.partNumber = number;
    requests.push(readRangeRequest(reader));
  }
  reader.end();
  return requests;
}

export function encodeRangeResponses(answers: readonly RangeAnswer[]): Uint8Array {
  const writer = new RangeResponsesWriter();
  for (const answer of answers) {
    if (answer.type === 'range') writer.add(answer);
    else writer.refuse(new KvError(answer.code, answer.message, { ...detailsOf(answer.details) }));
  }
  return writer.finish();
}

/** Puts the answers to one message together. */
export class RangeResponsesWriter {
  readonly #fields = new FieldWriter();
  readonly #mostBytes: number;
  #count = 0;

  /** @param mostBytes an answer that would make it longer becomes a refusal that says so. */
  constructor(mostBytes: number = Number.POSITIVE_INFINITY) {
    this.#mostBytes = mostBytes;
    this.#fields.u8(rangesVersion);
    this.#fields.u32(0);
  }

  /** How long the message is by now. */
  get byteLength(): number {
    return this.#fields.at;
  }

  add(response: RangeResponse): void {
    const fields = this.#fields;
    const from = fields.at;
    fields.u8(answerTags.response);
    writeRangeResponse(fields, response);
    if (fields.at <= this.#mostBytes) {
      this.#count += 1;
      return;
    }
    const came = fields.at;
    fields.at = from;
    this.refuse(tooLong(this.#mostBytes, came));
  }

  refuse({ code, message, details }: KvError): void {
    this.#fields.u8(answerTags.refusal);
    this.#fields.text(code);
    this.#fields.text(message);
    writeDetails(this.#fields, details);
    this.#count += 1;
  }

  finish(): Uint8Array {
    this.#fields.view.setUint32(countAt, this.#count, true);
    return this.#fields.finish();
  }
}

/**
 * The answers, in the order of the reads, with views for bytes.
 *
 * @throws {KvError} `KV_INTERNAL` if these are none.
 */
export function decodeRangeResponses(bytes: Uint8Array): RangeAnswer[] {
  const reader = new FieldReader(bytes, { what: 'an answer to reads', code: 'KV_INTERNAL' });
  reader.version(rangesVersion);
  const count = reader.count(1, 'answers');
  const answers: RangeAnswer[] = [];
  for (let number = 0; number < count; number += 1) {
    reader.partNumber = number;
    answers.push(readAnswer(reader));
  }
  reader.end();
  return answers;
}

function readAnswer(reader: FieldReader): RangeAnswer {
  const tag = reader.u8();
  switch (tag) {
    case answerTags.response:
      return { type: 'range', ...readRangeResponse(reader) };
    case answerTags.refusal:
      return { type: 'error', ...readRefusal(reader), ...detailsOf(readDetails(reader)) };
    default:
      return reader.fail(`there is no answer with the number ${tag}`);
  }
}

function detailsOf(details: Readonly<Record<string, unknown>> | undefined): {
  details?: Readonly<Record<string, unknown>>;
} {
  return details === undefined ? {} : { details };
}

function demandCount(came: number): void {
  if (came <= mostRanges) return;
  const details = { limit: 'mostRanges', most: mostRanges, came };
  const message = `One message asks for at most ${mostRanges} reads; got ${came}.`;
  throw new KvError('KV_TOO_LARGE', message, { details });
}

function tooLong(most: number, came: number): KvError {
  const details = { limit: 'maxAnswerBytes', most, came };
  const message = `The answer has at most ${most} bytes; this would be ${came}. Read it in pages, with a limit.`;
  return new KvError('KV_TOO_LARGE', message, { details });
}
