import { createWriteStream, type WriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Caller } from './call.ts';
import { Clients, countPrefix } from './clients.ts';
import { ChaosCluster } from './cluster.ts';
import { Faults } from './faults.ts';
import { compareStates, type FinalOptions, readAll, recover } from './final.ts';
import { Findings } from './findings.ts';
import { ChaosHistory } from './history.ts';
import { Operator } from './operator.ts';
import type { ChaosOptions } from './options.ts';
import { planSchedule } from './schedule.ts';
import type { ChaosSummary } from './summary.ts';
import { judgeEffects, judgeKey } from './verdict.ts';

const startWithinMs = 30_000;
const lookEveryMs = 1000;
const sayEveryMs = 10_000;
/** Keys that are older are complete, but for clients that are very late. */
const settledGenerations = 4;
/** How long the clients go on once all is repaired. */
const afterwardsMs = 500;
/** With so many histories explained, the rest is not judged any more: one takes a while. */
const enoughExplained = 2;
const slotNames = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];

export interface ChaosRun extends Omit<ChaosOptions, 'keep'> {
  /** An empty folder; what is kept of the run is in there. */
  readonly directory: string;
  /** The folder goes with a runner that is killed before anything was found. */
  readonly isTemporary: boolean;
  readonly say: (line: string) => void;
  /** Ends the run; it rejects then. */
  readonly signal: AbortSignal;
}

/** Everything of one run that has to be closed at its end. */
interface Parts {
  readonly findings: Findings;
  readonly caller: Caller;
  readonly cluster: ChaosCluster;
  readonly history: ChaosHistory;
  readonly story: WriteStream;
}

/**
 * Starts the processes, lets the clients and the faults loose on them, puts everything right again,
 * and judges what the clients saw. All processes have ended when it resolves or rejects.
 */
export async function runChaos(run: ChaosRun): Promise<ChaosSummary> {
  const { directory, isTemporary, network, nodes, signal } = run;
  const findings = new Findings();
  const caller = new Caller();
  const slots = slotNames.slice(0, nodes);
  const parts = { directory, isTemporary, network, findings, caller };
  const cluster = await ChaosCluster.open(slots, parts);
  const history = new ChaosHistory(path.join(directory, 'history.jsonl'));
  const story = createWriteStream(path.join(directory, 'story.log'));
  story.on('error', () => undefined);
  const end = (): void => cluster.killNow();
  signal.addEventListener('abort', end);
  try {
    return await go(run, { findings, caller, cluster, history, story });
  } finally {
    signal.removeEventListener('abort', end);
    await cluster.close();
    caller.close();
    story.end();
    await history.close();
  }
}

async function go(run: ChaosRun, parts: Parts): Promise<ChaosSummary> {
  const { cluster, history, story, findings, caller } = parts;
  const { seed, seconds, clients: count, signal } = run;
  const startedAt = performance.now();
  const note = (text: string): void => {
    story.write(`${Math.round(performance.now() - startedAt)} ms ${text}\n`);
  };
  await form(parts, signal);
  run.say(`the nodes run, ${[...cluster.names].join(', ')}; ${cluster.leader} leads`);
  const changes = new Map<string, number>();
  const operator = new Operator(cluster, (order, answer) => {
    const { type } = order;
    if (answer.done) changes.set(type, (changes.get(type) ?? 0) + 1);
    note(`the operator's ${JSON.stringify(order)}: ${answer.done ? 'done' : answer.why}`);
  });
  const faults = new Faults(cluster, operator, note);
  operator.start();
  const clients = new Clients({ seed, count, cluster, history, caller });
  const schedule = planSchedule(seed, { seconds, slots: cluster.slots });
  const stop = AbortSignal.any([signal, findings.signal]);
  const watching = watch(run, parts, { clients, signal: stop });
  try {
    note('the faults begin');
    await faults.run(schedule, stop);
    await pauseUntil(startedAt + seconds * 1000, stop);
    note('everything is repaired');
    history.endPauses();
    // Where something is wrong already, it stays as it is, for who looks at it.
    if (!stop.aborted)
      await settle({ cluster, operator, history, caller, findings }, faults, clients);
  } finally {
    await clients.stop();
    await operator.close();
    await watching;
  }
  signal.throwIfAborted();
  await judgeAll(parts, run.directory);
  return {
    seconds,
    counts: history.counts,
    keyCount: history.keys.length,
    faults: new Map([...faults.counts, ...changes].sort(([one], [two]) => (one < two ? -1 : 1))),
    longestPauseMs: history.longestPauseMs,
    witness: cluster.witness,
    findings: findings.all,
  };
}

async function form({ cluster, findings }: Parts, signal: AbortSignal): Promise<void> {
  const { slots, names } = cluster;
  await Promise.all(slots.map((slot) => cluster.start(slot)));
  const until = performance.now() + startWithinMs;
  const waitFor = async (isThere: () => boolean, what: string): Promise<void> => {
    while (!isThere()) {
      signal.throwIfAborted();
      const why = findings.all.map(({ text }) => text).join(' ');
      if (findings.all.length > 0) throw new Error(`The nodes did not start: ${why}`);
      if (performance.now() > until) throw new Error(`${what} within ${startWithinMs} ms.`);
      await sleep(20);
    }
  };
  await waitFor(
    () => slots.every((slot) => cluster.portOf(slot) !== undefined),
    'The nodes did not all listen',
  );
  const [first = ''] = slots;
  const answer = await cluster.order(first, { type: 'initialize', nodes: names });
  if (!answer.done) throw new Error(`The cluster could not be formed: ${answer.why}`);
  await waitFor(() => cluster.leader !== undefined, 'The nodes elected no leader');
}

async function settle(final: FinalOptions, faults: Faults, clients: Clients): Promise<void> {
  await recover(final, faults);
  await sleep(afterwardsMs);
  await clients.stop();
  await readAll(final);
  await compareStates(final);
}

/** Judges keys as they get old, so that a long run ends with the first thing that is wrong. */
async function watch(
  { say }: ChaosRun,
  { cluster, history, findings }: Parts,
  { clients, signal }: { clients: Clients; signal: AbortSignal },
): Promise<void> {
  const judged = new Set<string>();
  const startedAt = performance.now();
  let saidAt = startedAt;
  while (!signal.aborted && !clients.isOver) {
    await sleep(lookEveryMs, undefined, { signal }).catch(() => undefined);
    for (const key of history.keys) {
      const isSettled = generationOf(key) <= clients.generation - settledGenerations;
      if (!isSettled || judged.has(key)) continue;
      judged.add(key);
      for (const { code, text } of judgeKey(key, history.of(key)).findings)
        findings.add(code, text);
      // One after the other: the links are served by this process, too.
      await sleep(0);
    }
    if (performance.now() < saidAt + sayEveryMs) continue;
    saidAt = performance.now();
    const { ok, failed, unknown } = history.counts;
    const at = Math.round((saidAt - startedAt) / 1000);
    say(`${at} s: ${ok} operations ok, ${failed} failed, ${unknown} unknown; ${whoLeads(cluster)}`);
  }
}

function whoLeads(cluster: ChaosCluster): string {
  const { leader } = cluster;
  if (leader === undefined) return 'nobody leads';
  return `${cluster.nameOf(leader)} leads in term ${cluster.pictureOf(leader)?.term}`;
}

/** Counts go on through the whole run. */
function generationOf(key: string): number {
  return key.startsWith(countPrefix) ? Infinity : Number(key.split('.')[1]);
}

/** Judges everything, and leaves what was found in the folder. */
async function judgeAll({ history, findings }: Parts, directory: string): Promise<void> {
  for (const key of history.keys) {
    for (const { code, text } of judgeEffects(key, history.of(key))) findings.add(code, text);
  }
  let explained = 0;
  for (const key of history.keys) {
    if (explained >= enoughExplained) break;
    const verdict = judgeKey(key, history.of(key));
    if (verdict.findings.length > 0) explained += 1;
    for (const { code, text } of verdict.findings) findings.add(code, text);
    const picture = verdict.picture?.();
    if (picture !== undefined) await writeFile(path.join(directory, `${key}.svg`), picture);
  }
  const texts = findings.all.map(({ code, text }) => `${code}: ${text}\n`);
  await writeFile(path.join(directory, 'verdict.txt'), texts.join('\n') || 'Nothing was found.\n');
}

async function pauseUntil(time: number, signal: AbortSignal): Promise<void> {
  const ms = time - performance.now();
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined);
}
