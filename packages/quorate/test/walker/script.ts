import type { Deed } from './deed.ts';
import type { Knobs } from './knobs.ts';
import type { World } from './world.ts';

/** What a node does without being told to, as soon as it can. */
export type AtOnce = 'persist' | 'apply' | 'sent';

/** How a cluster is set up whose every move is written down. */
export interface Setup {
  /** Nodes that form the cluster, and all there are. */
  readonly initialCount: number;
  readonly nodeCount: number;
  readonly preVote: boolean;
  readonly checkQuorum: boolean;
  readonly heartbeatMs: number;
  readonly electionTimeoutMs: { readonly min: number; readonly max: number };
  readonly maxInflightAppends: number;
  readonly batch: number;
  readonly clocks: Knobs['clocks'];
  readonly maxClockDrift: number;
  /** By node, where all go with one time. */
  readonly rates: readonly number[];
  readonly hasDurableStateMachine: boolean;
  /** Each is done as soon as there is something to do, and needs no deed. */
  readonly atOnce: readonly AtOnce[];
  /** What the cores draw at their first start, in percent. */
  readonly timeouts: readonly number[];
}

/** What a setup is where nothing else is said. */
export const plainSetup: Setup = {
  initialCount: 3,
  nodeCount: 3,
  preVote: false,
  checkQuorum: false,
  heartbeatMs: 50,
  electionTimeoutMs: { min: 150, max: 300 },
  maxInflightAppends: 8,
  batch: 64,
  clocks: 'wild',
  maxClockDrift: 0,
  rates: [],
  hasDurableStateMachine: false,
  atOnce: [],
  timeouts: [],
};

/** A course of events that depends on no random number. */
export interface Script {
  readonly setup: Setup;
  readonly deeds: readonly Deed[];
}

/** What was done in a world that wrote it down. */
export function scriptOf({ knobs, nodes, recorder }: World): Script {
  if (recorder === undefined) throw new Error('nobody wrote down what was done in this world');
  const setup: Setup = {
    initialCount: knobs.initialCount,
    nodeCount: knobs.nodeCount,
    preVote: knobs.preVote,
    checkQuorum: knobs.checkQuorum,
    heartbeatMs: knobs.heartbeatMs,
    electionTimeoutMs: knobs.electionTimeoutMs,
    maxInflightAppends: knobs.maxInflightAppends,
    batch: knobs.batch,
    clocks: knobs.clocks,
    maxClockDrift: knobs.maxClockDrift,
    rates: nodes.every(({ rate }) => rate === 1) ? [] : nodes.map(({ rate }) => rate),
    hasDurableStateMachine: knobs.hasDurableStateMachine,
    atOnce: [],
    timeouts: [...recorder.firstTimeouts],
  };
  return { setup, deeds: [...recorder.deeds] };
}

/** The knobs of a walk that does nothing by itself. */
export function knobsOf(setup: Setup): Knobs {
  return {
    ...setup,
    stepCount: 0,
    delivery: 'oldest',
    completeAtOnce: 0,
    applyAtOnce: 0,
    crashAfterSend: 0,
    restartAtOnce: 0,
    reportSentLate: 0,
    loseSilently: 0,
    isolateLeader: 0,
    brokenness: 0,
    crashAfterSave: 0,
    keptEntries: 0,
    choices: [],
  };
}
