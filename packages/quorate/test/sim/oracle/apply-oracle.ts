import type { Committed } from '../../../src/contract/state-machine.ts';
import type { LogId, LogIndex, NodeId } from '../../../src/core/types.ts';
import { readSessionEntry } from '../../../src/node/session-entries.ts';
import type { Command, Response } from '../machine.ts';
import { isSame, plainText } from './hash.ts';
import { type Ledger, nameOf } from './ledger.ts';
import { Model } from './model.ts';
import type { SeenNode } from './seen-node.ts';
import { demand } from './violation.ts';

const decoder = new TextDecoder();

/** What the configuration says of sessions. */
export interface SessionBounds {
  readonly maxSessions: number;
  readonly maxSessionBytes: number;
  readonly sessionWindow: number;
}

/**
 * Watches state machines: S9 and S11 of what is applied, S19 of what is restored, and S23. The
 * first node that gets to an entry says whether its command took effect, which a write of a session
 * need not; the model says what it answered, and every other node must do and answer the same.
 */
export class ApplyOracle {
  readonly model = new Model();
  readonly #ledger: Ledger;
  /** By session and number: where that write took effect. */
  readonly #sessionWrites = new Map<string, LogIndex>();
  /** By session: the highest number that took effect. */
  readonly #highest = new Map<LogIndex, number>();
  readonly #closed = new Set<LogIndex>();
  readonly #bounds: SessionBounds;
  /** Up to here it is decided which commands take effect. */
  #decided: LogIndex = 0;
  #sessionEntries = 0;

  constructor(ledger: Ledger, bounds: SessionBounds) {
    this.#ledger = ledger;
    this.#bounds = bounds;
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
      index <= this.#decided,
      'S19',
      () => `${node.id} restored a state of ${index}, and nobody has applied so much`,
    );
    node.machineIndex = this.model.lastUpTo(index);
    this.#demandDigest(node.id, index, digest);
  }

  /** The node says that all up to `index` is applied: no command before it is still missing. */
  onAppliedUpTo(node: SeenNode, index: LogIndex): void {
    if (index > this.#decided) this.#decideUpTo(node.id, index);
    const last = this.model.lastUpTo(index);
    demand(
      node.machineIndex >= last,
      'S11',
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
    if (index > this.#decided) this.#decide(node, logId, command);
    const effect = this.model.effectAt(index);
    demand(
      effect !== undefined,
      'S9',
      () => `${node.id} applied ${nameOf(logId)}, which had no effect on another node`,
    );
    demand(
      effect.before === node.machineIndex,
      'S11',
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

  #decide(node: SeenNode, logId: LogId, command: Command): void {
    const { index, term } = logId;
    this.#decideUpTo(node.id, index - 1);
    const payload = this.#ledger.tree.find(logId)?.payload;
    demand(
      payload?.type === 'command' &&
        isSame(JSON.parse(decoder.decode(payload.data.bytes)), command),
      'S9',
      () =>
        `${node.id} applied ${plainText(command)}, which is not the content of ${nameOf(logId)}`,
    );
    const { session } = payload.data;
    if (session !== undefined) this.#onSessionWrite(node.id, session, index);
    this.model.take(index, term, command);
    this.#decided = index;
  }

  #onSessionWrite(
    node: NodeId,
    { id, sequence }: { readonly id: LogIndex; readonly sequence: number },
    index: LogIndex,
  ): void {
    const key = `${id} ${sequence}`;
    const before = this.#sessionWrites.get(key);
    demand(
      before === undefined,
      'S23',
      () => `${node} applied write ${sequence} of session ${id} at ${before} and again at ${index}`,
    );
    this.#sessionWrites.set(key, index);
    this.#highest.set(id, Math.max(sequence, this.#highest.get(id) ?? 0));
  }

  /** No command among the entries up to `end` took effect, so none of them may have had to. */
  #decideUpTo(node: NodeId, end: LogIndex): void {
    for (let index = this.#decided + 1; index <= end; index += 1) {
      const logId = this.#ledger.committed[index];
      const payload = logId && this.#ledger.tree.find(logId)?.payload;
      demand(payload !== undefined, 'S9', () => `${node} went past entry ${index}, not committed`);
      if (payload.type === 'session') this.#onSessionEntry(payload.data);
      if (payload.type === 'command') this.#checkIdle(node, index, payload.data.session);
    }
    this.#decided = Math.max(this.#decided, end);
  }

  #onSessionEntry(data: Uint8Array): void {
    this.#sessionEntries += 1;
    const entry = readSessionEntry(data);
    if (entry.type === 'close') this.#closed.add(entry.id);
  }

  /** A command had no effect: then it is a write of a session that came before, or too late. */
  #checkIdle(
    node: NodeId,
    index: LogIndex,
    session: { readonly id: LogIndex; readonly sequence: number } | undefined,
  ): void {
    demand(session !== undefined, 'S11', () => `${node} left out the command of entry ${index}`);
    const { id, sequence } = session;
    if (this.#sessionWrites.has(`${id} ${sequence}`)) return;
    const { maxSessions, maxSessionBytes, sessionWindow } = this.#bounds;
    const isOld = sequence <= (this.#highest.get(id) ?? 0) - sessionWindow;
    // Where there never was need for room, nobody but its owner ends a session.
    const mayBeOver = this.#sessionEntries > maxSessions || maxSessionBytes < roomBytes;
    demand(
      isOld || mayBeOver || this.#closed.has(id),
      'S23',
      () => `${node} let write ${sequence} of session ${id} at entry ${index} have no effect`,
    );
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

/** With so much room for responses, no session of a simulated run is ever in the way. */
const roomBytes = 1_000_000;
