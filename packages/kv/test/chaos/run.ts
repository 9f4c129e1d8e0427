import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Faults } from '../../../quorate/test/chaos/faults.ts';
import { type Finding, Findings } from '../../../quorate/test/chaos/findings.ts';
import type { ChaosOptions } from '../../../quorate/test/chaos/options.ts';
import { KvChaosCluster } from './cluster.ts';
import { compareHashes, readEnd, untilReady } from './final.ts';
import { Journal } from './journal.ts';
import { Lanes } from './lanes.ts';
import { Operations } from './operations.ts';
import { kindsIn, laneNames, planOf } from './plan.ts';
import { judge } from './verdict.ts';
import { Workforce } from './workforce.ts';

const startWithinMs = 30_000;
/** How long the clients go on once all is repaired. */
const afterwardsMs = 500;
const sayEveryMs = 10_000;
/** They are in memory, and what is written in a longer time is not for there. */
const mostSecondsOnSmallDisks = 600;
const slotNames = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];

export interface KvChaosRun extends Omit<ChaosOptions, 'keep' | 'network'> {
  /** An empty folder; what is kept of the run is in there. */
  readonly directory: string;
  /** The folder goes with a runner that is killed before anything was found. */
  readonly isTemporary: boolean;
  readonly say: (line: string) => void;
  /** Ends the run; it rejects then. */
  readonly signal: AbortSignal;
}

export interface KvChaosSummary {
  readonly counts: Journal['counts'];
  /** How often each kind of fault happened. */
  readonly faults: ReadonlyMap<string, number>;
  /** What else the clients did. */
  readonly marks: ReadonlyMap<string, number>;
  readonly leaderCount: number;
  readonly revision: number;
  readonly longestPauseMs: number;
  readonly findings: readonly Finding[];
}

/** What a run is made of. */
interface Parts {
  readonly findings: Findings;
  readonly cluster: KvChaosCluster;
  readonly journal: Journal;
  readonly note: (text: string) => void;
}

/**
 * Starts the members, lets the clients and the faults loose on them, puts everything right again,
 * and judges what the clients saw. All processes have ended when it resolves or rejects.
 */
export async function runKvChaos(run: KvChaosRun): Promise<KvChaosSummary> {
  const { isTemporary, nodes, seconds, signal } = run;
  const directory = path.resolve(run.directory);
  const startedAt = performance.now();
  const findings = new Findings();
  const slots = slotsFor(nodes);
  const diskMegabytes = seconds > mostSecondsOnSmallDisks ? undefined : 96 + Math.ceil(seconds / 3);
  const cluster = await KvChaosCluster.open(slots, {
    ...{ directory, isTemporary, findings, diskMegabytes },
  });
  const journal = new Journal(path.join(directory, 'history.jsonl'), findings);
  const story = createWriteStream(path.join(directory, 'story.log'));
  story.on('error', () => undefined);
  const note = (text: string): void => {
    story.write(`${Math.round(performance.now() - startedAt)} ms ${text}\n`);
  };
  const end = (): void => cluster.killNow();
  signal.addEventListener('abort', end);
  try {
    return await go(run, { findings, cluster, journal, note });
  } finally {
    signal.removeEventListener('abort', end);
    await cluster.close();
    story.end();
    await journal.close();
  }
}

async function go(run: KvChaosRun, parts: Parts): Promise<KvChaosSummary> {
  const { cluster, journal, findings } = parts;
  const { directory, signal } = run;
  cluster.look();
  run.say(`planned: ${shown(kindsIn(planOf(run.seed, { ...run, slots: cluster.slots })))}`);
  await Promise.all(cluster.slots.map((slot) => cluster.start(slot)));
  if (!(await untilReady(cluster, startWithinMs, AbortSignal.any([signal, findings.signal])))) {
    signal.throwIfAborted();
    const why = findings.all.map(({ text }) => text).join(' ');
    throw new Error(`The members were not ready within ${startWithinMs} ms. ${why}`);
  }
  run.say(`the members run, ${cluster.taken.join(', ')}; ${cluster.leader} leads`);
  const faults = await strike(run, parts);
  signal.throwIfAborted();
  const texts = findings.all.map(({ code, text }) => `${code}: ${text}\n`);
  await writeFile(path.join(directory, 'verdict.txt'), texts.join('\n') || 'Nothing was found.\n');
  return {
    counts: journal.counts,
    faults,
    marks: journal.marks,
    leaderCount: cluster.witness.leaderCount,
    revision: journal.heard,
    longestPauseMs: journal.longestPauseMs,
    findings: findings.all,
  };
}

/** From the first fault to the verdict. Returns how often each kind of fault happened. */
async function strike(run: KvChaosRun, parts: Parts): Promise<ReadonlyMap<string, number>> {
  const { cluster, journal, findings, note } = parts;
  const { seed, seconds, clients: count, signal } = run;
  const plan = planOf(seed, { seconds, slots: cluster.slots });
  const faults = new Faults(cluster, undefined, note);
  const workforce = new Workforce({ seed, count, servers: cluster.addresses }, parts);
  const { client, watch } = workforce;
  const onFound = (code: string, text: string): void => findings.add(code, text);
  const operations = new Operations({
    ...{ cluster, journal, client, watch, note, onFound },
    directory: run.directory,
  });
  const lanes = new Lanes((one, signals) => operations.carryOut(one, signals), note);
  const over = new AbortController();
  const halt = AbortSignal.any([signal, findings.signal]);
  const stop = AbortSignal.any([halt, over.signal]);
  const saying = keepSaying(run, parts, stop);
  try {
    note('the faults begin');
    const signals = { over: stop, halt };
    const operating = laneNames.map((name) => lanes.run(name, plan, signals));
    const striking = faults.run(plan.faults, stop);
    await sleep(seconds * 1000, undefined, { signal: stop }).catch(() => undefined);
    over.abort();
    await striking;
    // Where something is wrong already, it stays as it is, for who looks at it.
    if (!halt.aborted) await faults.repair();
    await Promise.all(operating);
    const inVain = await lanes.makeUp(plan, signals);
    for (const kind of inVain) findings.add('plan', `What was planned did not happen: ${kind}.`);
    journal.endPauses();
    note('everything is repaired');
    if (!halt.aborted) await settle(run, parts, { workforce, operations });
  } finally {
    over.abort();
    await workforce.close();
    await saying;
  }
  return new Map([...faults.counts, ...lanes.counts].sort(([one], [two]) => (one < two ? -1 : 1)));
}

async function settle(
  run: KvChaosRun,
  parts: Parts,
  { workforce, operations }: { readonly workforce: Workforce; readonly operations: Operations },
): Promise<void> {
  const { cluster, journal, findings, note } = parts;
  await untilReady(cluster, startWithinMs, run.signal);
  await sleep(afterwardsMs);
  await workforce.finish();
  const end = await readEnd(parts, workforce);
  await compareHashes(cluster, findings);
  note('the members are asked to end');
  await Promise.all(cluster.slots.map((slot) => cluster.stop(slot)));
  if (end === undefined) return;
  await operations.finish();
  await judge(journal, end, findings);
}

/** The seats for so many members, and one that is free. */
export function slotsFor(nodes: number): readonly string[] {
  return slotNames.slice(0, nodes + 1);
}

/** How often what happened. */
export function shown(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([kind, count]) => `${kind} ${count}`).join(', ') || 'none';
}

async function keepSaying(
  { say }: KvChaosRun,
  { journal, cluster }: Parts,
  signal: AbortSignal,
): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    await sleep(sayEveryMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    const { done, refused, unknown } = journal.counts;
    const at = Math.round((performance.now() - startedAt) / 1000);
    const who = cluster.leader === undefined ? 'nobody leads' : `${cluster.leader} leads`;
    say(`${at} s: ${done} calls ok, ${refused} refused, ${unknown} unknown; ${who}`);
  }
}
