/**
 * What more costs, with three nodes in three processes, durable logs and TCP between them, unless
 * said otherwise; closed-loop writers in the leader's process:
 *
 * - `log`: throughput and memory while the log grows from 10 k to 10 M entries, and restarts;
 * - `members`: from 1 to 7 of them, all on this machine;
 * - `values`: from 16 bytes to 1 MiB;
 * - `catch-up`: a follower that missed a million entries, and the leader's throughput meanwhile.
 *
 *     npm run bench -- scale [--part log] [--entries 10000000] [--missed 1000000] [--rounds 3]
 */
import { parseArgs } from 'node:util';
import { fileSystemOf, withFolder } from './lib/folder.ts';
import { report } from './lib/report.ts';
import type { Row } from './lib/row.ts';
import { measureCatchUp } from './lib/scale/catch-up.ts';
import { measureValues } from './lib/scale/larger-values.ts';
import { measureLogGrowth } from './lib/scale/log-growth.ts';
import { measureMembers } from './lib/scale/more-members.ts';
import type { ScaleOptions } from './lib/scale/scale-options.ts';
import { repeatCount } from './lib/try-again.ts';
import { readWire } from './lib/wire.ts';

const parts: Readonly<Record<string, (options: ScaleOptions) => Promise<Row[]>>> = {
  log: measureLogGrowth,
  members: measureMembers,
  values: measureValues,
  'catch-up': measureCatchUp,
};

const { values } = parseArgs({
  options: {
    part: { type: 'string', multiple: true, default: Object.keys(parts) },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    entries: { type: 'string', default: '10000000' },
    measured: { type: 'string', default: '100000' },
    missed: { type: 'string', default: '1000000' },
    members: { type: 'string', multiple: true, default: ['1', '2', '3', '4', '5', '6', '7'] },
    wire: { type: 'string', default: 'tcp' },
    folder: { type: 'string' },
    plot: { type: 'boolean', default: false },
  },
});

for (const part of values.part) {
  const measure = parts[part];
  if (measure === undefined) {
    const known = Object.keys(parts).join(', ');
    throw new RangeError(`--part must be one of ${known}; it is "${part}".`);
  }
  await withFolder(`scale-${part}`, values.folder, async (folder) => {
    const wire = readWire(values.wire);
    const rows = await measure({
      folder,
      wire,
      rounds: Number(values.rounds),
      seconds: Number(values.seconds),
      entries: Number(values.entries),
      measured: Number(values.measured),
      missed: Number(values.missed),
      members: values.members.map(Number),
    });
    const about = {
      wire,
      fileSystem: await fileSystemOf(folder),
      'measured again': String(repeatCount()),
    };
    report(`scale-${part}`, rows, { about, plot: values.plot });
  });
}
