import type { CallOptions } from '../../contract/network.ts';
import type { Identity } from '../../core/types.ts';
import { Fields } from '../messages/fields.ts';
import { readIdentity, readTarget } from '../messages/shapes.ts';
import {
  type FieldReader,
  FieldWriter,
  jsonBytes,
  readMessage,
  WireFormatError,
} from './fields.ts';
import type { VersionRange } from './version.ts';

/*
 * What opens a connection, the same in all versions. A hello: "QRT" and a zero, u16 lowest version,
 * u16 highest, u8 lane, then JSON. A welcome: u16 version, u32 longest body, then JSON. Fields of
 * the JSON that a reader does not know are ignored, so that later versions may add some.
 */

const magic = 0x00545251;
const lanes = ['main', 'bulk'] as const;

/** Heartbeats, votes and all that is small go by `main`; what is long goes by `bulk`. */
export type Lane = (typeof lanes)[number];

/** The first frame of who dials. */
export interface Hello extends VersionRange {
  readonly lane: Lane;
  /** Who dials; absent for a client that is no node. */
  readonly cluster?: string;
  readonly node?: string;
  readonly incarnation?: string;
  readonly starts?: number;
  /** Whom it means to reach. */
  readonly target?: { readonly node: string; readonly incarnation?: string };
}

/** The answer to a hello, if the connection may be used. */
export interface Welcome {
  readonly version: number;
  /** The longest body that may be sent to the answering side. */
  readonly maxBodyBytes: number;
  readonly cluster?: string;
  readonly node?: string;
  readonly incarnation?: string;
}

/** Who asks and who is meant, until another one follows. */
export interface Speaker {
  readonly from?: Identity;
  readonly to?: NonNullable<CallOptions['to']>;
}

export function writeHello({ minVersion, maxVersion, lane, ...who }: Hello): readonly Uint8Array[] {
  const json = jsonBytes(who);
  const writer = new FieldWriter(9 + json.length);
  writer.u32(magic);
  writer.u16(minVersion);
  writer.u16(maxVersion);
  writer.u8(lanes.indexOf(lane));
  writer.raw(json);
  return writer.finish();
}

/** @throws {WireFormatError} if it is none. */
export function readHello(body: Uint8Array): Hello {
  return readMessage('hello', body, (reader) => {
    if (reader.u32() !== magic) throw new WireFormatError('It does not begin with "QRT" and zero.');
    const minVersion = reader.u16();
    const maxVersion = reader.u16();
    if (minVersion === 0 || minVersion > maxVersion) {
      throw new WireFormatError(`There are no versions from ${minVersion} to ${maxVersion}.`);
    }
    const lane = readLane(reader);
    const fields = new Fields(reader.json(), 'hello');
    const target = fields.has('target') ? { target: fields.nested('target', readTarget) } : {};
    const starts = fields.has('starts') ? { starts: fields.count('starts') } : {};
    return { minVersion, maxVersion, lane, ...readNames(fields), ...starts, ...target };
  });
}

export function writeWelcome({ version, maxBodyBytes, ...who }: Welcome): readonly Uint8Array[] {
  const json = jsonBytes(who);
  const writer = new FieldWriter(6 + json.length);
  writer.u16(version);
  writer.u32(maxBodyBytes);
  writer.raw(json);
  return writer.finish();
}

/** @throws {WireFormatError} if it is none. */
export function readWelcome(body: Uint8Array): Welcome {
  return readMessage('welcome', body, (reader) => {
    const version = reader.u16();
    const maxBodyBytes = reader.u32();
    return { version, maxBodyBytes, ...readNames(new Fields(reader.json(), 'welcome')) };
  });
}

export function writeSpeaker(speaker: Speaker): readonly Uint8Array[] {
  return [jsonBytes(speaker)];
}

/** @throws {WireFormatError} if it is none. */
export function readSpeaker(body: Uint8Array): Speaker {
  return readMessage('speaker', body, (reader) => {
    const fields = new Fields(reader.json(), 'speaker');
    return {
      ...(fields.has('from') ? { from: fields.nested('from', readIdentity) } : {}),
      ...(fields.has('to') ? { to: fields.nested('to', readTarget) } : {}),
    };
  });
}

function readLane(reader: FieldReader): Lane {
  const number = reader.u8();
  const lane = lanes[number];
  if (lane === undefined) throw new WireFormatError(`There is no lane ${number}.`);
  return lane;
}

function readNames(fields: Fields): { cluster?: string; node?: string; incarnation?: string } {
  return {
    ...(fields.has('cluster') ? { cluster: fields.string('cluster') } : {}),
    ...(fields.has('node') ? { node: fields.string('node') } : {}),
    ...(fields.has('incarnation') ? { incarnation: fields.string('incarnation') } : {}),
  };
}
