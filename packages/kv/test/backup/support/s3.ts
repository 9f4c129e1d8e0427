import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';

interface Server {
  run(): Promise<{ readonly port: number }>;
  close(): Promise<void>;
}

/** The package has no types. */
const S3rver = createRequire(import.meta.url)('s3rver') as new (options: object) => Server;

export interface FakeS3 extends AsyncDisposable {
  /** A URL. */
  readonly endpoint: string;
  readonly bucket: string;
  /** Where the objects lie. */
  readonly folder: string;
}

/** The credentials that it takes. */
export const s3Env = { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER' };

/** A server that speaks S3, on a port of its own. */
export async function startS3(): Promise<FakeS3> {
  const folder = await mkdtemp(path.join(tmpdir(), 'quorate-s3-'));
  const bucket = 'backups';
  const options = { port: 0, address: '127.0.0.1', silent: true, directory: folder };
  const server = new S3rver({ ...options, configureBuckets: [{ name: bucket }] });
  const { port } = await server.run();
  return {
    endpoint: `http://127.0.0.1:${port}`,
    bucket,
    folder,
    [Symbol.asyncDispose]: async () => {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
