/**
 * Draws the charts in docs/images from what benchmarks have printed: every line of the files that
 * is a benchmark's JSON. `--plot` of a benchmark does the same for its own figures. With
 * `--tables` it also prints the figures as a page has them.
 *
 *     npm run bench -- etcd | tee etcd.txt
 *     npm run bench -- plots etcd.txt [--into FOLDER] [--tables]
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { drawCharts } from './lib/charts.ts';
import { markdownOf } from './lib/markdown.ts';
import type { Report } from './lib/row.ts';

const { values, positionals } = parseArgs({
  options: {
    into: { type: 'string' },
    tables: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
if (positionals.length === 0) {
  console.error('Name the files with what benchmarks have printed: npm run bench -- plots FILE...');
  process.exitCode = 1;
}
for (const file of positionals) {
  const reports = readFileSync(file, 'utf8').split('\n').flatMap(reportIn);
  if (values.tables) console.log(reports.map(markdownOf).join('\n'));
  const drawn = reports.flatMap((report) => drawCharts(report, values.into));
  if (drawn.length > 0) console.log(drawn.join('\n'));
  else {
    console.error(`${file} has no figures of a benchmark that has charts.`);
    process.exitCode = 1;
  }
}

function reportIn(line: string): Report[] {
  if (!line.startsWith('{"name":')) return [];
  const read = JSON.parse(line) as Partial<Report>;
  return read.name === undefined || read.rows === undefined ? [] : [read as Report];
}
