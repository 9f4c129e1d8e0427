import type { PeerCertificate } from 'node:tls';
import type { NodeId } from '../../core/types.ts';

/**
 * What a side needs to prove who it is, and to know whom to believe: all in PEM. `ca`, `cert`,
 * `key` and `passphrase` are looked at again for each new connection, so that an object with
 * getters renews a certificate; what cannot be read then is passed over, and the one before stays.
 */
export interface TlsOptions {
  /** Who signs the certificates of the other side. Nobody else is believed. */
  readonly ca: string | Uint8Array | readonly (string | Uint8Array)[];
  /** This side's own certificate; both sides show one. */
  readonly cert: string | Uint8Array;
  readonly key: string | Uint8Array;
  readonly passphrase?: string;
  /**
   * Ties node ids to certificates, in both directions. `'certificate'`: the id must be one of the
   * names in the certificate (DNS names and the common name). A function decides by itself. Without
   * it, every certificate that the `ca` has signed may speak for every node, and the one who dials
   * demands that the name of the host is in it. A node that joins knows its seeds by their
   * addresses alone, and believes any certificate there; whom they name it asks by that name.
   */
  readonly nodeNames?: 'certificate' | NodeNames;
  /** The name to be demanded of who is dialled, instead of the host's in its address. */
  readonly serverName?: string;
}

export type NodeNames = (node: NodeId, certificateNames: readonly string[]) => boolean;

/** The rule of `nodeNames` as a function, if there is one. */
export function nodeNamesOf(options: TlsOptions | undefined): NodeNames | undefined {
  const { nodeNames } = options ?? {};
  if (nodeNames !== 'certificate') return nodeNames;
  return (node, certificateNames) => certificateNames.includes(node);
}

/**
 * The names in a certificate. Node writes its alternative names as one line, where a name with
 * something strange in it is quoted; no such name is taken, so that none can pass for two.
 */
export function namesOf(
  certificate: Pick<PeerCertificate, 'subject' | 'subjectaltname'>,
): readonly string[] {
  const names = new Set<string>();
  const common: unknown = (certificate.subject as { CN?: unknown } | undefined)?.CN;
  for (const name of Array.isArray(common) ? common : [common]) {
    if (typeof name === 'string') names.add(name);
  }
  const entry = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y;
  const alternatives = certificate.subjectaltname ?? '';
  for (let found = entry.exec(alternatives); found !== null; found = entry.exec(alternatives)) {
    const [, kind, name = ''] = found;
    if (kind === 'DNS' && !name.startsWith('"')) names.add(name);
  }
  return [...names];
}

const notSigned =
  'have it signed by an authority in the `ca` of who refuses it, or add the one that signed it there';

/** What to do about a certificate that is refused, by the code that Node gives the refusal. */
const advices: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'renew it, or set the clock of who refuses it',
  CERT_NOT_YET_VALID: 'set the clock of who refuses it, or of who issued it',
  CERT_SIGNATURE_FAILURE: notSigned,
  DEPTH_ZERO_SELF_SIGNED_CERT: notSigned,
  SELF_SIGNED_CERT_IN_CHAIN: notSigned,
  UNABLE_TO_GET_ISSUER_CERT: notSigned,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: notSigned,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: notSigned,
  ERR_TLS_CERT_ALTNAME_INVALID:
    'issue it for that name, or say by `serverName` or `nodeNames` which name to demand',
};

/** What went wrong, and what to do about it, if that is known for this code. */
export function withAdvice(what: string, code: unknown): string {
  const advice = typeof code === 'string' ? advices[code] : undefined;
  return advice === undefined ? what : `${what}; ${advice}`;
}

/** Why a certificate that is believed may not speak for a node, and what to do about it. */
export function otherName(node: NodeId, certificateNames: readonly string[]): string {
  const names = certificateNames.join(', ') || 'no name';
  return `is not node ${node}: its certificate says ${names}; give node ${node} one with its own name`;
}
