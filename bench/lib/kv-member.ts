// A member of the key-value server, as it is, in a process of its own. Started by `KvCluster`.

import { countBuffersWithHeap } from '../../packages/kv/src/server/collector.ts';
import { HttpServer } from '../../packages/kv/src/server/http/server.ts';
import { KvMember } from '../../packages/kv/src/server/member.ts';
import { answerParent, startArgument } from './answer-parent.ts';

/** What a member's process is started with. */
export interface KvMemberStart {
  readonly name: string;
  readonly directory: string;
  readonly port: number;
  /** 0: any free one; absent: no HTTP. */
  readonly httpPort?: number;
  /** Of all members. */
  readonly peers: Readonly<Record<string, string>>;
  /** None is built but on demand. */
  readonly snapshotsOnDemand?: boolean;
  /** The engine counts buffers apart from its heap, as it does by itself. */
  readonly countsBuffersApart?: boolean;
}

/** What a member's process looks like from outside. */
export interface KvMemberPicture {
  readonly httpPort: number | undefined;
  readonly isReady: boolean;
  readonly problems: readonly string[];
  readonly role: string;
  readonly term: number;
  readonly leader: string | undefined;
  readonly applied: number;
  readonly last: number;
  readonly keys: number;
  readonly rssMiB: number;
  readonly heapMiB: number;
  readonly highestMiB: number;
}

const mebibyte = 1024 * 1024;
const { name, directory, port, httpPort, peers, snapshotsOnDemand, countsBuffersApart } =
  startArgument() as KvMemberStart;
const onDemand = { snapshotAfterBytes: Number.MAX_SAFE_INTEGER, keepBytes: 0 };
// As `quorate serve` does.
if (countsBuffersApart !== true) countBuffersWithHeap();
const member = await KvMember.start({
  name,
  directory,
  listen: { host: '127.0.0.1', port },
  peers,
  ...(snapshotsOnDemand === true ? { config: onDemand } : {}),
});
const { service, raft, store } = member;
const http =
  httpPort === undefined ? undefined : await HttpServer.listen({ service, port: httpPort });

answerParent({
  picture(): KvMemberPicture {
    const { role, term, leader, applied, last } = raft.metrics;
    const { rss, heapUsed } = process.memoryUsage();
    return {
      httpPort: http?.port,
      isReady: member.isReady,
      problems: member.problems,
      role,
      term,
      leader,
      applied: applied.index,
      last: last.index,
      keys: store.keyCount,
      rssMiB: Math.round(rss / mebibyte),
      heapMiB: Math.round(heapUsed / mebibyte),
      highestMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    };
  },
  async awaitApplied({ index }: { index: number }) {
    await raft.waitFor(({ applied }) => applied.index >= index);
  },
  async snapshot() {
    await raft.takeSnapshot();
  },
  async close() {
    await http?.close({ graceMs: 0 });
    await member.close();
  },
});
