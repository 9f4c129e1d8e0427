import { KvError } from '../errors.ts';
import type { KvService, KvStatus } from './service.ts';

/**
 * What is answered while a member starts, which can take long: it reads its disk, or waits for its
 * place in a cluster. The process can be asked whether it lives all the same.
 */
export function startingService(name: string, version: string): KvService {
  const refuse = (): never => {
    throw new KvError('KV_NO_LEADER', `Member ${name} is starting, and not ready yet.`);
  };
  const refuseLater = async (): Promise<never> => refuse();
  return {
    openSession: refuseLater,
    closeSession: refuseLater,
    write: refuseLater,
    barrier: refuseLater,
    range: refuse,
    watch: refuse,
    leaseKeepAlive: refuseLater,
    leaseTimeToLive: refuseLater,
    leases: refuseLater,
    snapshot: refuse,
    status: () => statusOf(name, version),
    hash: refuse,
    memberAdd: refuseLater,
    memberPromote: refuseLater,
    memberRemove: refuseLater,
    transferLeadership: refuseLater,
  };
}

function statusOf(member: string, version: string): KvStatus {
  return {
    cluster: undefined,
    member,
    version,
    role: 'starting',
    leader: undefined,
    term: 0,
    revision: 0,
    compactedRevision: 0,
    keys: 0,
    leases: 0,
    watchers: 0,
    lastLogIndex: 0,
    committed: 0,
    applied: 0,
    members: [],
    isServing: false,
    problems: ['The member is starting.'],
    alerts: [],
  };
}
