import type { EffectiveMembership, Role } from '../../src/core/types.ts';

// What the runner and the nodes say to each other: operations and orders over HTTP, reports through
// the channel of the process.

/** A change of the replicated state. The values of one key are unique but for those of `add`. */
export type Command =
  | { readonly type: 'put'; readonly key: string; readonly value: string }
  | { readonly type: 'cas'; readonly key: string; readonly from: string; readonly value: string }
  | { readonly type: 'append'; readonly key: string; readonly value: string }
  /** Adds 1 to a count; what it was applied to twice is told by the answer. */
  | { readonly type: 'add'; readonly key: string };

/** `put` and `append` have nothing to say; `cas` whether it matched; `add` the new count. */
export type Response = boolean | number | undefined;

/** What a client asks for. */
export type Operation =
  | { readonly type: 'get'; readonly key: string; readonly mode: 'quorum' | 'lease' }
  | (Command & {
      /** A write of a session takes effect once, however often it has to be sent. */
      readonly via: 'plain' | 'session';
    });

export interface OperationRequest {
  readonly client: string;
  /** Counts up; sent again with the same number, it is still the same operation. */
  readonly number: number;
  readonly operation: Operation;
}

export type OperationAnswer =
  | { readonly outcome: 'ok'; readonly value?: string | boolean | number }
  /** It has not taken effect and never will. */
  | { readonly outcome: 'failed'; readonly reason: string }
  | { readonly outcome: 'unknown'; readonly reason: string };

/** What an operator asks a node for. */
export type Order =
  | { readonly type: 'initialize'; readonly nodes: readonly string[] }
  | { readonly type: 'addLearner'; readonly node: string }
  | { readonly type: 'removeLearner'; readonly node: string }
  | {
      readonly type: 'changeVoters';
      readonly voters: readonly string[];
      readonly keepRemoved: boolean;
    }
  | { readonly type: 'transfer'; readonly to?: string }
  | { readonly type: 'snapshot' };

export type OrderAnswer = { readonly done: true } | { readonly done: false; readonly why: string };

/** What a node's state is, for comparing. */
export interface StateAnswer {
  readonly applied: number;
  /** A hash over every command that took effect, with its index. */
  readonly chain: string;
}

/** What a node tells the runner. */
export type Report =
  /** Clients and the operator call at `port`, the other nodes at `nodePort`. */
  | { readonly type: 'listening'; readonly port: number; readonly nodePort: number }
  | ({ readonly type: 'picture' } & Picture)
  /** After the command at `index`, the hash over all that took effect is `chain`. */
  | { readonly type: 'chain'; readonly index: number; readonly chain: string }
  | { readonly type: 'failed'; readonly message: string };

export interface Picture {
  readonly role: Role;
  readonly term: number;
  readonly isRunning: boolean;
  readonly membership: Pick<EffectiveMembership, 'voters' | 'nodes' | 'logId'>;
  /** Whether the membership is committed. */
  readonly isSettled: boolean;
  readonly snapshotsBuilt: number;
  readonly snapshotsReceived: number;
  readonly quarantine?: string;
  readonly fatal?: string;
}

/** What the nodes speak to each other. */
export const networkNames = ['tcp', 'http'] as const;
export type NetworkName = (typeof networkNames)[number];

/** How a node is started. */
export interface NodeStart {
  readonly name: string;
  readonly network: NetworkName;
  readonly directory: string;
  /** Where the node in each slot is reached from this one's. */
  readonly links: Readonly<Record<string, string>>;
}

/** Nodes leave for good, and their places are taken by others: `b` by `b2`, and that by `b3`. */
export function slotOf(node: string): string {
  return node.slice(0, 1);
}

/** Ways in which a node does wrong on purpose, by the environment of its process. */
export const breakages = ['stale-reads', 'early-answers', 'blind-repeats'] as const;
export type Breakage = (typeof breakages)[number];
export const breakageVariable = 'QUORATE_CHAOS_BREAK';

/** @throws {RangeError} if the variable names none of them. */
export function breakageIn(environment: NodeJS.ProcessEnv): Breakage | undefined {
  const wanted = environment[breakageVariable];
  if (wanted === undefined || wanted === '') return undefined;
  const found = breakages.find((one) => one === wanted);
  if (found !== undefined) return found;
  const known = breakages.join(', ');
  throw new RangeError(`${breakageVariable} must be one of ${known}; it is "${wanted}".`);
}
