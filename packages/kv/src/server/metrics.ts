import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Latency, RaftMetrics } from 'quorate';

import type { BackupFigures } from '../backup/schedule.ts';
import type { KvAlert } from '../types.ts';
import type { RequestMetrics } from './http/options.ts';
import type { KvStatus } from './service.ts';

/** Where the figures come from, each time that somebody asks. */
export interface MetricsSource {
  status(): KvStatus;
  raft(): RaftMetrics;
  /** What this member itself raises, so that each is counted once. */
  alerts(): readonly KvAlert[];
  /** How scheduled backups go, if there are any. */
  backups?(): BackupFigures | undefined;
}

interface Picture {
  readonly backups: BackupFigures | undefined;
  readonly status: KvStatus;
  readonly raft: RaftMetrics;
  readonly alerts: readonly KvAlert[];
}

type Figure = readonly [name: string, help: string, read: (picture: Picture) => number];

/** What goes up and down. */
const gauges: readonly Figure[] = [
  ['quorate_term', 'Term of this member', ({ raft }) => raft.term],
  ['quorate_is_leader', '1 if this member leads', ({ raft }) => Number(raft.role === 'leader')],
  ['quorate_has_leader', '1 if a leader is known', ({ raft }) => Number(raft.leader !== undefined)],
  ['quorate_is_voter', '1 if this member votes', ({ raft }) => Number(raft.role !== 'learner')],
  [
    'quorate_is_serving',
    '0 once the member has taken itself out of service',
    ({ status }) => Number(status.isServing),
  ],
  ['quorate_members', 'Members of the cluster', ({ status }) => status.members.length],
  ['quorate_log_last_index', 'Last entry of the log', ({ raft }) => raft.last.index],
  ['quorate_log_durable_index', 'Last entry on the disk', ({ raft }) => raft.durable.index],
  ['quorate_log_committed_index', 'Last committed entry', ({ raft }) => raft.committed.index],
  ['quorate_log_applied_index', 'Last applied entry', ({ raft }) => raft.applied.index],
  ['quorate_log_snapshot_index', 'Last entry of the snapshot', ({ raft }) => raft.snapshot.index],
  ['quorate_log_purged_index', 'Last entry that was removed', ({ raft }) => raft.purged.index],
  ['quorate_revision', 'Newest revision of the store', ({ status }) => status.revision],
  [
    'quorate_compacted_revision',
    'Revision up to which the past was forgotten',
    ({ status }) => status.compactedRevision,
  ],
  ['quorate_keys', 'Keys in the store', ({ status }) => status.keys],
  ['quorate_leases', 'Leases in the store', ({ status }) => status.leases],
  ['quorate_watchers', 'Watches of this member', ({ status }) => status.watchers],
  ['quorate_sessions', 'Sessions of the cluster', ({ raft }) => raft.sessions.open],
  ['quorate_session_bytes', 'Kept answers of sessions', ({ raft }) => raft.sessions.bytes],
  ['quorate_waiting_writes', 'Writes without an answer', ({ raft }) => raft.waiting.writes],
  ['quorate_waiting_write_bytes', 'Their bytes', ({ raft }) => raft.waiting.writeBytes],
  ['quorate_waiting_reads', 'Reads that wait', ({ raft }) => raft.waiting.reads],
  ['quorate_open_calls', 'Unanswered calls to other members', ({ raft }) => raft.waiting.calls],
  [
    'quorate_disk_silent_seconds',
    'How long the disk has owed an answer',
    ({ raft }) => raft.diskSilentMs / 1000,
  ],
  [
    'quorate_quorum_contact_seconds',
    'On the leader: the age of the last call that a quorum has answered',
    ({ raft }) => (raft.quorumContactMs ?? 0) / 1000,
  ],
  [
    'quorate_backup_last_success_timestamp_seconds',
    'When the newest verified backup of this member was made; 0 if there is none',
    ({ backups }) => (backups?.lastAt ?? 0) / 1000,
  ],
  [
    'quorate_backup_last_duration_seconds',
    'How long that took, with its verification',
    ({ backups }) => (backups?.lastDurationMs ?? 0) / 1000,
  ],
  ['quorate_backup_last_bytes', 'Its bytes', ({ backups }) => backups?.lastBytes ?? 0],
  ['quorate_backup_last_revision', 'Its revision', ({ backups }) => backups?.lastRevision ?? 0],
  ['quorate_problems', 'Things that are wrong', ({ status }) => status.problems.length],
  [
    'quorate_disk_free_bytes',
    'Room on the disk of the data directory',
    ({ status }) => status.disk?.freeBytes ?? 0,
  ],
  [
    'quorate_disk_low_bytes',
    'With less room than this the disk is low',
    ({ status }) => status.disk?.lowBytes ?? 0,
  ],
  ['quorate_log_bytes', 'Files of the log', ({ status }) => status.disk?.logBytes ?? 0],
  ['quorate_snapshot_bytes', 'Files of snapshots', ({ status }) => status.disk?.snapshotBytes ?? 0],
];

/** What only goes up, while the process lives. */
const counters: readonly Figure[] = [
  ['quorate_elections_total', 'Elections that it stood in', ({ raft }) => raft.counts.elections],
  ['quorate_leader_changes_total', 'New leaders', ({ raft }) => raft.counts.leaderChanges],
  ['quorate_appends_sent_total', 'Appends sent', ({ raft }) => raft.counts.appendsSent],
  ['quorate_entries_sent_total', 'Entries sent', ({ raft }) => raft.counts.entriesSent],
  ['quorate_heartbeats_sent_total', 'Heartbeats sent', ({ raft }) => raft.counts.heartbeatsSent],
  ['quorate_appends_received_total', 'Appends taken', ({ raft }) => raft.counts.appendsReceived],
  ['quorate_entries_received_total', 'Entries taken', ({ raft }) => raft.counts.entriesReceived],
  [
    'quorate_heartbeats_received_total',
    'Heartbeats taken',
    ({ raft }) => raft.counts.heartbeatsReceived,
  ],
  ['quorate_calls_unanswered_total', 'Lost calls', ({ raft }) => raft.counts.callsUnanswered],
  ['quorate_snapshots_built_total', 'Snapshots built', ({ raft }) => raft.counts.snapshotsBuilt],
  ['quorate_snapshots_sent_total', 'Snapshots sent', ({ raft }) => raft.counts.snapshotsSent],
  [
    'quorate_snapshots_received_total',
    'Snapshots taken from the leader',
    ({ raft }) => raft.counts.snapshotsReceived,
  ],
  ['quorate_snapshots_failed_total', 'Lost snapshots', ({ raft }) => raft.counts.snapshotsFailed],
  ['quorate_backups_total', 'Verified backups', ({ backups }) => backups?.made ?? 0],
  ['quorate_backup_failures_total', 'Failed backups', ({ backups }) => backups?.failures ?? 0],
  ['quorate_sessions_expired_total', 'Sessions ended', ({ raft }) => raft.sessions.expired],
  ['quorate_sessions_refused_total', 'Session writes refused', ({ raft }) => raft.sessions.refused],
];

/** In seconds; requests take between a tenth of a millisecond and the deadline. */
const buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The metrics of one member, as Prometheus reads them. */
export class KvMetrics implements RequestMetrics {
  #source: MetricsSource | undefined;
  readonly #registry = new Registry();
  readonly #requests: Histogram;
  readonly #running: Gauge;
  readonly #gauges: readonly (readonly [Gauge, Figure[2]])[];
  readonly #counters: readonly (readonly [Counter, Figure[2]])[];
  readonly #stages: RaftStages;
  readonly #refused: Counter;
  readonly #lags: Gauge;
  readonly #alerts: Gauge;
  readonly #store: Gauge;

  constructor({ ofProcess = true }: { readonly ofProcess?: boolean } = {}) {
    const registers = [this.#registry];
    if (ofProcess) collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Histogram({
      name: 'quorate_http_request_seconds',
      help: 'HTTP requests by operation, and by OK or the code of the error',
      labelNames: ['operation', 'code'],
      buckets,
      registers,
    });
    this.#running = new Gauge({
      name: 'quorate_http_running',
      help: 'HTTP requests without an answer, and watches',
      registers,
    });
    this.#gauges = gauges.map(([name, help, read]) => [new Gauge({ name, help, registers }), read]);
    this.#counters = counters.map(([name, help, read]) => [
      new Counter({ name, help, registers }),
      read,
    ]);
    this.#stages = new RaftStages(registers);
    this.#refused = new Counter({
      name: 'quorate_refused_total',
      help: 'What the node refused, by reason',
      labelNames: ['reason'],
      registers,
    });
    this.#lags = new Gauge({
      name: 'quorate_follower_lag_entries',
      help: 'On the leader: entries that a member lacks',
      labelNames: ['member'],
      registers,
    });
    this.#alerts = new Gauge({
      name: 'quorate_alert',
      help: '1 for each alert that this member raises, of itself or, as the leader, of another one',
      labelNames: ['code', 'about', 'severity'],
      registers,
    });
    this.#store = new Gauge({
      name: 'quorate_store_info',
      help: '1, with where the pairs of this member are',
      labelNames: ['store'],
      registers,
    });
  }

  /** From now on there is a member; before, only the process and its requests can be told of. */
  follow(source: MetricsSource): void {
    this.#source = source;
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  began(): void {
    this.#running.inc();
  }

  answered(operation: string, code: string, seconds: number): void {
    this.#running.dec();
    this.#requests.observe({ operation, code }, seconds);
  }

  text(): Promise<string> {
    const source = this.#source;
    if (source !== undefined) {
      const [status, raft, alerts] = [source.status(), source.raft(), source.alerts()];
      this.#draw({ status, raft, alerts, backups: source.backups?.() });
    }
    return this.#registry.metrics();
  }

  #draw(picture: Picture): void {
    for (const [gauge, read] of this.#gauges) gauge.set(read(picture));
    for (const [counter, read] of this.#counters) setTotal(counter, read(picture));
    const { latencies, counts, progress } = picture.raft;
    this.#stages.draw(Object.entries(latencies));
    this.#refused.reset();
    for (const [reason, count] of Object.entries(counts.refused)) {
      this.#refused.inc({ reason }, count);
    }
    this.#lags.reset();
    for (const [member, { lag }] of progress ?? []) this.#lags.set({ member }, lag);
    const { store = 'memory' } = picture.status;
    this.#store.set({ store }, 1);
    this.#alerts.reset();
    for (const { code, member, severity } of picture.alerts) {
      this.#alerts.set({ code, about: member, severity }, 1);
    }
  }
}

/** Where the time of a write goes, from the histograms that the node keeps itself. */
class RaftStages {
  readonly #count: Counter;
  readonly #total: Counter;
  readonly #quantiles: Gauge;

  constructor(registers: readonly Registry[]) {
    const labelNames = ['stage'];
    const shared = { labelNames, registers: [...registers] };
    this.#count = new Counter({
      ...shared,
      name: 'quorate_stage_count_total',
      help: 'How often a stage was passed: persist, replicate, commit or apply',
    });
    this.#total = new Counter({
      ...shared,
      name: 'quorate_stage_seconds_total',
      help: 'How long it took, all together',
    });
    this.#quantiles = new Gauge({
      ...shared,
      name: 'quorate_stage_quantile_seconds',
      help: 'How long it took at most in a share of the cases, since the start',
      labelNames: ['stage', 'quantile'],
    });
  }

  draw(latencies: readonly (readonly [string, Latency])[]): void {
    this.#count.reset();
    this.#total.reset();
    for (const [stage, { count, totalMs, p50Ms, p99Ms, maxMs }] of latencies) {
      this.#count.inc({ stage }, count);
      this.#total.inc({ stage }, totalMs / 1000);
      this.#quantiles.set({ stage, quantile: '0.5' }, p50Ms / 1000);
      this.#quantiles.set({ stage, quantile: '0.99' }, p99Ms / 1000);
      this.#quantiles.set({ stage, quantile: '1' }, maxMs / 1000);
    }
  }
}

/** A counter that somebody else counts. */
function setTotal(counter: Counter, total: number): void {
  counter.reset();
  counter.inc(total);
}
