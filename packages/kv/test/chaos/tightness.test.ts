import { devNull } from 'node:os';
import { expect, test } from 'vitest';
import { Findings } from '../../../quorate/test/chaos/findings.ts';
import { KvError } from '../../src/client.ts';
import { Journal } from './journal.ts';

async function codesFound(use: (journal: Journal) => Promise<unknown>): Promise<readonly string[]> {
  const findings = new Findings();
  const journal = new Journal(devNull, findings);
  await use(journal);
  await journal.close();
  return findings.all.map(({ code }) => code);
}

function refuse(journal: Journal): Promise<{ readonly outcome: string }> {
  return journal.attempt('1', { type: 'put', key: 'k' }, () =>
    Promise.reject(new KvError('KV_LOW_SPACE', 'There is no room. Nothing was changed.')),
  );
}

test('a write that is refused for lack of room is well while there is little, and soon after', async () => {
  const codes = await codesFound(async (journal) => {
    journal.tightness.begin();
    expect(await refuse(journal)).toEqual({ outcome: 'refused' });
    journal.tightness.end();
    await refuse(journal);
    expect(journal.marks.get('refused for lack of room')).toBe(2);
  });

  expect(codes).toEqual([]);
});

test('a write that is refused for lack of room while there is enough is a finding', async () => {
  const codes = await codesFound(refuse);

  expect(codes).toEqual(['unexpected-error']);
});
