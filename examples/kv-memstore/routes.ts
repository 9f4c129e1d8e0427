import { createHash } from 'node:crypto';
import { type LogId, type NodeInfo, NotLeaderError, type Raft } from 'quorate';
import { UnknownPathError, WrongMethodError } from './edge-errors.ts';
import type { FrozenContent, Versioned } from './frozen-values.ts';
import type { Command, CommandResponse } from './store.ts';
import { parseAddLearner, parseCommand, parseInit, parseKey, parseVoters } from './wire-input.ts';
import {
  type WireDigest,
  type WireMetrics,
  type WireWriteAnswer,
  wireMembershipAnswer,
  wireMetrics,
  wireNodeList,
  wireWriteAnswer,
} from './wire-output.ts';

/** What the calls want to know of a node's state, be it in memory or on a disk. */
export interface ReadableStore {
  get(key: string): Versioned | undefined | Promise<Versioned | undefined>;
  freeze(): FrozenContent;
}

/** One node of the example, as its calls see it. */
export interface ExampleNode {
  readonly raft: Raft<Command, CommandResponse>;
  readonly store: ReadableStore;
  readonly info: NodeInfo;
}

export interface Call {
  readonly body: unknown;
  readonly signal: AbortSignal;
}

export interface Route {
  readonly methods: readonly string[];
  /** Without a body, `call.body` is `undefined` whatever was sent. */
  readonly takesBody: boolean;
  readonly answer: (node: ExampleNode, call: Call) => unknown;
}

const routes: ReadonlyMap<string, Route> = new Map([
  ['/init', post(initialize)],
  ['/add-learner', post(addLearner)],
  ['/change-membership', post(changeMembership)],
  ['/metrics', { methods: ['GET', 'POST'], takesBody: false, answer: metrics }],
  ['/digest', { methods: ['GET', 'POST'], takesBody: false, answer: digest }],
  ['/list-nodes', { methods: ['GET', 'POST'], takesBody: false, answer: listNodes }],
  ['/write', post(write)],
  ['/read', post(read)],
  ['/consistent_read', post(leaderRead)],
  ['/linearizable_read', post(leaderRead)],
  ['/follower_read', post(followerRead)],
]);

/** @throws {UnknownPathError} @throws {WrongMethodError} */
export function findRoute(method: string, path: string): Route {
  const route = routes.get(path);
  if (route === undefined) {
    throw new UnknownPathError(`No call ${path}; there are ${[...routes.keys()].join(', ')}.`);
  }
  if (!route.methods.includes(method)) {
    const allowed = route.methods.join(' or ');
    throw new WrongMethodError(`${path} takes ${allowed}; got ${method}.`, route.methods);
  }
  return route;
}

function post(answer: Route['answer']): Route {
  return { methods: ['POST'], takesBody: true, answer };
}

async function initialize(node: ExampleNode, { body, signal }: Call): Promise<null> {
  await node.raft.initialize(parseInit(body, { id: node.raft.id, info: node.info }), { signal });
  return null;
}

async function addLearner(node: ExampleNode, { body, signal }: Call): Promise<WireWriteAnswer> {
  const { id, info } = parseAddLearner(body);
  return membershipAnswer(node, await node.raft.addLearner(id, info, { signal }));
}

async function changeMembership(node: ExampleNode, call: Call): Promise<WireWriteAnswer> {
  const { signal } = call;
  const membership = await node.raft.changeVoters(parseVoters(call.body), { signal });
  return wireMembershipAnswer(membership, membership.logId, node.raft.metrics);
}

function metrics({ raft }: ExampleNode): WireMetrics {
  return wireMetrics(raft.metrics);
}

/** Of this node's whole state at one moment: nodes that applied the same have the same. */
async function digest({ store }: ExampleNode, { signal }: Call): Promise<WireDigest> {
  const { chunks, count } = store.freeze();
  const hash = createHash('sha256');
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    hash.update(chunk);
  }
  return { entries: count(), sha256: hash.digest('hex') };
}

function listNodes({ raft }: ExampleNode): Record<string, string> {
  return wireNodeList(raft.metrics.membership);
}

async function write({ raft }: ExampleNode, { body, signal }: Call): Promise<WireWriteAnswer> {
  const written = await raft.write(parseCommand(body), { signal });
  return wireWriteAnswer(written, raft.metrics);
}

/** Answers from this node's own state, which may lag behind. */
function read(node: ExampleNode, { body }: Call): Promise<string> {
  return valueOf(node, parseKey(body));
}

/** Linearizable, on the leader alone: another node names the leader instead. */
async function leaderRead(node: ExampleNode, { body, signal }: Call): Promise<string> {
  const key = parseKey(body);
  requireLeader(node);
  await node.raft.readBarrier({ signal });
  return valueOf(node, key);
}

/** Linearizable, on any node: one that does not lead asks the leader how far it has to be. */
async function followerRead(node: ExampleNode, { body, signal }: Call): Promise<string> {
  const key = parseKey(body);
  await node.raft.readBarrier({ signal });
  return valueOf(node, key);
}

function requireLeader({ raft }: ExampleNode): void {
  const { id, role, leader, membership } = raft.metrics;
  if (role === 'leader') return;

  const info = leader === undefined ? undefined : membership.nodes[leader];
  throw new NotLeaderError(`Node ${id} is a ${role} and not the leader; ask the leader.`, {
    leader: leader === undefined || info === undefined ? undefined : { id: leader, info },
  });
}

function membershipAnswer({ raft }: ExampleNode, logId: LogId): WireWriteAnswer {
  return wireMembershipAnswer(raft.metrics.membership, logId, raft.metrics);
}

/** A missing key reads as the empty string. */
async function valueOf({ store }: ExampleNode, key: string): Promise<string> {
  return (await store.get(key))?.value ?? '';
}
