import { Random } from '../../walker/random.ts';
import type { TraceBody, TraceEvent } from '../trace.ts';
import type { Run, TermRun } from './browser/run.ts';

type MadeUpNode = {
  readonly id: string;
  isUp: boolean;
  role: string;
  term: number;
  votes: number;
  first: number;
  /** The term of each entry from `first`. */
  log: number[];
  committed: number;
};

/**
 * A run that looks like one, for the tests of the page: elections, partitions, a crash, every type
 * of event, and a violation at its end. It is no simulation: nodes copy the leader's whole log.
 */
export function madeUpRun(options: {
  readonly seed: string;
  readonly nodes: readonly string[];
  readonly eventCount: number;
}): Run {
  const { seed, nodes, eventCount } = options;
  const events = new MadeUpRun(seed, nodes).run(eventCount);
  return { version: 1, seed, knobs: { nodes: nodes.length, heartbeatMs: 50 }, nodes, events };
}

class MadeUpRun {
  readonly #events: TraceEvent[] = [];
  readonly #random: Random;
  readonly #nodes: readonly MadeUpNode[];
  readonly #cut = new Set<string>();
  readonly #waiting: { readonly at: number; readonly run: () => void }[] = [];
  readonly #calls: {
    readonly index: number;
    readonly client: string;
    readonly operation: number;
  }[] = [];
  #now = 0;
  #messages = 0;
  #operations = 0;

  constructor(seed: string, nodes: readonly string[]) {
    this.#random = new Random(seed, 'page');
    this.#nodes = nodes.map((id) => {
      const counts = { term: 0, votes: 0, first: 1, committed: 0 };
      return { id, isUp: false, role: 'follower', log: [], ...counts };
    });
  }

  run(eventCount: number): readonly TraceEvent[] {
    this.#add({ type: 'phase', text: 'anything goes' });
    for (const node of this.#nodes) this.#start(node);
    this.#after(20, () => this.#elect(this.#nodes[0]));
    this.#every(50, () => this.#replicate());
    this.#every(23, () => this.#call());
    this.#after(100, () => this.#faults());
    this.#every(1500, () => this.#faults());
    while (this.#events.length < eventCount - 2) this.#next();
    const events = this.#events.slice(0, eventCount - 2);
    const at = events.at(-1)?.at ?? 0;
    const number = events.length + 1;
    const text = 'two leaders committed different entries at one index';
    return [
      ...events,
      { number, at, type: 'phase', text: 'healed' },
      { number: number + 1, at, type: 'violation', code: 'S8 leader-completeness', text },
    ];
  }

  /** One round of all that can happen to a cluster, spread over a second and a half. */
  #faults(): void {
    const leader = this.#leader() ?? this.#nodes[0];
    const others = this.#nodes.filter((node) => node !== leader);
    const [next, victim, third] = [others[0], others[1] ?? others[0], others[2] ?? others[0]];
    if (leader === undefined || next === undefined || !victim || !third) return;
    const links = others
      .slice(0, -1)
      .flatMap((other) => [[leader.id, other.id] as const, [other.id, leader.id] as const]);
    const oneWay = [[third.id, next.id] as const];
    this.#after(20, () => this.#cutLinks('cut', links));
    this.#after(170, () => this.#elect(next));
    this.#after(420, () => this.#cutLinks('heal', links));
    this.#after(560, () => this.#stop(victim, 'crash'));
    this.#after(640, () => this.#add({ type: 'disk', node: third.id, text: 'sync takes 80 ms' }));
    this.#after(700, () => this.#start(victim));
    this.#after(780, () => this.#add({ type: 'clock', node: next.id, text: 'jumps by +200 ms' }));
    this.#after(800, () => this.#cutLinks('cut', oneWay));
    this.#after(860, () => this.#add({ type: 'pause', node: third.id }));
    this.#after(960, () => this.#add({ type: 'resume', node: third.id }));
    this.#after(1000, () => this.#cutLinks('heal', oneWay));
    this.#after(1100, () => this.#stop(victim, 'close'));
    this.#after(1150, () => this.#wipe(victim));
    this.#after(1200, () => this.#start(victim));
    this.#after(1250, () => this.#purge());
  }

  #elect(candidate: MadeUpNode | undefined): void {
    if (candidate?.isUp !== true) return;
    const term = Math.max(...this.#nodes.map((node) => node.term)) + 1;
    this.#role(candidate, 'candidate', term);
    candidate.votes = 1;
    for (const voter of this.#nodes) {
      if (voter === candidate) continue;
      this.#send('requestVote', candidate, voter, `term ${term}`, {
        arrive: () => {
          if (voter.term < term) this.#role(voter, 'follower', term);
        },
        answered: () => {
          candidate.votes += 1;
          const isElected = candidate.votes > this.#nodes.length / 2;
          if (isElected && candidate.role === 'candidate') this.#lead(candidate);
        },
      });
    }
  }

  #lead(node: MadeUpNode): void {
    this.#role(node, 'leader', node.term);
    this.#append(node);
    this.#replicate();
  }

  #append(leader: MadeUpNode): number {
    leader.log.push(leader.term);
    this.#tellLog(leader);
    return leader.first + leader.log.length - 1;
  }

  #replicate(): void {
    for (const leader of this.#nodes) {
      if (leader.role !== 'leader' || !leader.isUp) continue;
      const { term, first } = leader;
      const log = [...leader.log];
      const last = first + log.length - 1;
      let copies = 1;
      for (const node of this.#nodes) {
        if (node === leader) continue;
        this.#send('appendEntries', leader, node, `term ${term}, up to ${last}`, {
          arrive: () => {
            if (node.term < term) this.#role(node, 'follower', term, leader.id);
            if (node.term === term) this.#take(node, first, log);
            if (node.term === term) this.#commit(node, leader.committed);
          },
          answered: () => {
            copies += 1;
            if (copies * 2 > this.#nodes.length && leader.term === term) this.#commit(leader, last);
          },
        });
      }
    }
  }

  #take(node: MadeUpNode, first: number, log: readonly number[]): void {
    const isSame = node.first === first && node.log.length === log.length;
    if (isSame && node.log.at(-1) === log.at(-1)) return;
    node.first = first;
    node.log = [...log];
    this.#tellLog(node);
  }

  #commit(node: MadeUpNode, index: number): void {
    const committed = Math.min(index, node.first + node.log.length - 1);
    if (committed <= node.committed || !node.isUp) return;
    node.committed = committed;
    this.#add({ type: 'commit', node: node.id, index: committed });
    this.#add({ type: 'apply', node: node.id, index: committed });
    while (node.role === 'leader' && (this.#calls[0]?.index ?? Infinity) <= committed) {
      const call = this.#calls.shift();
      if (call === undefined) return;
      const { client, operation, index: at } = call;
      this.#add({ type: 'return', client, operation, node: node.id, text: `ok at ${at}` });
    }
  }

  #call(): void {
    const leader = this.#leader();
    if (leader === undefined) return;
    this.#operations += 1;
    const operation = this.#operations;
    const client = `c${(operation % 3) + 1}`;
    const text = `set x ${operation}`;
    this.#add({ type: 'call', client, operation, node: leader.id, text });
    this.#calls.push({ index: this.#append(leader), client, operation });
    this.#replicate();
  }

  #purge(): void {
    const leader = this.#leader();
    if (leader === undefined || leader.committed <= leader.first) return;
    leader.log = leader.log.slice(leader.committed - leader.first);
    leader.first = leader.committed;
    this.#tellLog(leader);
  }

  #send(
    kind: string,
    from: MadeUpNode,
    to: MadeUpNode,
    text: string,
    then: { readonly arrive: () => void; readonly answered: () => void },
  ): void {
    this.#messages += 1;
    const message = this.#messages;
    this.#add({ type: 'send', message, kind, from: from.id, to: to.id, text });
    this.#after(1 + this.#random.below(9), () => {
      if (!this.#passes(from, to)) return this.#add({ type: 'lose', message });
      this.#add({ type: 'deliver', message });
      then.arrive();
      this.#after(1 + this.#random.below(9), () => {
        if (!this.#passes(to, from)) return this.#add({ type: 'loseAnswer', message });
        this.#add({ type: 'answer', message, text: 'ok' });
        then.answered();
      });
    });
  }

  #passes(from: MadeUpNode, to: MadeUpNode): boolean {
    const isCut = this.#cut.has(`${from.id} ${to.id}`);
    return from.isUp && to.isUp && !isCut && !this.#random.chance(0.02);
  }

  #cutLinks(type: 'cut' | 'heal', links: readonly (readonly [string, string])[]): void {
    this.#add({ type, links });
    for (const link of links) {
      if (type === 'cut') this.#cut.add(link.join(' '));
      else this.#cut.delete(link.join(' '));
    }
  }

  #start(node: MadeUpNode): void {
    node.isUp = true;
    node.role = 'follower';
    node.committed = 0;
    this.#add({ type: 'start', node: node.id });
    this.#tellLog(node);
  }

  #stop(node: MadeUpNode, type: 'crash' | 'close'): void {
    node.isUp = false;
    this.#add({ type, node: node.id, ...(type === 'crash' ? { detail: 'before a sync' } : {}) });
  }

  #wipe(node: MadeUpNode): void {
    node.log = [];
    node.first = 1;
    this.#add({ type: 'wipe', node: node.id });
  }

  #role(node: MadeUpNode, role: string, term: number, leader?: string): void {
    node.role = role;
    node.term = term;
    const known = leader === undefined ? {} : { leader };
    this.#add({ type: 'role', node: node.id, role, term, ...known });
  }

  #tellLog(node: MadeUpNode): void {
    const terms: [term: number, count: number][] = [];
    for (const term of node.log) {
      const last = terms.at(-1);
      if (last?.[0] === term) last[1] += 1;
      else terms.push([term, 1]);
    }
    const shape: readonly TermRun[] = terms;
    this.#add({ type: 'log', node: node.id, first: node.first, terms: shape });
  }

  #leader(): MadeUpNode | undefined {
    const leaders = this.#nodes.filter((node) => node.isUp && node.role === 'leader');
    return leaders.sort((left, right) => right.term - left.term)[0];
  }

  #every(ms: number, run: () => void): void {
    this.#after(ms, () => {
      run();
      this.#every(ms, run);
    });
  }

  #after(ms: number, run: () => void): void {
    const at = this.#now + ms;
    const later = this.#waiting.findIndex((waiting) => waiting.at > at);
    this.#waiting.splice(later === -1 ? this.#waiting.length : later, 0, { at, run });
  }

  #next(): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) throw new Error('Nothing is waiting, though rounds never end.');
    this.#now = waiting.at;
    waiting.run();
  }

  #add(body: TraceBody): void {
    this.#events.push({ number: this.#events.length + 1, at: this.#now, ...body });
  }
}
