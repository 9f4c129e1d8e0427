import { readFileSync } from 'node:fs';
import type { Membership, RaftMetrics } from 'quorate';
import type { LoadStatus } from '../../types.ts';
import type { KvStatus, MemberStatus } from '../service.ts';
import type { MemberServiceOptions } from './member-service.ts';
import { withScheme } from './options.ts';

/** The same number of folders above the sources and above what is built of them. */
const packageFile = new URL('../../../package.json', import.meta.url);

let knownVersion: string | undefined;

/** The version of this package. */
export function packageVersion(): string {
  knownVersion ??= (JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string }).version;
  return knownVersion;
}

export function statusOf({
  raft,
  store,
  hub,
  health,
  alerts,
  scheme,
  reads,
  storeKind,
}: Pick<
  MemberServiceOptions,
  'raft' | 'store' | 'storeKind' | 'hub' | 'health' | 'alerts' | 'scheme'
> & {
  readonly reads: number;
}): KvStatus {
  const picture = raft.metrics;
  const { membership, role, leader, term } = picture;
  return {
    cluster: membership.cluster === '' ? undefined : membership.cluster,
    member: raft.id,
    version: packageVersion(),
    store: storeKind,
    role,
    leader,
    term,
    revision: store.revision,
    compactedRevision: store.compactedRevision,
    keys: store.keyCount,
    leases: store.leaseCount,
    watchers: hub.count,
    lastLogIndex: picture.last.index,
    committed: picture.committed.index,
    applied: picture.applied.index,
    members: membersOf(membership, scheme),
    isServing: health.refusal === undefined,
    problems: health.problemsWith(picture),
    alerts: alerts.all(picture),
    ...(alerts.disk === undefined ? {} : { disk: alerts.disk }),
    load: loadOf(picture, reads),
  };
}

function loadOf({ latencies: { commit } }: RaftMetrics, reads: number): LoadStatus {
  return {
    reads,
    commits: commit.count,
    commitMs: commit.totalMs,
    commitP50Ms: commit.p50Ms,
    commitP99Ms: commit.p99Ms,
  };
}

/** The members as clients see them. */
export function membersOf(
  { voters, nodes }: Membership,
  scheme: 'tcp' | 'tls',
): readonly MemberStatus[] {
  const voting = new Set(voters.flat());
  return Object.entries(nodes).map(([id, { address = '', data }]) => {
    const { client, http } = data ?? {};
    return {
      id,
      role: voting.has(id) ? 'voter' : 'learner',
      peerAddress: withScheme(address, scheme),
      ...(client === undefined ? {} : { clientAddress: client }),
      ...(http === undefined ? {} : { httpAddress: http }),
    };
  });
}
