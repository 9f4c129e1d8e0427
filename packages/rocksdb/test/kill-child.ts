// The program of `kill.process.test.ts`: counts in batches for as long as it lives, restores its
// own snapshot now and then, and says on stdout what it has done.

import { writeSync } from 'node:fs';
import { RocksStateMachine } from '@quorate/rocksdb';
import type { LibraryRecord } from 'quorate';
import { countingOptions, recordsOf } from './counting.ts';
import { contentOf, meta, streamOf } from './words.ts';

const batchesBetweenRestores = 10;

const machine = await RocksStateMachine.open(process.argv[2] ?? '', countingOptions);
let { applied, restored } = await recordsOf(machine);
for (let batches = 1; ; batches += 1) {
  const batch = Array.from({ length: 1 + (applied % 5) }, (_, at) => ({
    logId: { term: 1, index: applied + at + 1 },
    command: 'count' as const,
  }));
  const responses = await machine.apply(batch, (counts) => [record('applied', counts.at(-1) ?? 0)]);
  applied = responses.at(-1) ?? 0;
  writeSync(1, `${JSON.stringify({ count: applied })}\n`);
  if (batches % batchesBetweenRestores !== 0) continue;
  await machine.restore(streamOf(await contentOf(machine)), meta, [
    record('applied', applied),
    record('restored', restored + 1),
  ]);
  restored += 1;
  writeSync(1, `${JSON.stringify({ restored })}\n`);
}

function record(key: string, value: number): LibraryRecord {
  return { key, value: Buffer.from(`${value}`) };
}
