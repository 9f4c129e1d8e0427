import type { KvStatus, MemberReport } from '../../client.ts';
import type { Column, Paint } from '../output.ts';
import { grouped } from './member-words.ts';
import { type ClusterPicture, healthOf, lagOf } from './status-report.ts';

/** What one member does. Absent is what it does not say. */
export interface RatesRow {
  readonly id: string;
  readonly role: string;
  readonly health: string;
  readonly term?: number;
  readonly changesPerSecond?: number;
  readonly readsPerSecond?: number;
  readonly commitMs?: number;
  readonly commitP50Ms?: number;
  readonly commitP99Ms?: number;
  readonly watchers?: number;
  readonly lag?: number;
  readonly keys?: number;
}

interface Look {
  readonly at: number;
  readonly statuses: ReadonlyMap<string, KvStatus>;
}

/** Compares what members say with what they said a moment ago. */
export class Rates {
  #before: Look | undefined;
  #now: Look | undefined;

  get hasBegun(): boolean {
    return this.#now !== undefined;
  }

  see(at: number, reports: readonly MemberReport[]): void {
    const statuses = new Map<string, KvStatus>();
    for (const { status } of reports) if (status !== undefined) statuses.set(status.member, status);
    this.#before = this.#now;
    this.#now = { at, statuses };
  }

  rows(picture: ClusterPicture): readonly RatesRow[] {
    return picture.reports.map((report) => {
      const { id = '?', status } = report;
      const health = healthOf(report, picture);
      if (status === undefined) return { id, role: '-', health };
      const { role, term, watchers, keys } = status;
      const lag = lagOf(picture, status);
      return { id, role, health, term, ...this.#ratesOf(status), watchers, lag, keys };
    });
  }

  #ratesOf(status: KvStatus): Partial<RatesRow> {
    const before = this.#before?.statuses.get(status.member);
    const { load } = status;
    const quantiles =
      load === undefined || status.role !== 'leader'
        ? {}
        : { commitP50Ms: load.commitP50Ms, commitP99Ms: load.commitP99Ms };
    if (before === undefined) return quantiles;
    const seconds = ((this.#now?.at ?? 0) - (this.#before?.at ?? 0)) / 1000;
    // Counts begin anew with a process.
    const perSecond = (now: number, then: number): number => Math.max(0, now - then) / seconds;
    return {
      changesPerSecond: perSecond(status.revision, before.revision),
      ...(load === undefined || before.load === undefined
        ? {}
        : { readsPerSecond: perSecond(load.reads, before.load.reads) }),
      ...commitOf(status, before),
      ...quantiles,
    };
  }
}

function commitOf({ load }: KvStatus, { load: before }: KvStatus): Partial<RatesRow> {
  if (load === undefined || before === undefined || load.commits <= before.commits) return {};
  return { commitMs: (load.commitMs - before.commitMs) / (load.commits - before.commits) };
}

export const ratesColumns: readonly Column[] = [
  'NAME',
  'ROLE',
  ...['TERM', 'CHANGES/S', 'READS/S', 'COMMIT', 'P50', 'P99', 'WATCHES', 'LAG', 'KEYS'].map(
    (name): Column => ({ name, align: 'right' }),
  ),
  'HEALTH',
];

export function ratesRows(rows: readonly RatesRow[], style: Paint): readonly (readonly string[])[] {
  return rows.map((row) => [
    row.id,
    row.role === 'leader' ? style.bold(row.role) : row.role,
    whole(row.term),
    whole(row.changesPerSecond),
    whole(row.readsPerSecond),
    milliseconds(row.commitMs),
    milliseconds(row.commitP50Ms),
    milliseconds(row.commitP99Ms),
    whole(row.watchers),
    whole(row.lag),
    whole(row.keys),
    row.health === 'well' ? style.green(row.health) : style.red(row.health),
  ]);
}

function whole(count: number | undefined): string {
  return count === undefined ? '-' : grouped(Math.round(count));
}

function milliseconds(ms: number | undefined): string {
  return ms === undefined ? '-' : `${ms < 10 ? ms.toFixed(2) : ms.toFixed(0)} ms`;
}
