import { open, rm, statfs } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KvClient } from '../../src/client.ts';
import { KvError } from '../../src/errors.ts';
import { KvMember } from '../../src/server/member.ts';

/*
 * Fills the disks of three members until nothing goes any more, and makes room again. Run by
 * full-disk.process.test.ts, in a place where each of the three folders is a small file system of
 * its own: `full-disk-drill.ts FOLDER FOLDER FOLDER`. Prints what it saw as one line of JSON.
 */

const mib = 1024 * 1024;
const names = ['a', 'b', 'c'] as const;
const folders = process.argv.slice(2);
const firstPort = 30_000 + Math.floor(Math.random() * 2000);
const patienceMs = 20_000;
/** What is taken by others at first, and is room for the log after it has gone. */
const ballastBytes = 20 * mib;

const peers = Object.fromEntries(names.map((name, at) => [name, `127.0.0.1:${firstPort + at}`]));

function ballastOf(folder: string): string {
  return path.join(folder, 'ballast');
}

/** A file of somebody else on the same disk; it takes what it can get. Returns its size. */
async function takeRoom(folder: string, bytes: number): Promise<number> {
  const file = await open(ballastOf(folder), 'w');
  const part = Buffer.alloc(64 * 1024, 1);
  let taken = 0;
  try {
    while (taken < bytes) taken += (await file.write(part)).bytesWritten;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    await file.close();
  }
  return taken;
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

async function until(what: string, test: () => boolean): Promise<void> {
  const start = performance.now();
  while (!test()) {
    if (performance.now() - start > patienceMs) throw new Error(`In vain: ${what}.`);
    await sleep(20);
  }
}

const value = Buffer.alloc(32 * 1024, 7);

/** Puts one key after the other until one is refused for good. */
async function fill(
  client: KvClient,
  prefix: string,
): Promise<{ readonly keys: string[]; readonly failure: KvError }> {
  const keys: string[] = [];
  for (let round = 0; ; round += 1) {
    const batch = Array.from({ length: 16 }, (_, at) => `${prefix}/${round}/${at}`);
    const puts = await Promise.allSettled(batch.map((key) => client.put(key, value)));
    for (const [at, put] of puts.entries()) {
      if (put.status === 'fulfilled') keys.push(batch[at] as string);
    }
    const failed = puts.find((put) => put.status === 'rejected');
    if (failed?.reason instanceof KvError) return { keys, failure: failed.reason };
    if (failed !== undefined) throw failed.reason;
    // Members look at their disks ten times a second then; on a busy machine that may come late.
    await sleep(25);
  }
}

async function missingOf(member: KvMember, keys: readonly string[]): Promise<number> {
  await member.service.barrier({ signal: AbortSignal.timeout(patienceMs) });
  let missing = 0;
  for (const key of keys) {
    const { count } = await member.service.range({ key: Buffer.from(key), countOnly: true });
    missing += 1 - count;
  }
  return missing;
}

/** One disk is full to the end, that of a follower: it fails, and the others go on. */
async function drillOfOne(
  members: KvMember[],
): Promise<{ readonly keys: readonly string[]; readonly fatal: string | undefined }> {
  const client = new KvClient({ servers: Object.values(peers) });
  const at = members.findIndex(({ raft }) => raft.metrics.role === 'follower');
  const [member, folder] = [members[at] as KvMember, folders[at] as string];
  await rm(ballastOf(folder));
  await takeRoom(folder, Infinity);
  const keys: string[] = [];
  while (member.raft.metrics.fatal === undefined && keys.length < 1000) {
    const key = `one/${keys.length}`;
    await client.put(key, value);
    keys.push(key);
  }
  const fatal = member.raft.metrics.fatal?.message;
  await client.put('one/after', value);
  await member.close();
  await rm(ballastOf(folder));
  await takeRoom(folder, ballastBytes);
  members[at] = await startMember(at);
  await members[at].ready();
  await client.close();
  return { keys: [...keys, 'one/after'], fatal };
}

async function drillOfAll(members: readonly KvMember[]): Promise<object> {
  const client = new KvClient({ servers: Object.values(peers), timeoutMs: 1500 });
  const fatals = (): readonly string[] =>
    members.flatMap(({ raft }) => raft.metrics.fatal?.message ?? []);
  const refuses = (): boolean =>
    members.some(({ service }) =>
      service.status().alerts.some(({ code }) => code === 'writes-refused'),
    );
  try {
    const full = await fill(client, 'first');
    const freeWhenRefused = await Promise.all(folders.map(freeBytes));
    const isReadable = (await client.get(full.keys[0] as string)) !== undefined;
    const deleted = (await client.delete(full.keys.pop() as string)).deleted;

    // Somebody else takes the rest: not a byte is left.
    for (const folder of folders) await takeRoom(folder, Infinity);
    const freeAtWorst = await Promise.all(folders.map(freeBytes));
    await sleep(2000);
    const atWorst = await client.put('worst', value).catch((error: unknown) => error);
    const isReadableAtWorst = (await client.get(full.keys[0] as string)) !== undefined;

    for (const folder of folders) await rm(ballastOf(folder));
    await until('writes are taken again', () => !refuses());
    const after = await client.put('after', value);
    const second = await fill(client, 'second');
    const keys = [...full.keys, ...second.keys, 'after'];
    return {
      refusal: { code: full.failure.code, maybeApplied: full.failure.maybeApplied },
      message: full.failure.message,
      freeWhenRefused,
      isReadable,
      deleted,
      freeAtWorst,
      atWorst: atWorst instanceof KvError ? atWorst.code : String(atWorst),
      isReadableAtWorst,
      isWorstThere: (await client.get('worst')) !== undefined,
      afterRevision: after.revision,
      counts: [full.keys.length, second.keys.length],
      missing: await Promise.all(members.map((member) => missingOf(member, keys))),
      fatals: fatals(),
    };
  } finally {
    await client.close();
  }
}

function startMember(at: number): Promise<KvMember> {
  return KvMember.start({
    name: names[at] as string,
    directory: path.join(folders[at] as string, 'data'),
    listen: { port: firstPort + at },
    peers,
    disk: { segmentBytes: mib, lowBytes: 24 * mib },
  });
}

for (const folder of folders) await takeRoom(folder, ballastBytes);
const members = await Promise.all(names.map((_, at) => startMember(at)));
await Promise.all(members.map((member) => member.ready()));
const { keys, fatal } = await drillOfOne(members);
const seen = await drillOfAll(members);
const missingOfOne = await Promise.all(members.map((member) => missingOf(member, keys)));
await Promise.all(members.map((member) => member.close()));
process.stdout.write(`${JSON.stringify({ ...seen, fatal, missingOfOne })}\n`);
