import { X509Certificate } from 'node:crypto';
import type { TlsOptions } from 'quorate/network/tcp';
import type { KvAlert } from '../../types.ts';
import { alertOf } from './kinds.ts';

const dayMs = 86_400_000;
const warnDays = 14;
const graveDays = 2;
const pemCertificate = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

interface Watched {
  /** As a message names it. */
  readonly name: string;
  readonly endsAt: number;
}

interface Unread {
  /** What is told of it. */
  readonly message: string;
}

/** Knows when the certificates end that a member has read: its own, and those that it believes. */
export class Certificates {
  readonly #member: string;
  readonly #tls: Pick<TlsOptions, 'cert' | 'ca'> | undefined;
  /** What the certificates said when they were looked at. */
  #seen: { readonly cert: unknown; readonly ca: unknown } | undefined;
  #watched: readonly Watched[] = [];
  #unread: Unread | undefined;

  constructor(member: string, tls: Pick<TlsOptions, 'cert' | 'ca'> | undefined) {
    this.#member = member;
    this.#tls = tls;
  }

  /** What ends first is told; `wall` is the time of day, in milliseconds. */
  alerts(wall: number): readonly KvAlert[] {
    this.#look();
    const [first] = this.#watched;
    if (first === undefined) return this.#ofUnread();
    const { name, endsAt } = first;
    const days = (endsAt - wall) / dayMs;
    if (days > warnDays) return this.#ofUnread();
    const at = new Date(endsAt).toISOString();
    const message =
      days <= 0
        ? `${name} expired at ${at}: no new connection is believed.`
        : `${name} expires at ${at}, in ${days < 1 ? 'less than a day' : `${Math.floor(days)} days`}.`;
    const severity = days <= graveDays ? 'error' : 'warning';
    return [alertOf('certificate', this.#member, message, { severity })];
  }

  #ofUnread(): readonly KvAlert[] {
    if (this.#unread === undefined) return [];
    return [alertOf('certificate', this.#member, this.#unread.message)];
  }

  /** They may have been renewed. */
  #look(): void {
    if (this.#tls === undefined) return;
    const { cert, ca } = this.#tls;
    if (this.#seen?.cert === cert && this.#seen.ca === ca) return;
    this.#seen = { cert, ca };
    const found = [...watchedIn('The certificate', cert), ...watchedIn('The authority', ca)];
    const watched = found.filter((one) => 'endsAt' in one);
    this.#watched = watched.sort((a, b) => a.endsAt - b.endsAt);
    this.#unread = found.find((one) => 'message' in one);
  }
}

/** What cannot be read is told: TLS refuses it in some files, and passes over it in others. */
function watchedIn(what: string, texts: TlsOptions['ca']): readonly (Watched | Unread)[] {
  const parts = Array.isArray(texts) ? (texts as readonly (string | Uint8Array)[]) : [texts];
  return parts.flatMap((part) =>
    Array.from(pemText(part as string | Uint8Array).matchAll(pemCertificate), ([pem]) =>
      watchedOf(what, pem),
    ),
  );
}

function watchedOf(what: string, pem: string): Watched | Unread {
  try {
    const certificate = new X509Certificate(pem);
    return { name: `${what} ${subjectOf(certificate)}`, endsAt: Date.parse(certificate.validTo) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `${what} cannot be read from one place of its file on, so nothing from there on is believed: ${reason}.`;
    return { message };
  }
}

/** Many certificates have no subject today, and only names that they stand for. */
function subjectOf(certificate: X509Certificate): string {
  const subject: string | undefined = certificate.subject;
  if (subject) return subject.replaceAll('\n', ', ');
  return `for ${certificate.subjectAltName ?? `nobody, of number ${certificate.serialNumber}`}`;
}

function pemText(text: string | Uint8Array): string {
  return typeof text === 'string' ? text : Buffer.from(text).toString('latin1');
}
