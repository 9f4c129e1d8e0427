import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createSecureContext } from 'node:tls';
import type { TlsOptions } from 'quorate/network/tcp';

interface Texts {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A certificate, its key, and whom to believe, out of three files that may be renewed. */
export class TlsFiles {
  readonly #folder: string;
  readonly #name: string;
  #texts: Texts;

  /**
   * Reads `ca.pem`, `NAME.pem` and `NAME-key.pem` in the folder.
   *
   * @throws {Error} if one is not there, or if they cannot be used together.
   */
  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
    this.#texts = this.#read();
  }

  /**
   * For a `TcpServer` and a `TcpNetwork`. Both look at it again for each new connection, and its
   * getters give what was read last.
   */
  get options(): TlsOptions {
    const newest = (): Texts => this.#texts;
    return {
      // The id of a node must be a name in its certificate, whoever dials whom.
      nodeNames: 'certificate',
      get ca() {
        return newest().ca;
      },
      get cert() {
        return newest().cert;
      },
      get key() {
        return newest().key;
      },
    };
  }

  /** What these certificates are, in a few words. */
  get description(): string {
    const { serialNumber, validTo } = new X509Certificate(this.#texts.cert);
    const authorities = this.#texts.ca.split('-----BEGIN CERTIFICATE-----').length - 1;
    return `${this.#name} (number ${serialNumber}, until ${validTo}), ${authorities} believed`;
  }

  /**
   * Reads the files anew.
   *
   * @throws {Error} as the constructor does; what was read before stays in force.
   */
  renew(): void {
    this.#texts = this.#read();
  }

  #read(): Texts {
    const read = (file: string): string => readFileSync(path.join(this.#folder, file), 'utf8');
    const name = this.#name;
    try {
      const texts = { ca: read('ca.pem'), cert: read(`${name}.pem`), key: read(`${name}-key.pem`) };
      // Throws if a text is none, or the key is another one's.
      createSecureContext(texts);
      return texts;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      const advice = 'make-certificates.ts makes such files';
      const what = `The certificate of ${name} in ${this.#folder} cannot be used: ${why}`;
      throw new Error(`${what}; ${advice}.`, { cause });
    }
  }
}
