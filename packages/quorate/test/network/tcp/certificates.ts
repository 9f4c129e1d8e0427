import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

/*
 * Certificates for tests, made when they are needed, so that none expires by itself: as much of
 * X.509 (RFC 5280) as that takes. Each is signed with ECDSA and SHA-256.
 */

export interface Authority {
  /** In PEM. */
  readonly cert: string;
  readonly name: string;
  readonly key: KeyObject;
}

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

interface Wanted {
  readonly names: readonly string[];
  readonly ips?: readonly string[];
  /** Two digits for the year in which it ends. */
  readonly until?: string;
}

const ecdsaWithSha256 = tlv(0x30, Buffer.from('06082a8648ce3d040302', 'hex'));
const commonName = Buffer.from('0603550403', 'hex');
const alternativeNames = Buffer.from('0603551d11', 'hex');
const basicConstraints = Buffer.from('0603551d13', 'hex');
const isTrue = Buffer.from('0101ff', 'hex');

export function makeAuthority(name: string): Authority {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const constraints = tlv(0x30, basicConstraints, isTrue, tlv(0x04, tlv(0x30, isTrue)));
  const cert = signed({ name, key: privateKey }, name, publicKey, '49', constraints);
  return { cert, name, key: privateKey };
}

/**
 * A certificate for the first of the names, with all of them as alternative names; without names
 * it has no subject.
 */
export function issue(
  authority: Pick<Authority, 'name' | 'key'>,
  { names, ips = [], until = '49' }: Wanted,
): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const alternatives = [
    ...names.map((name) => tlv(0x82, Buffer.from(name))),
    ...ips.map((ip) => tlv(0x87, Buffer.from(ip.split('.').map(Number)))),
  ];
  const extension = tlv(0x30, alternativeNames, tlv(0x04, tlv(0x30, ...alternatives)));
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  return { cert: signed(authority, names[0] ?? '', publicKey, until, extension), key };
}

function signed(
  { name: issuer, key }: Pick<Authority, 'name' | 'key'>,
  subject: string,
  publicKey: KeyObject,
  until: string,
  extension: Buffer,
): string {
  const body = tlv(
    0x30,
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, Buffer.from([1, ...Buffer.from(subject)])),
    ecdsaWithSha256,
    nameOf(issuer),
    tlv(0x30, dateOf('20'), dateOf(until)),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, tlv(0x30, extension)),
  );
  const signature = tlv(0x03, Buffer.from([0]), sign('sha256', body, key));
  const base64 = tlv(0x30, body, ecdsaWithSha256, signature).toString('base64');
  const lines = base64.match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

/** Without a name the subject is empty, as many that issue certificates leave it today. */
function nameOf(name: string): Buffer {
  if (name === '') return tlv(0x30);
  return tlv(0x30, tlv(0x31, tlv(0x30, commonName, tlv(0x0c, Buffer.from(name)))));
}

/** The first of January of that year. */
function dateOf(year: string): Buffer {
  return tlv(0x17, Buffer.from(`${year}0101000000Z`));
}

/** Tag, length and value: all that this form of bytes (DER) knows. */
function tlv(tag: number, ...values: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(values);
  const { length } = value;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), value]);
  return Buffer.concat([Buffer.from([tag, 0x82, length >> 8, length & 0xff]), value]);
}
