import { type Channel, channel } from 'node:diagnostics_channel';
import type { EffectiveMembership, LogId, LogIndex, NodeId, Role, Term } from '../core/types.ts';
import type { FatalError } from '../errors.ts';
import type { CallType } from './call-book.ts';

/**
 * What nodes publish on the channels of `node:diagnostics_channel`, by the channel's name. `node`
 * is the node that publishes. Each is published as it happens, in order, and only if somebody has
 * subscribed.
 */
export interface Diagnostics {
  'quorate:role': {
    readonly node: NodeId;
    readonly term: Term;
    readonly role: Role;
    readonly before: Role;
  };
  /** Another leader is known, or none. */
  'quorate:leader': {
    readonly node: NodeId;
    readonly term: Term;
    readonly leader: NodeId | undefined;
  };
  /** Another membership is in force: a new one, or an older one since its entry was cut off. */
  'quorate:membership': { readonly node: NodeId; readonly membership: EffectiveMembership };
  /** More is known to be committed: everything up to `index`. */
  'quorate:commit': { readonly node: NodeId; readonly term: Term; readonly index: LogIndex };
  /** A call of the protocol to node `to` has ended. */
  'quorate:call': {
    readonly node: NodeId;
    readonly to: NodeId;
    readonly type: CallType;
    readonly ms: number;
    readonly isAnswered: boolean;
  };
  'quorate:snapshot': {
    readonly node: NodeId;
    readonly type: 'built' | 'sent' | 'received' | 'failed';
    /** The node that it went to, or should have. */
    readonly to?: NodeId;
    /** What it covers, where this node built it or received it. */
    readonly lastLogId?: LogId;
    /** Why it was not built or sent. */
    readonly error?: unknown;
  };
  /** The node counts for nothing until it ends; `reason` says why, and what to do. */
  'quorate:quarantine': { readonly node: NodeId; readonly reason: string };
  /** The node stopped by itself. */
  'quorate:fatal': { readonly node: NodeId; readonly error: FatalError };
}

/** Ask `hasSubscribers` before a message is made. Who subscribes sees every node of the process. */
export const channels: { readonly [Name in keyof Diagnostics]: Channel } = {
  'quorate:role': channel('quorate:role'),
  'quorate:leader': channel('quorate:leader'),
  'quorate:membership': channel('quorate:membership'),
  'quorate:commit': channel('quorate:commit'),
  'quorate:call': channel('quorate:call'),
  'quorate:snapshot': channel('quorate:snapshot'),
  'quorate:quarantine': channel('quorate:quarantine'),
  'quorate:fatal': channel('quorate:fatal'),
};

export function publish<Name extends keyof Diagnostics>(
  name: Name,
  message: Diagnostics[Name],
): void {
  if (channels[name].hasSubscribers) channels[name].publish(message);
}
