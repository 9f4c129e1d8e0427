import { readFile, writeFile } from 'node:fs/promises';
import { Violation } from '../walker/violation.ts';
import { type Bounds, checkBounds } from './bounds.ts';
import type { Cluster, ClusterState } from './cluster.ts';
import { isRequest, type Message, type Request } from './messages.ts';
import type { Command } from './node-table.ts';
import { kinds } from './node-table.ts';
import { inverse } from './permutations.ts';
import { describeEvent, describeNodes } from './words.ts';

/** An event without numbers, so that another run understands it. */
export type PlainEvent =
  | { readonly type: 'deliver' | 'repeat' | 'unanswered'; readonly message: PlainMessage }
  | { readonly type: 'command'; readonly command: Command };

type PlainMessage = Request | (Omit<Exclude<Message, Request>, 'request'> & { request: Request });

/** What a violation leaves behind: all that is needed to see it again. */
export interface SavedPath {
  readonly version: 1;
  readonly bounds: Bounds;
  readonly mutant?: string;
  readonly violation: { readonly code: string; readonly message: string };
  /** For people. */
  readonly words: readonly string[];
  readonly events: readonly PlainEvent[];
}

export interface Told {
  readonly words: readonly string[];
  readonly events: readonly PlainEvent[];
  readonly violation: Violation | undefined;
}

/**
 * Goes along a path that a search found, whose events are each under the names of the canonical
 * state before it, and tells it under the names that the nodes had at the start.
 */
export function tellPath(cluster: Cluster, path: readonly number[]): Told {
  return tell(cluster, path.length, (state, step) => {
    const back = inverse[cluster.canonical(state).permutation] as number;
    return cluster.nodes.renamedCode(path[step] as number, back);
  });
}

/** Goes along a saved path, with the core as it is now. */
export function replayPath(cluster: Cluster, events: readonly PlainEvent[]): Told {
  return tell(cluster, events.length, (state, step) => {
    const code = codeOf(cluster, events[step] as PlainEvent);
    if (cluster.choices(state).includes(code)) return code;
    throw new RangeError(
      `Event ${step + 1} of the path cannot happen there: the core or the bounds have changed ` +
        'since it was written. Explore again.',
    );
  });
}

/** @throws {RangeError} if the file holds no path. */
export async function readPath(file: string): Promise<SavedPath> {
  const saved = JSON.parse(await readFile(file, 'utf8')) as Partial<SavedPath>;
  if (saved.version !== 1 || saved.bounds === undefined || !Array.isArray(saved.events)) {
    throw new RangeError(`${file} must hold a path of version 1 that the exploration wrote.`);
  }
  checkBounds(saved.bounds);
  return saved as SavedPath;
}

export async function writePath(file: string, saved: SavedPath): Promise<void> {
  await writeFile(file, `${JSON.stringify(saved, undefined, 2)}\n`);
}

function tell(
  cluster: Cluster,
  count: number,
  codeAt: (state: ClusterState, step: number) => number,
): Told {
  const words: string[] = [];
  const events: PlainEvent[] = [];
  let state = cluster.initial;
  let violation: Violation | undefined;
  for (let step = 0; step < count && violation === undefined; step += 1) {
    const code = codeAt(state, step);
    events.push(plainEvent(cluster, code));
    words.push(`${step + 1}. ${describeEvent(cluster, state, code)}`);
    const next = cluster.after(state, code);
    if (next instanceof Violation) violation = next;
    else {
      state = next ?? state;
      words.push(`   ${describeNodes(cluster, state)}`);
      violation = cluster.check(state);
    }
  }
  return { words, events, violation };
}

function plainEvent({ nodes, messages }: Cluster, code: number): PlainEvent {
  const id = code >>> 2;
  const kind = code & 3;
  if (kind === kinds.command) return { type: 'command', command: nodes.commands.data(id) };
  const message = messages.data(id);
  const plain = isRequest(message) ? message : { ...message, request: messages.request(id) };
  if (kind === kinds.unanswered) return { type: 'unanswered', message: plain };
  return { type: kind === kinds.repeat ? 'repeat' : 'deliver', message: plain };
}

function codeOf({ nodes, messages }: Cluster, event: PlainEvent): number {
  if (event.type === 'command') return nodes.codeOf(event.command);
  const { message } = event;
  const id =
    'request' in message
      ? messages.idOf({ ...message, request: messages.idOf(message.request) } as Message)
      : messages.idOf(message);
  return id * 4 + kinds[event.type];
}
