import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

export const scenarioFolder: string = import.meta.dirname;

/** The version of the format; what has another one is refused. */
export const scenarioVersion = 1;

interface About {
  readonly name: string;
  /** In a sentence, what went wrong. */
  readonly shows: string;
  readonly version: typeof scenarioVersion;
  /** Which invariant was violated. */
  readonly code: string;
  /** The bug with which it can be seen again. */
  readonly plantedBug?: string;
}

/** A walk that is told each of its moves. */
export interface WalkScenario extends About {
  readonly tier: 0;
  /** How the cluster was set up, as far as it is not the plainest way. */
  readonly setup: Readonly<Record<string, unknown>>;
  /** What happens, a line each. */
  readonly steps: readonly string[];
  /** How it ends where nothing is wrong; absent until the bug is fixed. */
  readonly end?: ScenarioEnd;
}

/** A run of whole nodes, by the answers that were not the benign ones. */
export interface RunScenario extends About {
  readonly tier: 1;
  readonly seed: string;
  /** As far as they are not what they are when nothing is drawn. */
  readonly knobs: Readonly<Record<string, unknown>>;
  /** By label, as `["3: 250"]`: its third question was answered with 250, all others with 0. */
  readonly answers: Readonly<Record<string, readonly string[]>>;
}

/** A course of events that once went wrong, kept as a test for ever. */
export type Scenario = WalkScenario | RunScenario;

export interface ScenarioEnd {
  /** The steps, counted from 1, for which there is nothing to do where nothing is wrong. */
  readonly skipped: readonly number[];
  /** A line for each node. */
  readonly nodes: readonly string[];
}

/** @throws RangeError that says what is wrong with the text. */
export function parseScenario(text: string, file: string): Scenario {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new RangeError(`${file} must be JSON: ${(error as Error).message}`, { cause: error });
  }
  const wrong = firstFault(value);
  if (wrong !== undefined) throw new RangeError(`${file}: ${wrong}`);
  return value as Scenario;
}

export async function readScenario(file: string): Promise<Scenario> {
  return parseScenario(await readFile(file, 'utf8'), file);
}

/** All scenario files of a folder, in the order of their names. */
export async function listScenarios(folder: string = scenarioFolder): Promise<readonly string[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json'));
  return names.sort().map((name) => path.join(folder, name));
}

/** Writes it under its name. Returns the file. */
export async function writeScenario(scenario: Scenario, folder: string): Promise<string> {
  const file = path.join(folder, `${scenario.name}.json`);
  await writeFile(file, formatScenario(scenario));
  return file;
}

/** The text of the file, laid out as the formatter of this project lays it out. */
export function formatScenario(scenario: Scenario): string {
  return `${format(scenario, { indent: '', used: 0 })}\n`;
}

const maxColumns = 100;

/** `used`: the columns that are taken before the value, and after it. */
function format(value: unknown, { indent, used }: { indent: string; used: number }): string {
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    const line = `[${value.map((item) => JSON.stringify(item)).join(', ')}]`;
    if (used + line.length <= maxColumns) return line;
    const items = value.map((item) => inner + JSON.stringify(item));
    return `[\n${items.join(',\n')}\n${indent}]`;
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  if (members.length === 0) return '{}';
  const lines = members.map(([name, member]) => {
    const head = `${inner}${JSON.stringify(name)}: `;
    return head + format(member, { indent: inner, used: head.length + 1 });
  });
  return `{\n${lines.join(',\n')}\n${indent}}`;
}

function firstFault(value: unknown): string | undefined {
  if (!isObject(value)) return 'it must hold an object.';
  const { version, tier, plantedBug } = value;
  if (version !== scenarioVersion) {
    return `"version" must be ${scenarioVersion}, not ${JSON.stringify(version)}.`;
  }
  for (const name of ['name', 'shows', 'code'] as const) {
    if (typeof value[name] !== 'string') return `"${name}" must be a text.`;
  }
  if (tier !== 0 && tier !== 1) return `"tier" must be 0 or 1, not ${JSON.stringify(tier)}.`;
  if (plantedBug !== undefined && typeof plantedBug !== 'string') {
    return '"plantedBug" must be the name of one.';
  }
  return tier === 0 ? faultOfWalk(value) : faultOfRun(value);
}

function faultOfRun({ seed, knobs, answers }: Record<string, unknown>): string | undefined {
  if (typeof seed !== 'string') return '"seed" must be a text.';
  if (!isObject(knobs)) return '"knobs" must hold an object.';
  if (!isObject(answers) || !Object.values(answers).every((list) => isList(list, 'string'))) {
    return '"answers" must hold a list of texts for each label.';
  }
  return undefined;
}

function faultOfWalk({ setup, steps, end }: Record<string, unknown>): string | undefined {
  if (!isObject(setup)) return '"setup" must hold an object.';
  if (!isList(steps, 'string')) return '"steps" must be a list of texts.';
  if (end === undefined) return undefined;
  if (!isObject(end) || !isList(end['skipped'], 'number') || !isList(end['nodes'], 'string')) {
    return '"end" must hold the lists "skipped", of numbers, and "nodes", of texts.';
  }
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isList(value: unknown, type: 'number' | 'string'): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === type);
}
