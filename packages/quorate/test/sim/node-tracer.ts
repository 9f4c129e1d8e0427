import type { CoreState } from '../../src/core/state.ts';
import type { LogId, NodeId } from '../../src/core/types.ts';
import type { TraceRecorder } from './trace.ts';

/** Writes down what of a node's state is another after a step. */
export class NodeTracer {
  readonly #node: NodeId;
  readonly #trace: TraceRecorder;
  #role = '';
  #term = -1;
  #leader: NodeId | undefined = undefined;
  #committed = -1;
  /** The ends of the log as they were told; the entries between them then are the same. */
  #first = -1;
  #last: LogId | undefined = undefined;

  constructor(node: NodeId, trace: TraceRecorder) {
    this.#node = node;
    this.#trace = trace;
  }

  /** A process has started: whoever looks at the trace knows nothing of its log. */
  started(state: Readonly<CoreState>): void {
    this.#last = undefined;
    this.stepped(state);
  }

  stepped(state: Readonly<CoreState>): void {
    const { role, term, leader, committed, log } = state;
    if (role !== this.#role || term !== this.#term || leader !== this.#leader) {
      this.#role = role;
      this.#term = term;
      this.#leader = leader;
      this.#trace.fact(role, term, leader?.length ?? 0);
      const known = leader === undefined ? {} : { leader };
      this.#trace.add({ type: 'role', node: this.#node, role, term, ...known });
    }
    if (committed !== this.#committed) {
      this.#committed = committed;
      this.#trace.fact(this.#node, committed, term);
      this.#trace.add({ type: 'commit', node: this.#node, index: committed });
    }
    const { last, purged } = log;
    const isTold =
      last.index === this.#last?.index &&
      last.term === this.#last.term &&
      purged.index + 1 === this.#first;
    if (!isTold) this.#log(state);
  }

  #log(state: Readonly<CoreState>): void {
    const { log } = state;
    this.#last = log.last;
    this.#first = log.purged.index + 1;
    this.#trace.fact(this.#node, log.last.index, log.last.term);
    this.#trace.note('log', () => ({
      type: 'log',
      node: this.#node,
      first: log.purged.index + 1,
      terms: runsOf(state),
    }));
  }
}

/** The terms of a log as runs: term, and how many entries follow one another in it. */
function runsOf({ log }: Readonly<CoreState>): [number, number][] {
  const { termStarts, last } = log;
  return termStarts.map(({ term, index }, at) => {
    const end = termStarts[at + 1]?.index ?? last.index + 1;
    return [term, end - index];
  });
}
