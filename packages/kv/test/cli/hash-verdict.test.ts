import { expect, test } from 'vitest';

import { type MemberHash, verdictOf } from '../../src/cli/commands/hash-command.ts';

function at(member: string, revision: number, hash: string): MemberHash {
  return { member, revision, hash };
}

const silent: MemberHash = { member: 'c', problem: 'cannot be reached' };

test.each([
  ['same', [at('a', 5, 'x'), at('b', 5, 'x')]],
  ['same', [at('a', 5, 'x')]],
  ['differ', [at('a', 5, 'x'), at('b', 5, 'y'), at('c', 6, 'z')]],
  ['differ', [at('a', 5, 'x'), at('b', 5, 'y'), silent]],
  ['incomparable', [at('a', 5, 'x'), at('b', 6, 'x')]],
  ['unanswered', [at('a', 5, 'x'), at('b', 5, 'x'), silent]],
  ['unanswered', [at('a', 5, 'x'), at('b', 6, 'y'), silent]],
] as const)('the verdict is "%s" on %j', (verdict, hashes) => {
  expect(verdictOf(hashes)).toBe(verdict);
});
