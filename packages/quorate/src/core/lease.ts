import { jointQuorumValue } from './quorum.ts';
import type { CoreState } from './state.ts';

/**
 * `true` as long as nobody else can have been elected, by the clocks alone: a quorum has heard this
 * leader, and its loyalty keeps it from voting for the shortest election timeout from then on
 * (thesis 6.4.1). That rests on check-quorum at the voters, and on clocks of which none goes the
 * whole timeout while another has not gone `1 - maxClockDrift` of it.
 */
export function holdsLease(core: CoreState): boolean {
  const { checkQuorum, electionTimeoutMs, maxClockDrift } = core.options;
  if (!checkQuorum || core.office.hasBegunTransfer || !core.hasCommittedInTerm) return false;
  const leaseMs = electionTimeoutMs.min * (1 - maxClockDrift);
  return core.now < quorumContactAt(core, { isGraceGiven: false }) + leaseMs;
}

/**
 * When a quorum was last known to be there: the send times of answered calls count, since nobody
 * knows when in between a call arrived. With grace, who has not answered yet has from when this
 * leader first knew of it.
 */
export function quorumContactAt(core: CoreState, options: { isGraceGiven: boolean }): number {
  const { progress } = core.office;
  return jointQuorumValue(core.membership.voters, (id) => {
    if (id === core.id) return core.now;
    const one = progress.get(id);
    if (one === undefined) return -Infinity;
    return one.lastAckAt === undefined && !options.isGraceGiven ? -Infinity : one.contactAt;
  });
}
