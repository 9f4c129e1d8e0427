import { expect, test } from 'vitest';

import { addCounts, countReport, noCounts, summaryLine } from '../../tools/test-counts.ts';

test('the summary is one line, and names skipped tests only when there are any', () => {
  expect(summaryLine({ passed: 12, failed: 0, skipped: 0 })).toBe('12 passed, 0 failed');
  expect(summaryLine({ passed: 1, failed: 2, skipped: 3 })).toBe('1 passed, 2 failed, 3 skipped');
});

test('a file that fails before its first test counts as one failure', () => {
  const counts = countReport({
    numPassedTests: 2,
    numFailedTests: 1,
    numPendingTests: 1,
    numTodoTests: 1,
    testResults: [
      { status: 'passed', assertionResults: [{ status: 'passed' }, { status: 'passed' }] },
      { status: 'failed', assertionResults: [{ status: 'failed' }] },
      { status: 'failed', assertionResults: [] },
    ],
  });

  expect(counts).toEqual({ passed: 2, failed: 2, skipped: 2 });
});

test('counts of parts add up', () => {
  const counts = { passed: 1, failed: 2, skipped: 3 };

  expect(addCounts(counts, noCounts)).toEqual(counts);
  expect(addCounts(counts, counts)).toEqual({ passed: 2, failed: 4, skipped: 6 });
});
