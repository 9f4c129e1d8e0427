import type { Action } from '../../../src/core/action.ts';
import type { Event } from '../../../src/core/event.ts';
import { checkInvariants, type Remembered } from '../../../src/core/invariants.ts';
import type { CoreState } from '../../../src/core/state.ts';
import type { NodeId } from '../../../src/core/types.ts';
import { completeConfig } from '../../../src/node/options.ts';
import type { Happening, Oracle, SimWorld } from '../hooks.ts';
import { ApplyOracle } from './apply-oracle.ts';
import { BoundsOracle } from './bounds-oracle.ts';
import { CommitOracle } from './commit-oracle.ts';
import { Ledger } from './ledger.ts';
import { LogOracle } from './log-oracle.ts';
import { MessageOracle } from './message-oracle.ts';
import { checkAccount, RecoveryOracle } from './recovery-oracle.ts';
import type { SeenNode } from './seen-node.ts';
import { demand, violation } from './violation.ts';
import { VoteOracle } from './vote-oracle.ts';

type Of<Type extends Happening['type']> = Extract<Happening, { type: Type }>;
type OfMachine = Of<'applied' | 'frozen' | 'restored'>;

/** Failures of these are said to stop the node; a failure of what is only prepared is not. */
const isPromise = (path: string, operation: string): boolean =>
  path.includes('/log/') && !path.endsWith('.tmp') && /^(write|sync|fdatasync)$/.test(operation);

/** Sees everything that happens in a simulated cluster, and says so at once if it must not. */
export class SimOracle implements Oracle {
  readonly ledger = new Ledger();
  readonly applies: ApplyOracle;
  readonly bounds: BoundsOracle;
  readonly #logs: LogOracle;
  readonly #votes: VoteOracle;
  readonly #commits: CommitOracle;
  readonly #messages: MessageOracle;
  readonly #recoveries: RecoveryOracle;
  readonly #remembered = new Map<NodeId, Remembered>();
  /** What state machines did in a step that is not told of yet, in its order. */
  readonly #untold = new Map<NodeId, OfMachine[]>();
  /** Nodes whose log was truncated on the disk since the event of the world began. */
  readonly #truncated = new Set<SeenNode>();
  /** Nodes whose disk failed since the event of the world began. */
  readonly #failed = new Set<SeenNode>();

  constructor(world: SimWorld) {
    const config = completeConfig(world.knobs.config);
    this.applies = new ApplyOracle(this.ledger);
    this.bounds = new BoundsOracle(world, config);
    this.#logs = new LogOracle(this.ledger);
    this.#votes = new VoteOracle(this.ledger);
    this.#commits = new CommitOracle(this.ledger);
    const parts = { votes: this.#votes, commits: this.#commits };
    this.#messages = new MessageOracle(this.ledger, parts);
    this.#recoveries = new RecoveryOracle(this.ledger);
  }

  after(happening: Happening): void {
    switch (happening.type) {
      case 'stepped':
        return this.#onStepped(happening);
      case 'sent':
        return this.#onSent(happening);
      case 'answered':
        return this.#onAnswered(happening);
      case 'stored':
        return this.#onStored(happening);
      case 'snapshotSaved':
        return this.#onSnapshotSaved(happening);
      case 'applied':
      case 'frozen':
      case 'restored':
        return this.#later(happening);
      case 'recovered':
        return this.#onRecovered(happening);
      case 'started':
        return this.#onStarted(happening);
      case 'ended':
        return this.#onEnded(happening);
      case 'diskFailed':
        return this.#onDiskFailed(happening);
      default:
    }
  }

  settled(): void {
    // Nearly always there is nothing, and this comes after each event of the world.
    if (this.#untold.size > 0) {
      for (const id of this.#untold.keys()) this.#catchUp(this.ledger.node(id));
    }
    if (this.#truncated.size > 0) {
      for (const node of this.#truncated) node.disk.logBefore = undefined;
      this.#truncated.clear();
    }
    if (this.#failed.size > 0) {
      for (const node of this.#failed) node.isDiskDead = node.diskFailure !== undefined;
      this.#failed.clear();
    }
    this.bounds.settled();
  }

  /** The run is over: nothing may be left that was not looked at. */
  atEnd(): void {
    this.settled();
    for (const view of this.bounds.world.nodes.values()) {
      if (view.life > 0) checkAccount(this.ledger.node(view.id), view.durable);
    }
  }

  #onStepped({ node: view, event, actions, state }: Of<'stepped'>): void {
    this.ledger.seen.steps += 1;
    const node = this.ledger.node(view.id);
    node.changeBefore = node.change;
    this.#votes.onStepped(node, event, state);
    for (const action of actions) this.#onAction(node, event, action, state);
    this.#votes.afterStep(node, view.disk, state);
    this.#logs.afterStep(node, state);
    this.#commits.afterStep(node, event, state);
    for (const action of actions) {
      if (action.type === 'apply') this.#commits.onApply(node, action, state.term);
    }
    if (event.type === 'appendAnswered' || event.type === 'snapshotAnswered') {
      this.#commits.afterAnswer(node, state);
    }
    if (event.type === 'persisted') {
      node.asked = node.asked.filter(({ write }) => write > event.write);
    }
    this.#checkInvariants(view.id, state);
    this.#catchUp(node);
    if (event.type === 'applied') this.applies.onAppliedUpTo(node, event.index);
  }

  #onAction(node: SeenNode, event: Event, action: Action, state: Readonly<CoreState>): void {
    if (action.type === 'persist') {
      this.#votes.onPersist(node, event, action);
      this.#logs.onPersist(node, event, action, state);
    } else if (action.type === 'purge') this.#logs.onPurge(node, action.logId);
    else if (action.type === 'restore') {
      this.#logs.onInstall(node, action.meta);
      node.applying = action.meta.lastLogId.index;
    }
  }

  #onSent({ node: view, message }: Of<'sent'>): void {
    this.#messages.onSent(this.ledger.node(view.id), view, message);
    this.bounds.onSent(message);
  }

  #onAnswered({ node: view, message, response, error }: Of<'answered'>): void {
    if (error !== undefined || response === undefined) return;
    this.#messages.onAnswered(this.ledger.node(view.id), view, message, response);
  }

  #onStored({ node: view, vote, truncate, append, purge }: Of<'stored'>): void {
    const node = this.ledger.node(view.id);
    const { disk } = node;
    const isVoid = node.isDiskDead && (vote ?? truncate ?? append) !== undefined;
    demand(!isVoid, 'S25', () => `${node.id} says that it has written after ${node.diskFailure}`);
    if (vote !== undefined) {
      demand(
        vote.term >= disk.vote.term,
        'S14',
        () => `${node.id} wrote term ${vote.term} over ${disk.vote.term}`,
      );
      disk.save(vote);
    }
    if (truncate !== undefined) {
      disk.logBefore ??= disk.log.copy();
      this.#truncated.add(node);
      disk.log.truncate(truncate);
    }
    for (const entry of append ?? []) {
      this.ledger.tree.check(node.id, disk.log.last, entry);
      disk.log.append(entry.logId.term);
    }
    if (purge !== undefined) disk.log.purge(purge);
  }

  #onSnapshotSaved({ node: view, meta }: Of<'snapshotSaved'>): void {
    const node = this.ledger.node(view.id);
    this.#catchUp(node);
    this.#logs.checkSnapshot(node, meta);
    const { index } = node.disk.snapshot;
    demand(
      meta.lastLogId.index >= index,
      'S19',
      () => `${view.id} puts a snapshot up to ${meta.lastLogId.index} in the place of ${index}`,
    );
    node.disk.snapshot = meta.lastLogId;
  }

  #onRecovered({ node: view, found, acknowledged }: Of<'recovered'>): void {
    this.#remembered.delete(view.id);
    this.#untold.delete(view.id);
    this.#recoveries.onRecovered(this.ledger.node(view.id), found, acknowledged);
  }

  #onStarted({ node: view }: Of<'started'>): void {
    const { state } = view;
    if (state === undefined) return;
    const node = this.ledger.node(view.id);
    node.electionAt = state.electionAt;
    node.leaderHeardAt = state.leaderHeardAt;
    node.core = state;
    watchWrites(node, state as CoreState);
  }

  #onEnded({ node: view, how, cause, left }: Of<'ended'>): void {
    const node = this.ledger.node(view.id);
    if (left !== undefined) {
      this.ledger.seen.closes += 1;
      const { timers, calls } = left;
      demand(
        timers === 0 && calls === 0,
        'S24',
        () => `${view.id} is closed, and has ${timers} timers and ${calls} calls under way`,
      );
    }
    // Of a step that was cut short nobody heard, so its machine answered nobody.
    this.#untold.delete(view.id);
    this.#onCutShort(node, view.disk);
    node.end();
    if (how === 'wipe') node.wipe();
    if (how === 'oldDisk') node.isCopy = true;
    if (how !== 'stop') return;
    const text = messagesOf(cause);
    const isOurs = text.includes('Broken invariant');
    demand(!isOurs, 'S26', () => `${node.id} stopped: ${text}`);
    const isDamage = view.hasDamage && codesOf(cause).includes('RAFT_DAMAGED');
    const isKnown = node.diskFailure !== undefined || /\b(EIO|ENOSPC)\b/.test(text) || isDamage;
    if (!isKnown) throw violation('S26', `${node.id} stopped by itself: ${text}`, { cause });
  }

  /** A leader that dies in a step has sent a part of what that step was to send. */
  #onCutShort(node: SeenNode, disk: number): void {
    const { core } = node;
    if (core?.role !== 'leader') return;
    this.#logs.onCutShort(node, core);
    if (node.leadsTerm === core.term) return;
    if (core.campaign !== node.campaign) node.lastCampaign = node.campaign;
    this.#votes.afterStep(node, disk, core);
  }

  #onDiskFailed({ node: view, operation, path, code }: Of<'diskFailed'>): void {
    if (!isPromise(path, operation)) return;
    const node = this.ledger.node(view.id);
    node.diskFailure = `${code} in a ${operation} of ${path}`;
    this.#failed.add(node);
  }

  #checkInvariants(id: NodeId, state: Readonly<CoreState>): void {
    try {
      this.#remembered.set(id, checkInvariants(state, this.#remembered.get(id)));
    } catch (cause) {
      throw violation('S26', `${id}: ${messagesOf(cause)}`, { cause });
    }
  }

  /** A step tells what it did when it is over; until then, what was committed is not known here. */
  #later(happening: OfMachine): void {
    const { id } = happening.node;
    const untold = this.#untold.get(id);
    if (untold === undefined) this.#untold.set(id, [happening]);
    else untold.push(happening);
  }

  #catchUp(node: SeenNode): void {
    const untold = this.#untold.get(node.id);
    if (untold === undefined) return;
    this.#untold.delete(node.id);
    for (const one of untold) {
      if (one.type === 'applied') this.applies.onApplied(node, one.batch, one.responses);
      else if (one.type === 'frozen') this.applies.onFrozen(node, one.digest);
      else this.applies.onRestored(node, one.meta.lastLogId, one.digest);
    }
  }
}

/**
 * A node may die in the middle of a step, at the first thing that the step makes it do; that step
 * is never told of, but a part of what it wanted to be written may be on the disk. So this looks at
 * what the core asks for before anything of it is done.
 */
function watchWrites(node: SeenNode, core: CoreState): void {
  const takeActions = core.takeActions.bind(core);
  core.takeActions = () => {
    const actions = takeActions();
    for (const action of actions) if (action.type === 'persist') node.ask(action);
    return actions;
  };
}

/** What an error says, and those that led to it. */
export function messagesOf(error: unknown): string {
  const messages: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) messages.push(at.message);
  return messages.length > 0 ? messages.join(' <- ') : String(error);
}

/** The codes of an error and of those that led to it. */
function codesOf(error: unknown): unknown[] {
  const codes: unknown[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    codes.push('code' in at ? at.code : undefined);
  }
  return codes;
}
