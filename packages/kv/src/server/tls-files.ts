import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { TlsOptions } from 'quorate/network/tcp';
import type { TlsFiles } from './config/serve-config.ts';

export interface Texts {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/**
 * The certificates of a member, as they are in their files. Read anew, they are in force for every
 * connection from then on; those that are there stay as they are.
 */
export class TlsFromFiles {
  readonly #files: TlsFiles;
  #texts: Texts;
  /** They say what was read last. */
  readonly options: TlsOptions;

  /** @throws what reading a file throws, which names it, or what is wrong with its content. */
  constructor(files: TlsFiles) {
    this.#files = files;
    this.#texts = readTexts(files);
    const newest = (): Texts => this.#texts;
    const { nodeNames } = files;
    this.options = {
      get cert() {
        return newest().cert;
      },
      get key() {
        return newest().key;
      },
      get ca() {
        return newest().ca;
      },
      ...(nodeNames === 'certificate' ? { nodeNames } : {}),
    };
  }

  get texts(): Texts {
    return this.#texts;
  }

  /**
   * Reads the files anew. Returns whether they have changed.
   *
   * @throws what is wrong with them; what was read before stays in force.
   */
  renew(): boolean {
    const texts = readTexts(this.#files);
    const { cert, key, ca } = this.#texts;
    if (texts.cert === cert && texts.key === key && texts.ca === ca) return false;
    this.#texts = texts;
    return true;
  }
}

function readTexts({ cert, key, ca }: TlsFiles): Texts {
  const read = (file: string): string => readFileSync(file, 'utf8');
  const texts = { cert: read(cert), key: read(key), ca: read(ca) };
  try {
    // The key may be that of another certificate, as while files are replaced one by one.
    createSecureContext(texts);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `The certificates in ${cert}, ${key} and ${ca} cannot be used: ${why}. Put back a certificate with its own key.`;
    throw new Error(message, { cause });
  }
  return texts;
}
