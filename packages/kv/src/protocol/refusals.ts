import { isKvErrorCode, type KvErrorCode } from '../errors.ts';
import type { FieldReader, FieldWriter } from './fields.ts';

/** A code and a message. A code that a later version has added is quoted. */
export function readRefusal(reader: FieldReader): { code: KvErrorCode; message: string } {
  const code = reader.text('a code');
  const message = reader.text('a message');
  if (isKvErrorCode(code)) return { code, message };
  return { code: 'KV_INTERNAL', message: `The server answered with ${code}: ${message}` };
}

/** JSON, or nothing if there are none. */
export function writeDetails(
  writer: FieldWriter,
  details: Readonly<Record<string, unknown>>,
): void {
  writer.text(Object.keys(details).length === 0 ? '' : JSON.stringify(details));
}

export function readDetails(reader: FieldReader): Readonly<Record<string, unknown>> | undefined {
  const text = reader.text('details');
  if (text === '') return undefined;
  let details: unknown;
  try {
    details = JSON.parse(text);
  } catch (cause) {
    return reader.fail('details are no JSON', cause);
  }
  if (typeof details === 'object' && details !== null && !Array.isArray(details)) {
    return details as Readonly<Record<string, unknown>>;
  }
  return reader.fail('details are no object');
}
