import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { StartedNode } from './start-data.ts';
import type { NodeRow } from './start-view.ts';
import type { Report } from './supervised.ts';

/** A node that does not end within this time is killed. */
const stopWithinMs = 2000;
/** What is kept of the words of a node that fails. */
const keptStderrCharacters = 2000;

const program = fileURLToPath(new URL('main.ts', import.meta.url));

export interface NodeProcessOptions {
  readonly id: number;
  readonly address: string;
  /** The directory of its data; without one, everything is in memory. */
  readonly data: string | undefined;
  /** Further options of the node, as on its command line. */
  readonly others?: readonly string[];
}

export interface NodeProcessEvents {
  readonly onChange: () => void;
  /** The process ended; `how` is a line for people. */
  readonly onEnd: (how: string) => void;
}

/** One node of the cluster in a process of its own. */
export class NodeProcess {
  readonly #child: ChildProcess;
  readonly #events: NodeProcessEvents;
  #row: NodeRow;
  #members: StartedNode['members'] = {};
  #stderr = '';

  /** Resolves once it listens; never, if it ends before. */
  readonly listening: Promise<void>;
  /** Resolves with how it ended, once the process is gone. */
  readonly ended: Promise<string>;

  constructor(options: NodeProcessOptions, events: NodeProcessEvents) {
    const { id, address } = options;
    this.#events = events;
    this.#child = fork(program, argumentsFor(options), {
      execArgv: ['--conditions=quorate-source', '--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const pid = this.#child.pid;
    const nothing = { term: 0, last: 0, applied: 0, snapshot: 0, purged: 0 };
    this.#row = { id, address, pid, state: 'starting', ...nothing };

    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = `${this.#stderr}${text}`.slice(-keptStderrCharacters);
    });
    this.listening = new Promise((resolve) => {
      this.#child.on('message', (report: Report) => this.#take(report, resolve));
    });
    this.ended = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(`Node ${id} did not start: ${error.message}`));
      this.#child.once('close', (code, signal) => {
        const how = this.#describeEnd(code, signal);
        this.#update({ state: 'dead' });
        events.onEnd(how);
        resolve(how);
      });
    });
  }

  get row(): NodeRow {
    return this.#row;
  }

  /** What is known once it listens. */
  get started(): StartedNode {
    const { id, address } = this.#row;
    return { id, address, members: this.#members };
  }

  /** Ends the process: politely, then not. */
  async stop(): Promise<void> {
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), stopWithinMs);
    this.#child.kill('SIGTERM');
    await this.ended;
    clearTimeout(kill);
  }

  /** Ends it without a word, as a power cut would. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  #take(report: Report, onListening: () => void): void {
    if (report.type === 'listening') {
      this.#members = report.members;
      this.#update({ address: report.address });
      onListening();
      return;
    }
    const { role, term, last, applied, snapshot, purged } = report;
    this.#update({ state: role, term, last, applied, snapshot, purged });
  }

  #update(change: Partial<NodeRow>): void {
    this.#row = { ...this.#row, ...change };
    this.#events.onChange();
  }

  #describeEnd(code: number | null, signal: NodeJS.Signals | null): string {
    const { id, pid, state } = this.#row;
    const words = this.#stderr.trim();
    // Why a node did not start it says best itself.
    if (state === 'starting' && words !== '') return words;

    const how = signal === null ? `exited with code ${code}` : `was killed by ${signal}`;
    return `Node ${id} (pid ${pid}) ${how}.${words === '' ? '' : ` It said: ${words}`}`;
  }
}

function argumentsFor({ id, address, data, others = [] }: NodeProcessOptions): string[] {
  const dataArguments = data === undefined ? [] : ['--data', data];
  return ['--id', String(id), '--addr', address, ...dataArguments, ...others];
}
