import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { DamagedError } from 'quorate';

const pointerName = 'current';
const newPointerName = 'current.new';
const databaseName = /^state-([1-9]\d{0,14})$/;

/**
 * The folder of one state machine. Its database lies in a subfolder `state-N`, and the file
 * `current` says in which. A restored snapshot is written into the next subfolder and made current
 * by renaming one small file: a crash leaves the old state or the new one, whole, and whatever
 * `current` does not name is left over and goes at the next start.
 */
export class StateFolder {
  readonly path: string;
  #number: number;

  private constructor(folder: string, number: number) {
    this.path = folder;
    this.#number = number;
  }

  /** @throws {DamagedError} if there is a state and `current` does not say which. */
  static async open(folder: string): Promise<StateFolder> {
    await mkdir(folder, { recursive: true });
    const number = await readPointer(folder);
    if (number !== undefined) return new StateFolder(folder, number);
    const names = await readdir(folder);
    if (names.some((name) => databaseName.test(name))) {
      throw damaged(folder, 'it is missing, and there is state beside it');
    }
    // The pointer comes before the first database, so a database without one is never normal.
    await writePointer(folder, 1);
    await syncFolder(path.dirname(path.resolve(folder)));
    return new StateFolder(folder, 1);
  }

  /** Where the current database is. */
  get database(): string {
    return this.#pathOf(this.#number);
  }

  /** Whether `current` still names what it named when it was last read or written here. */
  async isUnchanged(): Promise<boolean> {
    return (await readPointer(this.path)) === this.#number;
  }

  /** Removes what earlier restores have left. Only the owner of the current database may. */
  async removeLeftovers(): Promise<void> {
    const kept = new Set([pointerName, path.basename(this.database)]);
    for (const name of await readdir(this.path)) {
      const isOurs = name === newPointerName || databaseName.test(name);
      if (isOurs && !kept.has(name)) await remove(path.join(this.path, name));
    }
  }

  /** An empty place for the database that is to follow. */
  async makeRoomForNext(): Promise<string> {
    const next = this.#pathOf(this.#number + 1);
    await remove(next);
    return next;
  }

  /** Makes the next database current. All that is in it must be durable. */
  async switchToNext(): Promise<void> {
    await syncFolder(this.path);
    await writePointer(this.path, this.#number + 1);
    this.#number += 1;
  }

  #pathOf(number: number): string {
    return path.join(this.path, `state-${number}`);
  }
}

async function readPointer(folder: string): Promise<number | undefined> {
  let text: string;
  try {
    text = await readFile(path.join(folder, pointerName), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const [, number] = databaseName.exec(text.trimEnd()) ?? [];
  if (number === undefined || !text.endsWith('\n')) {
    throw damaged(folder, `it holds ${JSON.stringify(text.slice(0, 40))}`);
  }
  return Number(number);
}

/** Replaces the pointer all at once, and returns when that survives power loss. */
async function writePointer(folder: string, number: number): Promise<void> {
  const newPointer = path.join(folder, newPointerName);
  const file = await open(newPointer, 'w');
  try {
    await file.writeFile(`state-${number}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(newPointer, path.join(folder, pointerName));
  await syncFolder(folder);
}

async function syncFolder(folder: string): Promise<void> {
  // Windows opens no folders, and makes their changes durable by itself.
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function remove(place: string): Promise<void> {
  await rm(place, { recursive: true, force: true });
}

function damaged(folder: string, what: string): DamagedError {
  const file = path.join(folder, pointerName);
  return new DamagedError(
    `${file} must name the folder of the state, such as "state-1"; ${what}. Put the file back, or ` +
      'delete the whole folder: the node then builds its state from its snapshot and its log.',
    { file, offset: 0, index: 0 },
  );
}
