import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { DamagedError } from 'quorate';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { nameOf } from '../../src/backup/names.ts';
import { S3Place } from '../../src/backup/places/s3.ts';
import { verifyBackup } from '../../src/backup/verify.ts';
import { KvStore } from '../../src/store/store.ts';
import { runHere } from '../cli/support/in-process.ts';
import { bytes, run } from '../store/kit.ts';
import { fileOf, fullStore, headOf, inPieces } from './support/backups.ts';
import { type FakeS3, s3Env, startS3 } from './support/s3.ts';

let s3: FakeS3;
let place: S3Place;

beforeAll(async () => {
  Object.assign(process.env, s3Env);
  s3 = await startS3();
  const { endpoint, bucket } = s3;
  place = await S3Place.open({ bucket, prefix: 'quorate/', endpoint, forcePathStyle: true });
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await s3[Symbol.asyncDispose]();
});

afterEach(async () => {
  for (const { name } of await place.list()) await place.remove(name);
});

const older = nameOf(headOf(fullStore(), { createdAt: '2026-02-01T12:00:00.000Z' }));
const newer = nameOf(headOf(fullStore()));

describe('a bucket of backups', () => {
  test('keeps them, lists the newest first, and gives them back as they were', async () => {
    const file = await fileOf(fullStore());

    await place.save(older, inPieces(file));
    const { whole } = await place.save(newer, inPieces(file));

    expect((await place.list()).map(({ name, bytes: size }) => [name, size])).toEqual([
      [newer, file.length],
      [older, file.length],
    ]);
    const { head } = await verifyBackup(place.read(newer), { name: newer, rebuild: true });
    expect(head).toEqual(headOf(fullStore()));
    expect(whole.bytes).toBe(file.length);
  });

  test('takes one in several parts if it is large', async () => {
    const store = new KvStore();
    for (let at = 0; at < 24; at += 1) {
      run(store, { type: 'put', key: bytes(`key ${at}`), value: Buffer.alloc(1_000_000, at) });
    }
    const file = await fileOf(store);

    await place.save(newer, inPieces(file, 65_536));

    const [stored] = await place.list();
    expect(stored?.bytes).toBe(file.length);
    await verifyBackup(place.read(newer), { name: newer, rebuild: true });
  });

  test('keeps nothing of a stream that ends too early or fails', async () => {
    const file = await fileOf(fullStore());
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield file.subarray(0, 1000);
      throw new Error('The line is dead.');
    }

    await expect(place.save(newer, inPieces(file.subarray(0, 50_000)))).rejects.toThrow(
      DamagedError,
    );
    await expect(place.save(older, failing())).rejects.toThrow('The line is dead.');

    expect(await place.list()).toEqual([]);
  });

  test('lists nothing that is no backup', async () => {
    const other = await S3Place.open({
      ...{ bucket: s3.bucket, endpoint: s3.endpoint, forcePathStyle: true },
    });
    await other.save(newer, inPieces(await fileOf(fullStore())));

    expect(await place.list()).toEqual([]);
    expect(await other.list()).toHaveLength(1);
    await other.remove(newer);
    await other[Symbol.asyncDispose]();
  });

  test('says so when it is not there', async () => {
    const { endpoint } = s3;
    const missing = await S3Place.open({ bucket: 'nowhere', endpoint, forcePathStyle: true });

    await expect(missing.list()).rejects.toThrow('bucket does not exist');
    await missing[Symbol.asyncDispose]();
  });
});

test('a server that says nothing more is given up, before its answer and within it', async () => {
  const server = createServer((request, response) => {
    request.resume();
    if (request.url?.includes('list-type') === true) return;
    response.writeHead(200, { 'Content-Length': 1_000_000 });
    response.write('QKVBACK1');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const silent = await S3Place.open({
    ...{ bucket: 'b', endpoint: `http://127.0.0.1:${port}`, forcePathStyle: true },
    silenceMs: 200,
  });

  await expect(silent.list()).rejects.toThrow('timed out');
  await expect(verifyBackup(silent.read(newer), { name: newer })).rejects.toThrow('timed out');

  await silent[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
});

test('a listing of several pages is read to its end', async () => {
  const page = (key: string, more: string) =>
    `<?xml version="1.0"?><ListBucketResult><Contents><Key>${key}</Key><Size>9</Size></Contents>${more}</ListBucketResult>`;
  const server = createServer(({ url = '' }, response) => {
    const isSecond = new URL(url, 'http://it').searchParams.get('continuation-token') === 'two';
    const more =
      '<IsTruncated>true</IsTruncated><NextContinuationToken>two</NextContinuationToken>';
    response.end(isSecond ? page(`q/${newer}`, '') : page(`q/${older}`, more));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const endpoint = `http://127.0.0.1:${port}`;
  const paged = await S3Place.open({ bucket: 'b', prefix: 'q/', endpoint, forcePathStyle: true });

  expect((await paged.list()).map(({ name }) => name)).toEqual([newer, older]);

  await paged[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
});

test('the commands list and check a bucket, and find an object that was damaged there', async () => {
  const flags = ['--s3', `s3://${s3.bucket}/quorate/`, '--s3-endpoint', s3.endpoint];
  const where = [...flags, '--s3-path-style'];
  await place.save(older, inPieces(await fileOf(fullStore())));
  await place.save(newer, inPieces(await fileOf(fullStore())));

  const list = await runHere(['backup', 'list', ...where, '--verify']);
  const verify = await runHere(['backup', 'verify', newer, ...where]);
  await damage(older);
  const json = await runHere(['backup', 'list', ...where, '--verify', '--json']);

  expect([list.code, list.stderr]).toEqual([0, '']);
  expect(list.stdout.split('\n')[1]).toMatch(/^2026-03-01T12:00:00Z +a +\d+ +68\.\d KiB +yes /);
  expect(verify.stdout).toMatch(/is whole: revision \d+, 3 keys, 1 lease/);
  expect(json.code).toBe(6);
  const rows = json.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { verified: boolean });
  expect(rows.map(({ verified }) => verified)).toEqual([true, false]);
});

/** Flips a bit of an object where the server keeps it. */
async function damage(name: string): Promise<void> {
  const files = await readdir(s3.folder, { recursive: true });
  const file = files.find((one) => one.includes(name) && one.endsWith('_object'));
  if (file === undefined) throw new Error(`There is no object ${name} in ${files.join(', ')}.`);
  const whole = path.join(s3.folder, file);
  const content = await readFile(whole);
  content[content.length - 100] = (content[content.length - 100] ?? 0) ^ 1;
  await writeFile(whole, content);
}
