import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Tally } from './campaign.ts';
import type { MarksVerdict } from './marks-file.ts';

/** All figures of a campaign. */
export interface Summary {
  readonly command: string;
  readonly seed: string;
  readonly processes: number;
  readonly seeds: number;
  readonly repeatedSeeds: number;
  readonly failures: number;
  readonly events: number;
  readonly simulatedHours: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly eventsPerSecond: number;
  readonly simulatedHoursPerCoreMinute: number;
  readonly faultCount: number;
  readonly faults: Readonly<Record<string, Counted>>;
  readonly marks: Readonly<Record<string, Counted>>;
  readonly neverMet: readonly string[];
}

interface Counted {
  readonly total: number;
  readonly seeds: number;
}

export interface About {
  readonly command: string;
  readonly seed: string;
  readonly processes: number;
}

export function summaryOf(tally: Tally, verdict: MarksVerdict, about: About): Summary {
  const { seconds, eventCount, cpuMs } = tally;
  const hours = tally.simulatedMs / 3_600_000;
  return {
    ...about,
    seeds: tally.seedCount,
    repeatedSeeds: tally.repeatedCount,
    failures: tally.failureCount,
    events: eventCount,
    simulatedHours: rounded(hours),
    seconds: rounded(seconds),
    cpuSeconds: rounded(cpuMs / 1000),
    eventsPerSecond: Math.round(eventCount / seconds),
    simulatedHoursPerCoreMinute: rounded(hoursPerCoreMinute(tally)),
    faultCount: [...tally.faults.values()].reduce((sum, count) => sum + count, 0),
    faults: counted(tally.faults, tally.seedsByFault),
    marks: counted(tally.marks, tally.seedsByMark),
    neverMet: [...verdict.missed.map(({ name }) => name), ...verdict.neverMet].sort(),
  };
}

/** By the time that the processors worked, so that other programs beside it do not count. */
export function hoursPerCoreMinute({ simulatedMs, cpuMs }: Tally): number {
  return cpuMs === 0 ? 0 : simulatedMs / 3_600_000 / (cpuMs / 60_000);
}

/** @throws RangeError unless the file is to be Markdown or JSON. */
export function checkSummaryName(target: string): void {
  if (/\.(md|json)$/.test(target)) return;
  throw new RangeError(`--summary must name a file that ends in .md or .json, not ${target}.`);
}

export async function writeSummary(summary: Summary, target: string): Promise<void> {
  const isJson = path.extname(target) === '.json';
  const text = isJson ? `${JSON.stringify(summary, undefined, 2)}\n` : markdownOf(summary);
  await writeFile(target, text);
}

function markdownOf(summary: Summary): string {
  const { faults, marks, neverMet } = summary;
  const figures: readonly (readonly [string, number])[] = [
    ['Seeds', summary.seeds],
    ['of them run twice', summary.repeatedSeeds],
    ['Failures', summary.failures],
    ['Events', summary.events],
    ['Simulated hours of clusters', summary.simulatedHours],
    ['Seconds', summary.seconds],
    ['Processes', summary.processes],
    ['Seconds of processors', summary.cpuSeconds],
    ['Events per second', summary.eventsPerSecond],
    ['Simulated hours per core-minute', summary.simulatedHoursPerCoreMinute],
    ['Faults', summary.faultCount],
  ];
  const lines = [
    `\`${summary.command}\``,
    '',
    '| What | How much |',
    '| --- | ---: |',
    ...figures.map(([name, value]) => `| ${name} | ${value.toLocaleString('en')} |`),
    ...tableOf('Fault', faults),
    ...tableOf('Mark', marks),
    '',
    `Never met: ${neverMet.length === 0 ? 'none' : neverMet.map((name) => `\`${name}\``).join(', ')}.`,
  ];
  return `${lines.join('\n')}\n`;
}

function tableOf(title: string, counts: Summary['faults']): readonly string[] {
  const rows = Object.entries(counts).map(
    ([name, { total, seeds }]) =>
      `| ${name} | ${total.toLocaleString('en')} | ${seeds.toLocaleString('en')} |`,
  );
  return ['', `| ${title} | Total | Seeds |`, '| --- | ---: | ---: |', ...rows];
}

function counted(
  totals: ReadonlyMap<string, number>,
  seeds: ReadonlyMap<string, number>,
): Readonly<Record<string, Counted>> {
  const names = [...totals.keys()].sort();
  return Object.fromEntries(
    names.map((name) => [name, { total: totals.get(name) ?? 0, seeds: seeds.get(name) ?? 0 }]),
  );
}

function rounded(value: number): number {
  return Number(value.toFixed(2));
}
