import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ReplayedChoices, SeededChoices } from './choices.ts';
import type { Knobs } from './knobs.ts';
import { type Company, type RunResult, runSeed } from './run.ts';
import type { RunFile } from './trace.ts';

export interface Recorded {
  readonly result: RunResult;
  readonly file: RunFile;
}

export interface RecordOptions {
  readonly company: Company;
  readonly until?: number | undefined;
  /** Repeats the choices of this run; else they are drawn from the seed. */
  readonly replay?: RunFile['choices'] | undefined;
  /** Of a replay whose choices do not have them. */
  readonly knobs?: Knobs | undefined;
}

/** Runs a seed once more and keeps everything: what was chosen, and what happened. */
export async function record(seed: string, options: RecordOptions): Promise<Recorded> {
  const { company, until, replay, knobs: given } = options;
  const choices =
    replay === undefined ? new SeededChoices(seed, { record: true }) : new ReplayedChoices(replay);
  const result = await runSeed(seed, { company, choices, knobs: given, keepTrace: true, until });
  const { knobs, nodes, events } = result;
  const file: RunFile = {
    version: 1,
    seed,
    knobs: { ...knobs },
    nodes,
    choices: choices.made,
    events,
  };
  return { result, file };
}

/** Writes it under the name of its seed. Returns the file. */
export async function writeRun(file: RunFile, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const target = path.join(folder, `${file.seed.replaceAll(/[^\w-]/g, '_')}.json`);
  await writeFile(target, `${JSON.stringify(file)}\n`);
  return target;
}

/** @throws RangeError that says what is wrong with the file. */
export async function readRun(target: string): Promise<RunFile> {
  let file: Partial<RunFile>;
  try {
    file = JSON.parse(await readFile(target, 'utf8')) as Partial<RunFile>;
  } catch (error) {
    const message = `${target} cannot be read as a run: ${(error as Error).message}`;
    throw new RangeError(message, { cause: error });
  }
  if (file.version !== 1) {
    throw new RangeError(`${target} must be a run of version 1, not ${String(file.version)}.`);
  }
  if (typeof file.seed !== 'string' || !Array.isArray(file.choices)) {
    throw new RangeError(`${target} must have a seed and the choices of a run.`);
  }
  return file as RunFile;
}
