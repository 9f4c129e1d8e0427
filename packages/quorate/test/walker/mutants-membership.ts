import type { Mutant } from './mutants.ts';

const oneSetAtATime = 'for (const voters of sets) lowest';

/** Bugs in changes of membership. */
export const membershipMutants: readonly Mutant[] = [
  {
    // Row 61.
    name: 'change-before-commit-in-term',
    edits: [
      {
        file: 'membership-change.ts',
        find: 'if (isUnderWay || !core.hasCommittedInTerm) {',
        replace: 'if (isUnderWay) {',
      },
    ],
    kills: ['S16'],
  },
  {
    // Row 61.
    name: 'two-changes-at-once',
    edits: [
      {
        file: 'membership-change.ts',
        find: 'const isUnderWay = isJoint(membership) || membership.logId.index > committed;',
        replace: 'const isUnderWay = membership.logId.index > committed + 8;',
      },
    ],
    kills: ['S16', 'S26'],
  },
  {
    // Row 61.
    name: 'change-without-joint',
    edits: [
      {
        file: 'membership.ts',
        find: 'voters: [before, [...change.voters]], nodes };',
        replace: 'voters: [[...change.voters]], nodes };',
      },
    ],
    kills: ['S16'],
  },
  {
    // Row 70.
    name: 'joint-counted-by-new-set-only',
    edits: [
      {
        file: 'quorum.ts',
        find: oneSetAtATime,
        replace: 'for (const voters of sets.slice(-1)) lowest',
      },
    ],
    kills: ['S10', 'S16', 'S18', 'S20'],
  },
  {
    // Row 70.
    name: 'joint-counted-by-old-set-only',
    edits: [
      {
        file: 'quorum.ts',
        find: oneSetAtATime,
        replace: 'for (const voters of sets.slice(0, 1)) lowest',
      },
    ],
    kills: ['S10', 'S16', 'S18', 'S20'],
  },
  {
    name: 'learners-counted-for-commit',
    edits: [
      {
        file: 'leader.ts',
        find: 'const index = jointQuorumValue(core.membership.voters, (id) =>',
        replace: 'const index = jointQuorumValue([Object.keys(core.membership.nodes)], (id) =>',
      },
    ],
    kills: ['S10'],
  },
  {
    name: 'learners-counted-for-votes',
    edits: [
      {
        file: 'election.ts',
        find: 'const outcome = countVotes(core.membership.voters, campaign.tally);',
        replace:
          'const outcome = countVotes([Object.keys(core.membership.nodes)], campaign.tally);',
      },
      {
        file: 'election.ts',
        find: 'for (const to of allVoters(core.membership)) {',
        replace: 'for (const to of Object.keys(core.membership.nodes)) {',
      },
    ],
    kills: ['S16', 'S18', 'S20'],
  },
  {
    // Row 66.
    name: 'truncated-membership-stays',
    edits: [{ file: 'state.ts', find: 'this.memberships.truncate(index);', replace: '' }],
    kills: ['S17', 'S26'],
  },
  {
    // Row 65.
    name: 'joint-completed-with-old-voters',
    edits: [
      {
        file: 'membership.ts',
        find: 'const voters = joint.voters.at(-1);',
        replace: 'const voters = joint.voters[0];',
      },
    ],
    kills: ['S16'],
  },
  {
    // Row 65.
    name: 'joint-never-completed',
    edits: [
      {
        file: 'leader.ts',
        find: 'if (isJoint(core.membership)) {',
        replace: 'if (isJoint(core.membership) && core.membership.logId.term === core.term) {',
      },
    ],
    kills: ['E1'],
  },
];
