import { Readable } from 'node:stream';
import type * as ClientS3 from '@aws-sdk/client-s3';
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import type * as LibStorage from '@aws-sdk/lib-storage';
import { readName } from '../names.ts';
import { type VerifiedBackup, verifyBackup } from '../verify.ts';
import {
  type BackupPlace,
  newestFirst,
  type PlaceCallOptions,
  type SaveOptions,
  type StoredBackup,
} from './place.ts';

/** A bucket of S3, or of anything that speaks like it. */
export interface S3Options {
  readonly bucket: string;
  /** What keys begin with, as `quorate/`. Default: nothing. */
  readonly prefix?: string | undefined;
  /** A URL. Default: that of AWS for the region. */
  readonly endpoint?: string | undefined;
  /** Default: as the environment says (`AWS_REGION`), or `us-east-1` with an endpoint. */
  readonly region?: string | undefined;
  /** The bucket stands in the path and not in the host, as most others than AWS want it. */
  readonly forcePathStyle?: boolean | undefined;
  /** A server that says nothing for so long is given up. Default 60,000. */
  readonly silenceMs?: number | undefined;
}

/** Both at once, since neither is of use alone. */
interface Sdk {
  readonly s3: typeof ClientS3;
  readonly storage: typeof LibStorage;
}

const partBytes = 8 * 1024 * 1024;
/** Memory of an upload: so many parts at a time. */
const partsAtOnce = 2;

/**
 * Backups as objects of a bucket. Credentials come from where the AWS tools find them: the
 * environment (`AWS_ACCESS_KEY_ID`, ...), `~/.aws`, or the machine.
 */
export class S3Place implements BackupPlace {
  readonly #options: S3Options;
  readonly #sdk: Sdk;
  readonly #client: S3Client;

  /** @throws {Error} that says what to install if the SDK is not there. */
  static async open(options: S3Options): Promise<S3Place> {
    return new S3Place(options, await loadSdk());
  }

  private constructor(options: S3Options, sdk: Sdk) {
    const { endpoint, region, forcePathStyle = false, silenceMs = 60_000 } = options;
    this.#options = options;
    this.#sdk = sdk;
    const config: S3ClientConfig = {
      forcePathStyle,
      // Not everything that speaks S3 knows its newer checksums; backups have their own.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      // Without them it waits for ever for a server that is silent, and no backup is made any more.
      requestHandler: { connectionTimeout: silenceMs, socketTimeout: silenceMs },
    };
    if (endpoint !== undefined) config.endpoint = endpoint;
    if (region !== undefined) config.region = region;
    else if (endpoint !== undefined) config.region = process.env['AWS_REGION'] ?? 'us-east-1';
    this.#client = new sdk.s3.S3Client(config);
  }

  get title(): string {
    const { bucket, prefix = '', endpoint } = this.#options;
    return `s3://${bucket}/${prefix}${endpoint === undefined ? '' : ` at ${endpoint}`}`;
  }

  async list({ signal }: PlaceCallOptions = {}): Promise<readonly StoredBackup[]> {
    const { bucket: Bucket, prefix = '' } = this.#options;
    const found: StoredBackup[] = [];
    let token: string | undefined;
    do {
      const page = await this.#client.send(
        new this.#sdk.s3.ListObjectsV2Command({
          Bucket,
          ...(prefix === '' ? {} : { Prefix: prefix }),
          ...(token === undefined ? {} : { ContinuationToken: token }),
        }),
        aborting(signal),
      );
      for (const { Key = '', Size = 0 } of page.Contents ?? []) {
        const known = readName(Key.slice(prefix.length));
        if (known !== undefined) found.push({ ...known, bytes: Size });
      }
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
    return found.sort(newestFirst);
  }

  async save(
    name: string,
    chunks: AsyncIterable<Uint8Array>,
    { signal, readBack = (stored) => stored }: SaveOptions = {},
  ): Promise<VerifiedBackup> {
    const upload = new this.#sdk.storage.Upload({
      client: this.#client,
      params: { ...this.#object(name), Body: Readable.from(chunks, { objectMode: false }) },
      partSize: partBytes,
      queueSize: partsAtOnce,
    });
    const abort = (): void => void upload.abort();
    signal?.addEventListener('abort', abort, { once: true });
    try {
      signal?.throwIfAborted();
      await upload.done();
    } finally {
      signal?.removeEventListener('abort', abort);
    }
    const options = signal === undefined ? {} : { signal };
    try {
      return await verifyBackup(readBack(this.read(name, options)), { name: this.#titleOf(name) });
    } catch (error) {
      await this.remove(name).catch(() => undefined);
      throw error;
    }
  }

  async *read(
    name: string,
    { signal }: PlaceCallOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const command = new this.#sdk.s3.GetObjectCommand(this.#object(name));
    const { Body } = await this.#client.send(command, aborting(signal));
    if (Body === undefined) throw new Error(`${this.#titleOf(name)} came without its content.`);
    const body = Body as Readable;
    try {
      for await (const chunk of body) {
        signal?.throwIfAborted();
        yield chunk as Buffer;
      }
    } finally {
      body.destroy();
    }
  }

  async remove(name: string, { signal }: PlaceCallOptions = {}): Promise<void> {
    const command = new this.#sdk.s3.DeleteObjectCommand(this.#object(name));
    await this.#client.send(command, aborting(signal));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.destroy();
  }

  #object(name: string): { readonly Bucket: string; readonly Key: string } {
    const { bucket, prefix = '' } = this.#options;
    return { Bucket: bucket, Key: `${prefix}${name}` };
  }

  #titleOf(name: string): string {
    const { bucket, prefix = '' } = this.#options;
    return `s3://${bucket}/${prefix}${name}`;
  }
}

function aborting(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}

/** They are large, and few need them: whoever does installs them. */
async function loadSdk(): Promise<Sdk> {
  try {
    const [s3, storage] = await Promise.all([
      import('@aws-sdk/client-s3'),
      import('@aws-sdk/lib-storage'),
    ]);
    return { s3, storage };
  } catch (cause) {
    throw new Error(
      'Backups in S3 want two more packages: npm install @aws-sdk/client-s3 @aws-sdk/lib-storage',
      { cause },
    );
  }
}
