import { electionMutants } from './mutants-election.ts';
import { membershipMutants } from './mutants-membership.ts';
import { replicationMutants } from './mutants-replication.ts';
import { serviceMutants } from './mutants-service.ts';
import { snapshotMutants } from './mutants-snapshot.ts';
import type { Code } from './violation.ts';

/** A bug to plant into a copy of the core. Each `find` must be there exactly once. */
export interface Mutant {
  readonly name: string;
  readonly edits: readonly Edit[];
  /** The checks that mostly find it first. */
  readonly kills: readonly Code[];
}

interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export const mutants: readonly Mutant[] = [
  ...electionMutants,
  ...replicationMutants,
  ...membershipMutants,
  ...snapshotMutants,
  ...serviceMutants,
];
