import type { Network, NodeInfo } from 'quorate';
import { pause } from '../../pause.ts';
import type { Health } from './health.ts';
import { type MemberHost, messageOf } from './node.ts';

export interface FormingOptions {
  readonly network: Network;
  /** Names and addresses of the first members; this one is among them. */
  readonly peers: Readonly<Record<string, string>>;
  /** What is replicated about this member from the beginning. */
  readonly info: NodeInfo;
  readonly health: Pick<Health, 'report' | 'clear'>;
}

const firstPauseMs = 100;
const longestPauseMs = 2000;
const askTimeoutMs = 1000;
const problemName = 'not-formed';

/**
 * Forms the cluster, once in its life, if this member's disk is empty and its name sorts first; the
 * other members hear from it. It waits until a majority of them answers and says that it belongs to
 * no cluster either: a disk that was lost must not begin a second one. Never rejects.
 */
export async function formCluster(host: MemberHost, options: FormingOptions): Promise<void> {
  const { raft, name, runtime, signal, logger } = host;
  const { peers, info, health } = options;
  if (raft.metrics.last.index > 0 || raft.metrics.term > 0) return;
  const names = Object.keys(peers).sort(byCodeUnits);
  if (names[0] !== name) return;
  let pauseMs = firstPauseMs;
  while (!signal.aborted) {
    const others = names.filter((one) => one !== name);
    const answers = await Promise.all(others.map((one) => ask(options, one)));
    const elsewhere = answers.find(({ cluster }) => cluster !== undefined);
    if (raft.metrics.last.index > 0) break; // It was made a member by others meanwhile.
    if (elsewhere !== undefined) {
      const { id, cluster } = elsewhere;
      const message = `The disk of ${name} is empty, and ${id} belongs to cluster ${cluster} already, so none is formed. If ${name} lost its disk, remove it from that cluster and let a member with a new name join.`;
      health.report(problemName, message);
      return;
    }
    const missing = answers.filter(({ failure }) => failure !== undefined);
    if (2 * (names.length - missing.length) > names.length) {
      if (await initialize(host, options, { names, info })) break;
    } else {
      const who = missing.map(({ id, failure }) => `${id} (${failure})`).join(', ');
      const message = `The cluster is not formed yet: it takes a majority of ${names.join(', ')}, and there is no answer from ${who}.`;
      health.report(problemName, message, { level: 'warn' });
    }
    await pause(runtime, pauseMs, signal);
    pauseMs = Math.min(2 * pauseMs, longestPauseMs);
  }
  health.clear(problemName);
  logger.debug({ names }, 'is a member of a cluster');
}

async function initialize(
  { raft, name, signal }: MemberHost,
  { peers, health }: FormingOptions,
  { names, info }: { readonly names: readonly string[]; readonly info: NodeInfo },
): Promise<boolean> {
  const nodes = names.map((one) => [one, one === name ? info : { address: peers[one] }] as const);
  try {
    await raft.initialize(Object.fromEntries(nodes) as Record<string, NodeInfo>, { signal });
    return true;
  } catch (error) {
    if (signal.aborted || codeOf(error) === 'RAFT_ALREADY_INITIALIZED') return true;
    health.report(problemName, `The cluster could not be formed: ${messageOf(error)}`);
    return false;
  }
}

interface Answer {
  readonly id: string;
  readonly cluster?: string | undefined;
  readonly failure?: string;
}

async function ask({ network, peers }: FormingOptions, id: string): Promise<Answer> {
  const connection = network.connect(id, { address: peers[id] ?? '' });
  try {
    const { identity } = await connection.identify({ timeoutMs: askTimeoutMs });
    return { id, cluster: identity.cluster };
  } catch (error) {
    return { id, failure: messageOf(error) };
  } finally {
    await connection[Symbol.asyncDispose]();
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function byCodeUnits(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
