import type { Committed } from '../../../src/contract/state-machine.ts';
import type { LogId, LogIndex, NodeId, Payload } from '../../../src/core/types.ts';
import { readSessionEntry } from '../../../src/node/session-entries.ts';
import type { Command, Response } from '../machine.ts';
import { isSame, plainText } from './hash.ts';
import { type Ledger, nameOf } from './ledger.ts';
import { Model } from './model.ts';
import type { SeenNode } from './seen-node.ts';
import { SessionModel, type Verdict } from './session-model.ts';
import { demand } from './violation.ts';

const decoder = new TextDecoder();

/** A write of a session that had no effect, as the log alone says. */
type Idle = Exclude<Verdict, 'fresh'>;

/**
 * Watches state machines: S9 and S11 of what is applied, S19 of what is restored, and S23. What is
 * committed says by itself which commands take effect, which a write of a session need not; the
 * models say what comes of each, and every node must do and answer that.
 */
export class ApplyOracle {
  readonly model = new Model();
  readonly #ledger: Ledger;
  readonly #sessions = new SessionModel();
  /** By index: what the writes of sessions came to that had no effect. */
  readonly #idle = new Map<LogIndex, Idle>();
  /** Commands that were said to have failed for good. */
  readonly #failed = new Set<string>();
  /** Up to here it is known what takes effect. */
  #decided: LogIndex = 0;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Everything that is committed has its effect, though nobody may have applied it yet. */
  decide(): void {
    this.#decideUpTo(this.#ledger.lastCommitted);
  }

  /** A client was told that this command has failed for good: it never takes effect (S22). */
  watchFailed(command: string): void {
    this.decide();
    this.#failed.add(command);
  }

  /** What the write of a session at `index` came to, if it had no effect. */
  idleAt(index: LogIndex): Idle | undefined {
    return this.#idle.get(index);
  }

  /** Whether the log says that the session is over, or that a write of it came too late. */
  mayRefuse(session: LogIndex): boolean {
    this.decide();
    return this.#sessions.mayRefuse(session);
  }

  /** What is known of the sessions after each of these entries, made anew from the log. */
  sessionsAt(indexes: ReadonlySet<LogIndex>): ReadonlyMap<LogIndex, string> {
    const sessions = new SessionModel();
    const pictures = new Map<LogIndex, string>();
    const last = Math.min(this.#decided, Math.max(0, ...indexes));
    for (let index = 0; index <= last; index += 1) {
      const payload = this.#payloadAt(index);
      if (payload !== undefined) this.#judge(sessions, index, payload);
      const effect = this.model.effectAt(index);
      const session = payload?.type === 'command' ? payload.data.session : undefined;
      if (effect !== undefined && session !== undefined) {
        sessions.answered(session, effect.response);
      }
      if (indexes.has(index)) pictures.set(index, sessions.picture);
    }
    return pictures;
  }

  onApplied(
    node: SeenNode,
    batch: readonly Committed<Command>[],
    responses: readonly Response[],
  ): void {
    for (const [at, { logId, command }] of batch.entries()) {
      this.#ledger.seen.commandsApplied += 1;
      this.#onCommand(node, logId, { command, response: responses[at] });
    }
  }

  /** The state was frozen: it is that of everything up to the last command. */
  onFrozen({ id, machineIndex }: SeenNode, digest: string): void {
    this.#demandDigest(id, machineIndex, digest);
  }

  /** A snapshot replaced the state: it is what the commands up to its end come to. */
  onRestored(node: SeenNode, { index }: LogId, digest: string): void {
    this.#ledger.seen.statesRestored += 1;
    demand(
      index <= this.#ledger.lastCommitted,
      'S19',
      () => `${node.id} restored a state of ${index}, and nobody has committed so much`,
    );
    this.#decideUpTo(index);
    node.machineIndex = this.model.lastUpTo(index);
    this.#demandDigest(node.id, index, digest);
  }

  /** The node says that all up to `index` is applied: no command before it is still missing. */
  onAppliedUpTo(node: SeenNode, index: LogIndex): void {
    this.#decideUpTo(index);
    const last = this.model.lastUpTo(index);
    demand(
      node.machineIndex >= last,
      this.#codeFor(last),
      () => `${node.id} has applied ${index} entries, and not the command of entry ${last}`,
    );
  }

  #onCommand(
    node: SeenNode,
    logId: LogId,
    { command, response }: { command: Command; response: Response | undefined },
  ): void {
    const { index } = logId;
    demand(
      this.#ledger.isCommitted(logId),
      'S9',
      () => `${node.id} applied ${nameOf(logId)}, which is not what was committed`,
    );
    demand(
      index > node.machineIndex,
      'S11',
      () => `${node.id} applied ${nameOf(logId)} after that of entry ${node.machineIndex}`,
    );
    this.#decideUpTo(index);
    const effect = this.model.effectAt(index);
    const idle = this.#idle.get(index);
    demand(
      effect !== undefined,
      idle === undefined ? 'S9' : 'S23',
      () => `${node.id} applied ${nameOf(logId)}, which is ${idle ?? 'no command'}`,
    );
    demand(
      effect.before === node.machineIndex,
      this.#codeFor(effect.before),
      () => `${node.id} went from entry ${node.machineIndex} to ${index} past ${effect.before}`,
    );
    demand(
      isSame(command, effect.command) && isSame(response, effect.response),
      'S9',
      () =>
        `${node.id} answered ${plainText(response)} to ${plainText(command)} of ${nameOf(logId)}, ` +
        `and it is ${plainText(effect.response)} to ${plainText(effect.command)}`,
    );
    node.machineIndex = index;
  }

  /** A command that is left out: of a session, it was taken for one that has no effect. */
  #codeFor(index: LogIndex): 'S11' | 'S23' {
    const payload = this.#payloadAt(index);
    return payload?.type === 'command' && payload.data.session !== undefined ? 'S23' : 'S11';
  }

  #decideUpTo(end: LogIndex): void {
    while (this.#decided < end) {
      const index = this.#decided + 1;
      const payload = this.#payloadAt(index);
      demand(payload !== undefined, 'S9', () => `entry ${index} took effect and is not committed`);
      this.#decide(index, payload);
      this.#decided = index;
    }
  }

  #decide(index: LogIndex, payload: Payload): void {
    const verdict = this.#judge(this.#sessions, index, payload);
    if (payload.type !== 'command') return;
    if (verdict !== 'fresh') {
      this.#idle.set(index, verdict);
      return;
    }
    const { bytes, session } = payload.data;
    const command = JSON.parse(decoder.decode(bytes)) as Command;
    const { term } = this.#ledger.committed[index] as LogId;
    const { response } = this.model.take(index, term, command);
    if (session !== undefined) this.#sessions.answered(session, response);
    if (this.#failed.size === 0) return;
    const text = JSON.stringify(command);
    demand(
      !this.#failed.has(text),
      'S22',
      () => `${text} was said to have failed, and takes effect at entry ${index}`,
    );
  }

  /** What a command comes to; sessions that come and go do so. */
  #judge(sessions: SessionModel, index: LogIndex, payload: Payload): Verdict {
    if (payload.type === 'session') sessions.take(index, readSessionEntry(payload.data));
    const session = payload.type === 'command' ? payload.data.session : undefined;
    return session === undefined ? 'fresh' : sessions.judge(session, index);
  }

  #payloadAt(index: LogIndex): Payload | undefined {
    const logId = this.#ledger.committed[index];
    return logId && this.#ledger.tree.find(logId)?.payload;
  }

  #demandDigest(id: NodeId, index: LogIndex, digest: string): void {
    const wanted = this.model.digestAt(index);
    demand(
      digest === wanted,
      'S9',
      () => `${id} has the state ${digest} at entry ${index}, and it is ${wanted}`,
    );
  }
}
