// Visits every state that three nodes can come to within bounds, with the pure core alone.

import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  atMostOneOf,
  looking,
  numberAboveZero,
  oneOf,
  readOptions,
  runCommand,
  UsageError,
  wholeNumber,
} from '../command-line.ts';
import { mutants } from '../walker/mutants.ts';
import type { Violation } from '../walker/violation.ts';
import type { CoreModule } from '../walker/world.ts';
import { type Bounds, budgets, checkBounds, defaultBounds, describeBounds } from './bounds.ts';
import { Cluster } from './cluster.ts';
import { loadOpenCore } from './open-core.ts';
import { readPath, replayPath, type Told, tellPath, writePath } from './path.ts';
import { type Level, type SearchResult, search } from './search.ts';
import { fullSpaces, largeSpaces, type Space, smallSpaces } from './spaces.ts';

const usage = `npm run explore                              the small spaces, each to its end
npm run explore -- --full                    the full spaces, each to its end: some minutes
npm run explore -- --minutes M               the large spaces, in M minutes all together
npm run explore -- --space NAME              one of them
npm run explore -- --elections E --proposals P --changes C --crashes K
                   [--beats B --duplicates D --timeouts T] [--voters 2|3] [--pre-vote]
                   [--disk slow|instant] [--change one|any] [--batch N] [--window N]
                   [--durable-state-machine]      a space of one's own
npm run explore -- --replay FILE             the path of a violation once more

With all of them: [--minutes M] [--states N] [--out FILE] [--mutant NAME] [--levels]`;

/** Some two gigabytes. */
const mostStates = 40_000_000;
/** As much again: what is known of the nodes, and of each of their steps. */
const mostNodeStates = 2_000_000;
const minuteMs = 60_000;

const options = {
  minutes: { type: 'string' },
  states: { type: 'string' },
  full: { type: 'boolean', default: false },
  space: { type: 'string' },
  replay: { type: 'string' },
  mutant: { type: 'string' },
  out: { type: 'string', default: path.join(tmpdir(), 'quorate-explore-path.json') },
  levels: { type: 'boolean', default: false },
  voters: { type: 'string' },
  disk: { type: 'string' },
  change: { type: 'string' },
  batch: { type: 'string' },
  window: { type: 'string' },
  'pre-vote': { type: 'boolean' },
  'durable-state-machine': { type: 'boolean' },
  elections: { type: 'string' },
  proposals: { type: 'string' },
  changes: { type: 'string' },
  crashes: { type: 'string' },
  beats: { type: 'string' },
  duplicates: { type: 'string' },
  timeouts: { type: 'string' },
} as const;

type Values = ReturnType<typeof readOptions<typeof options>>;

/** What was asked for besides the defaults; empty if nothing was. */
function ownBounds(values: Values): Partial<Bounds> {
  const own: Record<string, unknown> = {};
  for (const name of [...budgets, 'voters', 'batch', 'window'] as const) {
    const text = values[name];
    if (text !== undefined) own[name] = wholeNumber(name, text, { from: 0 });
  }
  if (values.disk !== undefined) own['disk'] = oneOf('disk', values.disk, ['slow', 'instant']);
  if (values.change !== undefined) own['change'] = oneOf('change', values.change, ['one', 'any']);
  if (values['pre-vote'] !== undefined) own['preVote'] = values['pre-vote'];
  const durable = values['durable-state-machine'];
  if (durable !== undefined) own['durableStateMachine'] = durable;
  return own;
}

function askedSpaces(values: Values): readonly Space[] {
  const own = ownBounds(values);
  const hasOwn = Object.keys(own).length > 0;
  const { space, full, replay, minutes } = values;
  atMostOneOf({ full, space, replay });
  if (hasOwn && (full || replay !== undefined)) {
    const what = full ? '--full' : '--replay';
    throw new UsageError(`${what} has bounds of its own; leave out those that are given.`);
  }
  if (space !== undefined) {
    const all = [...smallSpaces, ...fullSpaces, ...largeSpaces];
    const names = all.map(({ name }) => name);
    const wanted = oneOf('space', space, names);
    return all
      .filter(({ name }) => name === wanted)
      .map(({ name, bounds }) => ({ name, bounds: { ...bounds, ...own } }));
  }
  if (hasOwn) return [{ name: 'own', bounds: { ...defaultBounds, ...own } }];
  if (full) return fullSpaces;
  return minutes === undefined ? smallSpaces : largeSpaces;
}

/** What all spaces together had. */
interface Sum {
  states: number;
  transitions: number;
}

interface Exploration {
  readonly module: CoreModule;
  readonly values: Values;
  readonly statesEach: number;
  readonly msEach: number;
  readonly sum: Sum;
}

/** Returns `true` if nothing was found. */
async function explore({ name, bounds }: Space, exploration: Exploration): Promise<boolean> {
  const { module, values, statesEach, msEach, sum } = exploration;
  console.log(`${name}: ${describeBounds(bounds)}`);
  const cluster = new Cluster(module, bounds);
  const startedAt = performance.now();
  const result = search(cluster, {
    states: statesEach,
    isOver: () => performance.now() - startedAt > msEach || cluster.nodes.size > mostNodeStates,
    ...(values.levels ? { onLevel: printLevel } : {}),
  });
  printResult(cluster, result, (performance.now() - startedAt) / 1000);
  sum.states += result.states;
  sum.transitions += result.transitions;
  if (result.violation === undefined) return true;
  const told = tellPath(cluster, result.path);
  const violation = told.violation ?? result.violation;
  printPath(told, violation);
  const { mutant, out } = values;
  await writePath(out, {
    version: 1,
    bounds,
    ...(mutant === undefined ? {} : { mutant }),
    violation: { code: violation.code, message: violation.message },
    words: told.words,
    events: told.events,
  });
  const { code, title } = violation;
  console.log(
    `EXPLORE FAIL ${code} ${title} space=${name} events=${told.events.length} -> ` +
      `npm run explore -- --replay ${out}`,
  );
  return false;
}

async function replayOne(file: string, mutant: string | undefined): Promise<boolean> {
  const saved = await looking(() => readPath(file));
  const module = await loadOpenCore(mutantNamed(mutant ?? saved.mutant));
  const told = replayPath(new Cluster(module, saved.bounds), saved.events);
  if (told.violation === undefined) {
    for (const line of told.words) console.log(line);
    console.log('Nothing is wrong on this path any more.');
    return true;
  }
  printPath(told, told.violation);
  return false;
}

function printLevel({ depth, states, transitions, waiting }: Level): void {
  console.log(
    `  ${depth} events: ${count(states)} states, ${count(transitions)} transitions, ` +
      `${count(waiting)} to go on from`,
  );
}

function printResult(cluster: Cluster, result: SearchResult, seconds: number): void {
  const { states, transitions, depth, isExhausted, violation, chanceOfMistake } = result;
  const rate = count(Math.round(transitions / seconds));
  console.log(
    `  ${count(states)} states, ${count(transitions)} transitions, depth ${depth}, ` +
      `${seconds.toFixed(1)} s: ${rate} transitions/s`,
  );
  console.log(
    `  ${count(cluster.nodes.size)} states of a node by ${count(cluster.nodes.stepCount)} steps ` +
      `of the core, ${count(cluster.messages.size)} messages; two states with one hash: ` +
      `chance below ${chanceOfMistake.toExponential(0)}`,
  );
  if (violation !== undefined) return;
  console.log(
    isExhausted
      ? '  exhausted: there is nothing else within these bounds'
      : `  bound hit: complete for every behaviour of up to ${depth} events`,
  );
}

function printPath({ words }: Told, { code, title, message, cause }: Violation): void {
  for (const line of words) console.log(line);
  console.log(`${code} ${title}: ${message}`);
  if (code === 'crash' && cause instanceof Error) console.log(cause.stack);
}

function count(value: number): string {
  return value.toLocaleString('en');
}

function mutantNamed(name: string | undefined): (typeof mutants)[number] | undefined {
  if (name === undefined) return undefined;
  const names = mutants.map((mutant) => mutant.name);
  return mutants[names.indexOf(oneOf('mutant', name, names))];
}

async function main(): Promise<boolean> {
  const values = readOptions(options);
  const spaces = askedSpaces(values);
  if (values.replay !== undefined) return replayOne(values.replay, values.mutant);
  await looking(() => spaces.forEach(({ bounds }) => checkBounds(bounds)));
  const minutes =
    values.minutes === undefined ? Infinity : numberAboveZero('minutes', values.minutes);
  const { states } = values;
  const statesEach = states === undefined ? mostStates : wholeNumber('states', states);
  const module = await loadOpenCore(mutantNamed(values.mutant));
  const sum: Sum = { states: 0, transitions: 0 };
  const msEach = (minutes * minuteMs) / spaces.length;
  const startedAt = performance.now();
  for (const space of spaces) {
    if (!(await explore(space, { module, values, statesEach, msEach, sum }))) return false;
  }
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(
    `${spaces.length} ${spaces.length === 1 ? 'space' : 'spaces'}: ${count(sum.states)} states, ` +
      `${count(sum.transitions)} transitions in ${seconds.toFixed(1)} s`,
  );
  return true;
}

await runCommand('explore', usage, main);
