import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { LogStore } from 'quorate';
import { memoryStorage } from 'quorate/storage/memory';
import { logStoreSuite, recoverySuite, stateMachineSuite } from 'quorate/testing';
import { afterAll, describe, expect, test } from 'vitest';
import { Counter } from './counter.ts';
import { SqliteLogStore } from './sqlite-log-store.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'quorate-own-store-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A database whose next transaction can be made to fail. */
class FailingDatabase extends DatabaseSync {
  readonly folder: string;
  nextFailure: string | undefined;

  constructor(where: string) {
    super(path.join(where, 'log.sqlite'));
    this.folder = where;
  }

  override exec(sql: string): void {
    const code = sql === 'COMMIT' ? this.nextFailure : undefined;
    if (code === undefined) {
      super.exec(sql);
      return;
    }
    this.nextFailure = undefined;
    throw Object.assign(new Error(`The disk says ${code}.`), { code });
  }
}

const databases = new WeakMap<LogStore, FailingDatabase>();

function newFolder(): string {
  return mkdtempSync(path.join(folder, 'store-'));
}

async function openIn(where: string): Promise<LogStore> {
  const database = new FailingDatabase(where);
  const store = new SqliteLogStore(database);
  databases.set(store, database);
  return store;
}

function databaseOf(store: LogStore): FailingDatabase {
  const database = databases.get(store);
  if (database === undefined) throw new Error('The store was not opened by this test.');
  return database;
}

/** Opens a copy of the files, made while the store is open: what a process that dies leaves. */
async function reopen(store: LogStore): Promise<LogStore> {
  const where = newFolder();
  cpSync(databaseOf(store).folder, where, { recursive: true });
  await store[Symbol.asyncDispose]();
  return openIn(where);
}

describe('a log store on SQLite', () => {
  logStoreSuite({
    test,
    reopen,
    open: () => openIn(newFolder()),
    openTwice: (store) => openIn(databaseOf(store).folder),
    failWrite: (store, code) => {
      databaseOf(store).nextFailure = code;
    },
    damage: async (store, index) => {
      databaseOf(store).exec(`UPDATE entries SET bytes = x'ff' WHERE position = ${index}`);
    },
  });
});

describe('nodes with a log on SQLite', () => {
  recoverySuite({
    test,
    open: async () => ({ ...memoryStorage(), log: await openIn(newFolder()) }),
    reopen: async (storage) => ({ ...storage, log: await reopen(storage.log) }),
  });
});

describe('the counter', () => {
  stateMachineSuite({
    test,
    open: async () => new Counter(),
    commands: [1, 20, 300, -4, 50_000],
    stateOf: (machine) => (machine as Counter).total,
  });
});

test('the program counts on when it is started again, and nothing warns', async () => {
  const program = fileURLToPath(new URL('main.ts', import.meta.url));
  const run = (): Promise<{ stdout: string; stderr: string }> =>
    promisify(execFile)(
      process.execPath,
      ['--conditions=quorate-source', program, path.join(folder, 'program')],
      { timeout: 30_000 },
    );

  const first = await run();
  const second = await run();

  expect(first.stdout).toBe('added 1: 1\nadded 2: 3\nadded 3: 6\n');
  expect(second.stdout).toBe('added 1: 7\nadded 2: 9\nadded 3: 12\n');
  // Before version 24, Node calls its SQLite experimental.
  const isQuiet = first.stderr + second.stderr === '' || process.versions.node.startsWith('22.');
  expect(isQuiet).toBe(true);
});
