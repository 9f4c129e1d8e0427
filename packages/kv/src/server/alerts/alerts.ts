import type { RaftMetrics, Timer } from 'quorate';
import type { AlertSeverity, DiskStatus, KvAlert, KvAlertCode } from '../../types.ts';
import type { Health } from '../member/health.ts';
import type { MemberCalls } from '../member/member-calls.ts';
import { type MemberHost, messageOf } from '../member/node.ts';
import { AlertBook } from './alert-book.ts';
import type { Certificates } from './certificates.ts';
import { ClockWatch } from './clock-watch.ts';
import { ClusterWatch } from './cluster-watch.ts';
import type { DiskRoom, Room } from './disk-room.ts';
import { DiskSpeed } from './disk-speed.ts';
import { Exchange } from './exchange.ts';
import { alertOf, compareAlerts, keyOf } from './kinds.ts';
import { boundedAlerts, type LeaderNews, type MemberReport, roomsOf } from './member-reports.ts';
import { alertsOfPicture } from './picture-alerts.ts';
import { demandRoomFor, type Gate, gateOf, openGate, reasonOf, refusalOf } from './write-gate.ts';

export interface AlertsOptions {
  readonly version: string;
  readonly calls: Pick<MemberCalls, 'ask'>;
  readonly health: Pick<Health, 'alerts'>;
  readonly certificates: Certificates;
  /** Absent where there is no disk to look at. */
  readonly room: DiskRoom | undefined;
  /** How often the leader asks the others, in ms; a member looks at itself twice as often. */
  readonly everyMs: number;
  /** The time of day, in milliseconds, if there is a clock for that. */
  readonly wallClock: (() => number) | undefined;
}

/** How often a member looks at itself, as a share of `everyMs`. */
const usualShare = 0.5;
/** The same while a disk fills up quickly; the leader asks as often then. */
const closeLookShare = 0.1;
/** A leader without room tries so often to hand over, and to shorten its log by a snapshot. */
const handOverEveryMs = 10_000;
const snapshotEveryMs = 60_000;

/**
 * What somebody should know or do about this member and, as far as the leader says so, about the
 * others; and whether there is room for what clients want to add. Looks at everything again and
 * again, and writes to the log what begins and what is over.
 */
export class Alerts {
  readonly #host: MemberHost;
  readonly #options: AlertsOptions;
  readonly #book: AlertBook;
  #timer: Timer | undefined;
  readonly #speed: DiskSpeed;
  readonly #clock: ClockWatch;
  readonly #cluster = new ClusterWatch();
  readonly #exchange: Exchange;
  readonly #reported = new Map<string, KvAlert>();
  /** What this member says as the leader; empty while it does not lead. */
  #asLeader: readonly KvAlert[] = [];
  #gate: Gate = openGate;
  #askedAt = -Infinity;
  #handedOverAt = -Infinity;
  #snapshotAt = -Infinity;
  #leads = false;
  #isClosed = false;

  constructor(host: MemberHost, options: AlertsOptions) {
    const { name, runtime, logger } = host;
    this.#host = host;
    this.#options = options;
    this.#book = new AlertBook(logger);
    this.#speed = new DiskSpeed(name);
    this.#clock = new ClockWatch(name);
    this.#exchange = new Exchange({
      runtime,
      calls: options.calls,
      everyMs: options.everyMs,
      wallClock: options.wallClock,
      ownReport: () => this.#ownReport(),
      onReport: () => this.#lead(host.raft.metrics),
    });
    this.#look();
  }

  get disk(): DiskStatus | undefined {
    return this.#options.room?.status;
  }

  /** All that is known here, gravest first: of this member, and what the leader says of others. */
  all(picture: RaftMetrics): readonly KvAlert[] {
    const { name } = this.#host;
    const found = new Map(this.raised(picture).map((alert) => [keyOf(alert), alert]));
    const leads = picture.role === 'leader';
    const others = leads ? this.#ofOthers() : (this.#newsOf(picture)?.alerts ?? []);
    for (const alert of others) {
      // Of itself a member knows best; what only the leader can see of it, it takes from there.
      const isOwn = alert.member === name && !seenByLeader.has(alert.code);
      if (!isOwn && !found.has(keyOf(alert))) found.set(keyOf(alert), alert);
    }
    return [...found.values()].sort(compareAlerts);
  }

  /** What this member itself says, so that each alert is counted at one member only. */
  raised(picture: RaftMetrics): readonly KvAlert[] {
    const { health } = this.#options;
    const found = new Map<string, KvAlert>();
    const alerts = [...health.alerts(this.#host.name), ...this.#own(picture)];
    for (const alert of [...alerts, ...this.#asLeader]) {
      if (!found.has(keyOf(alert))) found.set(keyOf(alert), alert);
    }
    return [...found.values()].sort(compareAlerts);
  }

  /** Raises an alert that another part has found; one of the same code and member is replaced. */
  report(
    code: KvAlertCode,
    message: string,
    more: {
      readonly member?: string;
      readonly severity?: AlertSeverity;
      readonly advice?: string;
    } = {},
  ): void {
    const { member = this.#host.name, ...rest } = more;
    const alert = alertOf(code, member, message, rest);
    this.#reported.set(keyOf(alert), alert);
  }

  clear(code: KvAlertCode, member: string = this.#host.name): void {
    this.#reported.delete(keyOf({ code, member }));
  }

  /** The leader asks how this member is. @throws {KvError} `KV_INVALID` */
  hear(params: unknown): MemberReport {
    return this.#exchange.hear(params, this.#host.raft.metrics);
  }

  /**
   * @throws {KvError} `KV_LOW_SPACE` if the command adds something and the leader takes no more, as
   *   far as is known here.
   */
  demandRoomFor(command: Uint8Array): void {
    const gate = this.#gateNow;
    if (gate.refuses !== 'nothing') demandRoomFor(command, gate);
  }

  /** The same for what is in the log and no command. */
  demandRoomForRecord(): void {
    const gate = this.#gateNow;
    if (gate.refuses === 'everything') throw refusalOf(gate);
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  /** What the leader takes: this member, or the one that has told. */
  get #gateNow(): Gate {
    return this.#leads ? this.#gate : (this.#exchange.news?.gate ?? openGate);
  }

  /** A disk that does not answer holds up nothing else. */
  #look(): void {
    const { room, everyMs } = this.#options;
    const shareOfIt = room?.isFalling === true ? closeLookShare : usualShare;
    this.#timer = this.#host.runtime.setTimer(() => this.#look(), everyMs * shareOfIt);
    if (room === undefined || room.isLooking) this.#see();
    else void room.look().then(() => this.#see());
  }

  #see(): void {
    if (this.#isClosed) return;
    const { raft, runtime } = this.#host;
    const { wallClock } = this.#options;
    const [now, picture] = [runtime.now(), raft.metrics];
    if (wallClock !== undefined) this.#clock.look(now, wallClock());
    this.#speed.look(now, picture.latencies.persist);
    this.#lead(picture);
    this.#book.see(now, [...this.#own(picture), ...this.#asLeader]);
    this.#shortenLog(now, picture);
  }

  /** What a leader does: judges who has room, asks the others, and tells them. */
  #lead(picture: RaftMetrics): void {
    if (this.#isClosed) return;
    const { name, runtime } = this.#host;
    this.#leads = picture.role === 'leader';
    if (!this.#leads) {
      this.#gate = openGate;
      this.#asLeader = [];
      this.#askedAt = -Infinity;
      return;
    }
    const now = runtime.now();
    const { reports } = this.#exchange;
    const rooms = this.#rooms(reports);
    const gate = gateOf(name, picture.membership.voters, rooms);
    const hasChanged = gate.refuses !== this.#gate.refuses;
    const isFalling = [...rooms.values()].some((room) => room.isFalling === true);
    const everyMs = this.#options.everyMs * (isFalling ? closeLookShare : 1);
    this.#gate = gate;
    const { version } = this.#options;
    const seen = this.#cluster.look(now, picture, { version, reports });
    this.#asLeader = [...seen, ...this.#refusal()];
    if (hasChanged || now - this.#askedAt >= everyMs) {
      this.#askedAt = now;
      const others = Object.keys(picture.membership.nodes).filter((id) => id !== name);
      this.#exchange.ask(others, this.#newsToTell(picture));
    }
    if (gate.refuses !== 'nothing') this.#handOver(now, picture);
  }

  #refusal(): readonly KvAlert[] {
    if (this.#gate.refuses === 'nothing') return [];
    return [alertOf('writes-refused', this.#host.name, reasonOf(this.#gate))];
  }

  #rooms(reports: Exchange['reports']): ReadonlyMap<string, Room> {
    const rooms = roomsOf(reports);
    const own = this.#options.room?.room;
    if (own !== undefined) rooms.set(this.#host.name, own);
    return rooms;
  }

  /** If most of the others have room and this leader has not, one of them leads better. */
  #handOver(now: number, picture: RaftMetrics): void {
    const { name, raft, logger } = this.#host;
    const level = this.#options.room?.level ?? 'well';
    if (level === 'well' || now - this.#handedOverAt < handOverEveryMs) return;
    const { voters } = picture.membership;
    const rooms = this.#rooms(this.#exchange.reports);
    const isWell = (id: string): boolean => id !== name && rooms.get(id)?.level === 'well';
    if (!voters.every((config) => 2 * config.filter(isWell).length > config.length)) return;
    const furthest = [...(picture.progress ?? [])]
      .filter(([id]) => isWell(id) && (voters.at(-1) ?? []).includes(id))
      .sort(([, a], [, b]) => b.matchIndex - a.matchIndex)[0];
    if (furthest === undefined) return;
    this.#handedOverAt = now;
    const [to] = furthest;
    logger.warn({ to }, 'has too little room on its disk to lead, and hands over');
    raft.transferLeadership(to).catch((error: unknown) => {
      logger.warn({ to, error: messageOf(error) }, 'could not hand over; tries again');
    });
  }

  /** What a snapshot covers can go from the log, so that there is more room. */
  #shortenLog(now: number, { applied, snapshot, isRunning }: RaftMetrics): void {
    const { room } = this.#options;
    if (room === undefined || room.level === 'well' || !room.hasRoomForSnapshot) return;
    if (!isRunning || applied.index <= snapshot.index) return;
    if (now - this.#snapshotAt < snapshotEveryMs) return;
    this.#snapshotAt = now;
    const { raft, logger, signal } = this.#host;
    raft.takeSnapshot({ signal }).catch((error: unknown) => {
      logger.warn({ error: messageOf(error) }, 'could not shorten its log by a snapshot');
    });
  }

  #own(picture: RaftMetrics): readonly KvAlert[] {
    const { certificates, room, wallClock } = this.#options;
    return [
      ...alertsOfPicture(picture),
      ...this.#speed.alerts(),
      ...this.#clock.alerts(),
      ...(room?.alerts() ?? []),
      ...(wallClock === undefined ? [] : certificates.alerts(wallClock())),
      ...this.#reported.values(),
    ];
  }

  #ofOthers(): readonly KvAlert[] {
    return [...this.#exchange.reports.values()].flatMap(({ report }) => report.alerts);
  }

  /** Of the leader that is known now, and of no other. */
  #newsOf({ leader }: RaftMetrics): LeaderNews | undefined {
    const { news } = this.#exchange;
    return news?.leader === leader ? news : undefined;
  }

  #newsToTell(picture: RaftMetrics): LeaderNews {
    const alerts = boundedAlerts([...this.raised(picture), ...this.#ofOthers()]);
    return { leader: this.#host.name, term: picture.term, gate: this.#gate, alerts };
  }

  #ownReport(): MemberReport {
    const { version, room, wallClock, health } = this.#options;
    const { name, raft } = this.#host;
    const own = [...health.alerts(name), ...this.#own(raft.metrics)];
    return {
      version,
      ...(wallClock === undefined ? {} : { wallMs: wallClock() }),
      ...(room?.room === undefined ? {} : { room: room.room }),
      alerts: boundedAlerts(own),
    };
  }
}

/** What a member cannot know of itself. */
const seenByLeader: ReadonlySet<KvAlertCode> = new Set([
  'member-silent',
  'slow-member',
  'learner-behind',
  'clock-differs',
  'versions-differ',
  'state-differs',
]);
