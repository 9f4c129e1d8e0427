import { readFileSync } from 'node:fs';
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
  scheme,
}: Pick<MemberServiceOptions, 'raft' | 'store' | 'hub' | 'health' | 'scheme'>): KvStatus {
  const picture = raft.metrics;
  const { membership, role, leader, term } = picture;
  const voters = new Set(membership.voters.flat());
  const members = Object.entries(membership.nodes).map(([id, { address = '', data }]) => {
    const { client, http } = data ?? {};
    const member: MemberStatus = {
      id,
      role: voters.has(id) ? 'voter' : 'learner',
      peerAddress: withScheme(address, scheme),
      ...(client === undefined ? {} : { clientAddress: client }),
      ...(http === undefined ? {} : { httpAddress: http }),
    };
    return member;
  });
  return {
    cluster: membership.cluster === '' ? undefined : membership.cluster,
    member: raft.id,
    version: packageVersion(),
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
    members,
    isServing: health.refusal === undefined,
    problems: health.problemsWith(picture),
  };
}
