import { type Bounds, defaultBounds } from './bounds.ts';

/** A set of bounds with a name. */
export interface Space {
  readonly name: string;
  readonly bounds: Bounds;
}

function space(name: string, bounds: Partial<Bounds>): Space {
  return { name, bounds: { ...defaultBounds, ...bounds } };
}

/** Together some seconds, and to the end, whenever the tests run. */
export const smallSpaces: readonly Space[] = [
  space('small-elections', { elections: 2, proposals: 0 }),
  space('small-pre-vote', { elections: 2, proposals: 0, preVote: true, disk: 'instant' }),
  space('small-crash', { elections: 1, proposals: 1, crashes: 1, durableStateMachine: true }),
  space('small-logs', { elections: 2, proposals: 1, batch: 1, disk: 'instant' }),
  space('small-beat', { elections: 2, proposals: 0, beats: 1, disk: 'instant' }),
  space('small-network', { elections: 1, proposals: 1, duplicates: 1, timeouts: 1 }),
  space('small-leave', { elections: 1, proposals: 0, changes: 1 }),
  space('small-join', { voters: 2, elections: 1, proposals: 0, changes: 1 }),
];

/** As large as can be gone through to the end in a few minutes each, on one core. */
export const fullSpaces: readonly Space[] = [
  space('full-crash', { elections: 2, proposals: 1, crashes: 1 }),
  space('full-pre-vote', { elections: 2, proposals: 1, preVote: true }),
  space('full-change', { elections: 2, proposals: 1, changes: 1, disk: 'instant' }),
  space('full-change-crash', {
    elections: 2,
    proposals: 0,
    changes: 1,
    crashes: 1,
    disk: 'instant',
  }),
  space('full-terms', { elections: 3, proposals: 1, disk: 'instant' }),
  space('full-beat', { elections: 2, proposals: 1, beats: 1, disk: 'instant' }),
  space('full-commands', { elections: 2, proposals: 2, disk: 'instant' }),
];

/** As much of each as there is time for. */
export const largeSpaces: readonly Space[] = [
  space('large', { elections: 2, proposals: 2, changes: 1, crashes: 1 }),
  space('large-pre-vote', {
    elections: 2,
    proposals: 2,
    changes: 1,
    crashes: 1,
    preVote: true,
  }),
  space('large-any-change', {
    voters: 2,
    elections: 2,
    proposals: 1,
    changes: 1,
    change: 'any',
    disk: 'instant',
  }),
  space('large-terms', { elections: 3, proposals: 1, beats: 1, disk: 'instant' }),
];
