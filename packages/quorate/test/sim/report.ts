import type { Tally } from './campaign.ts';
import { hoursPerCoreMinute } from './summary.ts';

const widest = 100;

/** Counts by name, in as many lines as they take. */
export function countLines(
  title: string,
  counts: ReadonlyMap<string, number>,
  seeds?: ReadonlyMap<string, number>,
): string[] {
  const parts = [...counts]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, count]) => {
      const inSeeds = seeds?.get(name);
      return `${name} ${count}${inSeeds === undefined ? '' : ` (${inSeeds})`}`;
    });
  const lines: string[] = [];
  let line = `${title}:`;
  for (const part of parts) {
    if (line.length + part.length + 2 > widest) {
      lines.push(line);
      line = ' ';
    }
    line += ` ${part};`;
  }
  return parts.length === 0 ? [`${title}: none`] : [...lines, line.replace(/;$/, '')];
}

/** How a campaign goes. */
export function progressLine(tally: Tally): string {
  const { seedCount, seconds, failureCount } = tally;
  const faults = [...tally.faults.values()].reduce((sum, count) => sum + count, 0);
  return (
    `${seconds.toFixed(0)} s: ${seedCount} seeds, ${(seedCount / seconds).toFixed(1)} a second, ` +
    `${hours(tally)} simulated hours, ${rate(tally)} events/s, ${faults} faults, ` +
    `${failureCount} failures`
  );
}

/** What a campaign came to. */
export function totalsLine(tally: Tally): string {
  const { seedCount, repeatedCount, eventCount, seconds } = tally;
  return (
    `${seedCount} seeds, ${repeatedCount} of them twice, ${eventCount.toLocaleString('en')} events, ` +
    `${hours(tally)} simulated hours in ${seconds.toFixed(1)} s: ${rate(tally)} events/s, ` +
    `${hoursPerCoreMinute(tally).toFixed(2)} simulated hours per core-minute`
  );
}

function hours({ simulatedMs }: Tally): string {
  return (simulatedMs / 3_600_000).toFixed(2);
}

function rate({ eventCount, seconds }: Tally): string {
  return Math.round(eventCount / seconds).toLocaleString('en');
}
