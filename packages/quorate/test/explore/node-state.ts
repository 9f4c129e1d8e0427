import type { CallId, RequestId } from '../../src/core/event.ts';
import type { RaftCore, RecoveredState } from '../../src/core/raft-core.ts';
import type {
  EffectiveMembership,
  Entry,
  LogId,
  NodeId,
  Term,
  Vote,
} from '../../src/core/types.ts';
import type { Write } from '../walker/disk.ts';
import type { CoreModule } from '../walker/world.ts';
import type { Bounds } from './bounds.ts';
import type { Run } from './logs.ts';
import { nodeIds } from './permutations.ts';

/** One node as it is at one moment: its core, its disk, and what the runtime around it holds. */
export interface NodeState {
  readonly at: number;
  readonly id: NodeId;
  core: RaftCore;
  /** Time goes only where a leader is woken; nothing that is explored depends on how much. */
  now: number;
  incarnation: number;
  /** As the core sees it. The entry with index 1 comes first. */
  log: Entry[];
  readonly disk: { vote: Vote; log: Entry[] };
  readonly pending: Write[];
  /** Questions that are not answered, by what asked them; an own one has no message. */
  readonly questions: Map<RequestId, number | undefined>;
  lastRequest: RequestId;
  /** The calls on the core's books, by the message that carries each. */
  readonly calls: Map<CallId, number>;
  /** How many calls of this term said the same, by the first message that did. */
  readonly made: Map<number, number>;
  /** Votes that others have heard of, over all incarnations. */
  readonly released: Map<Term, NodeId>;
  /** Nodes whose vote in `grantsTerm` has reached this candidate, as bits. */
  grants: number;
  grantsTerm: Term;
}

/** Starts a node from what is on its disk; what it had applied may have outlasted the crash. */
export function startNode(
  module: CoreModule,
  bounds: Bounds,
  from: Pick<NodeState, 'at' | 'disk' | 'incarnation' | 'released'> & { applied: number },
): NodeState {
  const { at, disk, incarnation, released, applied } = from;
  const id = nodeIds[at] as NodeId;
  return {
    at,
    id,
    core: new module.RaftCore(optionsFor(id, bounds), recover(disk, applied), 0),
    now: 0,
    incarnation,
    log: [...disk.log],
    disk,
    pending: [],
    questions: new Map(),
    lastRequest: 0,
    calls: new Map(),
    made: new Map(),
    released,
    grants: 0,
    grantsTerm: 0,
  };
}

/** A copy that can go another way. Entries and messages are shared, since they never change. */
export function copyNode(node: NodeState): NodeState {
  return {
    ...node,
    core: copyDeep(node.core, new Map()),
    log: [...node.log],
    disk: { vote: node.disk.vote, log: [...node.disk.log] },
    pending: [...node.pending],
    questions: new Map(node.questions),
    calls: new Map(node.calls),
    made: new Map(node.made),
    released: new Map(node.released),
  };
}

/** An election timeout of nothing: whenever a node is woken, its time has come. */
function optionsFor(id: NodeId, bounds: Bounds): ConstructorParameters<typeof RaftCore>[0] {
  return {
    id,
    heartbeatMs: 1,
    electionTimeoutMs: { min: 0, max: 0 },
    maxInflightAppends: bounds.window,
    preVote: bounds.preVote,
    checkQuorum: false,
    maxClockDrift: 0,
    random: () => 0,
  };
}

const nothing: LogId = { term: 0, index: 0 };

function recover({ vote, log }: { vote: Vote; log: Run }, applied: number): RecoveredState {
  return {
    vote,
    termStarts: log
      .filter(({ logId }, at) => logId.term !== log[at - 1]?.logId.term)
      .map(({ logId }) => logId),
    purged: nothing,
    last: log.at(-1)?.logId ?? nothing,
    snapshot: nothing,
    applied: log[applied - 1]?.logId ?? nothing,
    memberships: log.flatMap(effective),
  };
}

function effective({ logId, payload }: Entry): EffectiveMembership[] {
  return payload.type === 'membership' ? [{ ...payload.membership, logId }] : [];
}

/** Copies all that can be reached and may change, with its classes; options stay as they are. */
function copyDeep<Value>(value: Value, done: Map<unknown, unknown>): Value {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  const known = done.get(value);
  if (known !== undefined) return known as Value;
  if (value instanceof Map) {
    const map = new Map<unknown, unknown>();
    done.set(value, map);
    for (const [key, one] of value) map.set(key, copyDeep(one, done));
    return map as Value;
  }
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    done.set(value, list);
    for (const one of value) list.push(copyDeep(one, done));
    return list as Value;
  }
  if (value instanceof Set) throw new Error('the core holds a set, which is not copied yet');
  const copy = Object.create(Object.getPrototypeOf(value) as object | null) as object;
  done.set(value, copy);
  for (const [name, one] of Object.entries(value)) {
    Object.defineProperty(copy, name, {
      value: name === 'options' ? one : copyDeep(one as unknown, done),
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return copy as Value;
}
