import type { Logger } from 'quorate';
import { describe, expect, test } from 'vitest';

import { nameOf, readName } from '../../src/backup/names.ts';
import { type BackupPlace, newestFirst, type StoredBackup } from '../../src/backup/places/place.ts';
import { type BackupPolicy, Backups } from '../../src/backup/schedule.ts';
import { type VerifiedBackup, verifyBackup } from '../../src/backup/verify.ts';
import { VirtualRuntime } from '../leases/virtual-runtime.ts';
import { fileOf, fullStore, headOf, inPieces } from './support/backups.ts';

const hour = 3_600_000;
const start = Date.parse('2026-03-01T12:00:00.000Z');
const cluster = headOf(fullStore()).cluster;

/** A place in memory, which can be made to fail. */
class MemoryPlace implements BackupPlace {
  readonly title = 'memory';
  readonly names: string[] = [];
  readonly done: string[] = [];
  failure: Error | undefined;

  async list(): Promise<readonly StoredBackup[]> {
    return this.names
      .flatMap((name) => readName(name) ?? [])
      .map((known) => ({ ...known, bytes: 1 }))
      .sort(newestFirst);
  }

  async save(name: string, chunks: AsyncIterable<Uint8Array>): Promise<VerifiedBackup> {
    if (this.failure !== undefined) throw this.failure;
    const verified = await verifyBackup(chunks, { name });
    this.names.push(name);
    this.done.push(`save ${name}`);
    return verified;
  }

  read(): AsyncIterable<Uint8Array> {
    throw new Error('Nobody reads here.');
  }

  async remove(name: string): Promise<void> {
    this.names.splice(this.names.indexOf(name), 1);
    this.done.push(`remove ${name}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.done.push('close');
  }
}

class World {
  readonly runtime = new VirtualRuntime();
  readonly place = new MemoryPlace();
  readonly logged: string[] = [];
  readonly reports: (string | undefined)[] = [];
  cluster: string | undefined = cluster;
  leads = true;
  /** How far the wall clock is off. */
  wallOffsetMs = 0;
  readonly #beganAt = this.runtime.now();

  now(): number {
    return start + this.runtime.now() - this.#beganAt + this.wallOffsetMs;
  }

  start(policy: Partial<BackupPolicy> = {}): Backups {
    const note = (level: string) => (_: object, text?: string) =>
      void this.logged.push(`${level}: ${text}`);
    const logger: Logger = {
      debug: () => undefined,
      info: note('info'),
      warn: note('warn'),
      error: note('error'),
    };
    return new Backups({
      policy: { everyMs: hour, keep: 3, by: 'each', ...policy },
      place: this.place,
      runtime: { ...runtimeOf(this.runtime), random: () => 0.5, randomId: () => 'x' },
      logger,
      member: 'a',
      bytesPerSecond: Infinity,
      wallClock: () => this.now(),
      look: () => ({ cluster: this.cluster, leads: this.leads }),
      freeze: async () => {
        const createdAt = new Date(this.now()).toISOString();
        const head = headOf(fullStore(), { createdAt });
        return { head, chunks: inPieces(await fileOf(fullStore(), { createdAt })) };
      },
      report: (problem) => void this.reports.push(problem),
    });
  }

  /** Time passes in small steps, since a backup takes some turns of the event loop. */
  async pass(ms: number): Promise<void> {
    const stepMs = Math.max(500, ms / 100);
    for (let left = ms; left > 0; left -= stepMs) {
      await this.runtime.pass(Math.min(left, stepMs));
      for (let turn = 0; turn < 3; turn += 1) {
        await new Promise((resolve) => setImmediate(resolve));
        await this.runtime.turns();
      }
    }
  }

  put(ageMs: number, more: { member?: string; cluster?: string; revision?: number } = {}): string {
    const createdAt = new Date(this.now() - ageMs).toISOString();
    const name = nameOf(headOf(fullStore(), { createdAt, ...more }));
    this.place.names.push(name);
    return name;
  }
}

function runtimeOf(runtime: VirtualRuntime) {
  return {
    now: () => runtime.now(),
    setTimer: (run: () => void, ms: number) => runtime.setTimer(run, ms),
    yieldToIo: (run: () => void) => runtime.yieldToIo(run),
  };
}

describe('a member that makes backups', () => {
  test('makes the first one soon, and the next ones in their time', async () => {
    const world = new World();
    const backups = world.start();

    await world.pass(2000);
    expect(world.place.names).toHaveLength(1);
    await world.pass(hour - 10_000);
    expect(world.place.names).toHaveLength(1);
    await world.pass(20_000);

    expect(world.place.names).toHaveLength(2);
    expect(backups.figures).toMatchObject({ made: 2, failures: 0, lastRevision: 10 });
    expect(backups.figures.lastBytes).toBeGreaterThan(70_000);
    await backups.close();
  });

  test('waits, after a restart, until the newest one is old enough', async () => {
    const world = new World();
    world.put(hour / 2);
    const backups = world.start();

    await world.pass(5000);
    expect(world.place.done).toEqual([]);
    expect(backups.figures.lastAt).toBe(start - hour / 2);
    await world.pass(hour / 2);

    expect(world.place.done).toHaveLength(1);
    await backups.close();
  });

  test('makes one at once if it was down when it was due', async () => {
    const world = new World();
    world.put(30 * hour);
    const backups = world.start();

    await world.pass(2000);

    expect(world.place.done).toHaveLength(1);
    await backups.close();
  });

  test('is not put off for long by a clock that was set back', async () => {
    const world = new World();
    world.put(-1000 * hour);
    const backups = world.start();

    await world.pass(0.9 * hour);
    expect(world.place.done).toEqual([]);
    await world.pass(3.2 * hour);

    expect(world.place.done.filter((what) => what.startsWith('save'))).toHaveLength(4);
    expect(backups.figures).toMatchObject({ made: 4, failures: 0 });
    await backups.close();
  });

  test('removes what is of old revisions, and never what it has just made, by any clock', async () => {
    const world = new World();
    const [younger, older] = [
      world.put(-1000 * hour, { revision: 9 }),
      world.put(-2000 * hour, { revision: 8 }),
    ];
    const same = world.put(-3000 * hour, { revision: 10 });
    const backups = world.start({ keep: 2 });

    await world.pass(1.1 * hour);
    const made = world.place.names.at(-1) ?? '';

    expect(readName(made)?.at.getTime()).toBeLessThan(start + 3 * hour);
    expect(world.place.done).toEqual([`save ${made}`, `remove ${older}`, `remove ${younger}`]);
    expect(world.place.names).toEqual([same, made]);
    await backups.close();
  });

  test('waits until it is a member of a cluster', async () => {
    const world = new World();
    world.cluster = undefined;
    const backups = world.start();

    await world.pass(hour);
    expect(world.place.done).toEqual([]);
    world.cluster = cluster;
    await world.pass(2000);

    expect(world.place.done).toHaveLength(1);
    await backups.close();
  });

  test('removes what is too old only behind a new one that was verified', async () => {
    const world = new World();
    const ages = [5, 4, 3, 2].map((hours) => world.put(hours * hour));
    const backups = world.start({ keep: 3 });

    await world.pass(2000);

    const [first = '', second = ''] = ages;
    expect(world.place.done.map((what) => what.split(' ')[0])).toEqual([
      'save',
      'remove',
      'remove',
    ]);
    expect(world.place.done.slice(1)).toEqual([`remove ${first}`, `remove ${second}`]);
    expect(world.place.names).toHaveLength(3);
    await backups.close();
  });

  test('removes nothing while new ones fail', async () => {
    const world = new World();
    for (const hours of [5, 4, 3, 2]) world.put(hours * hour);
    world.place.failure = new Error('no space left');
    const backups = world.start({ keep: 1 });

    await world.pass(hour);

    expect(world.place.names).toHaveLength(4);
    expect(backups.figures.failures).toBeGreaterThan(3);
    await backups.close();
  });

  test('leaves the backups of others alone', async () => {
    const world = new World();
    const others = [
      world.put(9 * hour, { member: 'b' }),
      world.put(9 * hour, { cluster: 'deadbeef-0000' }),
    ];
    const backups = world.start({ keep: 1 });

    await world.pass(3 * hour);

    expect(world.place.names).toEqual(expect.arrayContaining(others));
    expect(world.place.names).toHaveLength(3);
    await backups.close();
  });

  test('tells of a failure, tries again soon and then less often, and tells that it is over', async () => {
    const world = new World();
    world.place.failure = new Error('no space left');
    const backups = world.start();

    await world.pass(60_000);
    const tries = backups.figures.failures;
    expect(tries).toBeGreaterThan(3);
    expect(tries).toBeLessThan(10);
    expect(world.reports[0]).toBe('The backup into memory has failed: no space left');
    world.place.failure = undefined;
    await world.pass(10 * 60_000);

    expect(world.reports.at(-1)).toBeUndefined();
    expect(world.logged.at(-1)).toBe('info: made and verified a backup');
    await backups.close();
  });

  test('by the leader, makes none until it leads, and counts those of all', async () => {
    const world = new World();
    world.leads = false;
    const [old] = [world.put(3 * hour, { member: 'b' }), world.put(2 * hour, { member: 'c' })];
    const backups = world.start({ by: 'leader', keep: 2 });

    await world.pass(hour);
    expect(world.place.done).toEqual([]);
    world.leads = true;
    await world.pass(10_000);

    expect(world.place.done).toHaveLength(2);
    expect(world.place.done[1]).toBe(`remove ${old}`);
    await backups.close();
  });

  test('does nothing more once it is closed, and lets go of the place', async () => {
    const world = new World();
    const backups = world.start();

    await backups.close();
    await world.pass(5 * hour);

    expect(world.place.done).toEqual(['close']);
    expect(world.runtime.timerCount).toBe(0);
  });
});
