import type { ChannelContext } from 'quorate/network/tcp';
import { KvError } from '../../errors.ts';
import { Alerts } from '../alerts/alerts.ts';
import { Certificates } from '../alerts/certificates.ts';
import { DiskRoom } from '../alerts/disk-room.ts';
import { measurerOf } from '../alerts/measure-disk.ts';
import type { LeaseClock } from '../leases/lease-clock.ts';
import type { WatchHub } from '../watch/hub.ts';
import { Compaction } from './compaction.ts';
import { Health } from './health.ts';
import { Leadership } from './leadership.ts';
import { LeaseCalls } from './lease-calls.ts';
import type { Marks } from './marks.ts';
import { MemberCalls, memberChannelName } from './member-calls.ts';
import { memberHandler } from './member-channel.ts';
import { MemberService } from './member-service.ts';
import { MembershipCalls } from './membership.ts';
import type { MemberHost } from './node.ts';
import type { Opened } from './opening.ts';
import type { MemberSettings } from './options.ts';
import { OwnSession } from './own-session.ts';
import type { ServedStore } from './served-store.ts';
import { Snapshotting } from './snapshotting.ts';
import { StateChecks } from './state-checks.ts';
import { packageVersion } from './status.ts';

/** What the library has for `maxPendingBytes`. */
const defaultPendingBytes = 64 * 1024 * 1024;

/** What the state machine tells of what it has applied. */
export interface StoreParts {
  readonly store: ServedStore;
  readonly hub: WatchHub;
  readonly clock: LeaseClock;
  readonly marks: Marks;
}

/** What a member is made of above its node and its store. */
export interface MemberParts {
  readonly health: Health;
  readonly alerts: Alerts;
  readonly calls: MemberCalls;
  readonly leadership: Leadership;
  readonly service: MemberService;
  readonly own: OwnSession;
  readonly snapshots: Snapshotting;
  readonly checks: StateChecks;
  readonly compaction: Compaction;
}

/** Puts the parts together, and lets the other members ask this one. */
export function makeParts(
  host: MemberHost,
  { settings, opened }: { readonly settings: MemberSettings; readonly opened: Opened },
  { store, hub, clock, marks }: StoreParts,
  leaveService: (reason: KvError) => void,
): MemberParts {
  const { raft, runtime, logger } = host;
  const { tls, sockets, limits, hashCheckMs, config } = settings;
  const health = new Health(logger);
  const calls = new MemberCalls({
    ...{ runtime, tls, dialer: sockets?.dialer, callTimeoutMs: config.callTimeoutMs ?? 1000 },
    nodes: () => raft.metrics.membership.nodes,
  });
  const leadership = new Leadership(host, {
    lead: () => clock.lead(),
    follow: () => clock.follow(),
    looked: ({ membership }) => calls.follow(membership.nodes),
    ended: ({ fatal }) => {
      if (fatal !== undefined) leaveService(new KvError('KV_UNHEALTHY', fatal.message));
    },
  });
  const alerts = makeAlerts(host, { settings, opened }, { health, calls });
  const leases = new LeaseCalls({ raft, store, clock, calls, leadership });
  const scheme = tls === undefined ? 'tcp' : 'tls';
  const checks = new StateChecks(host, {
    ...{ everyMs: hashCheckMs, marks, leadership, calls, health, onWrong: leaveService },
  });
  const membership = new MembershipCalls({ raft, runtime, leadership, calls, scheme });
  const handler = memberHandler({
    leases,
    membership,
    hashAt: (index) => checks.answer(index),
    report: (news) => alerts.hear(news),
    transferLeadership: (to, signal) => raft.transferLeadership(to, { signal }),
    demandMember: (context) => demandMember(host, settings, context),
  });
  opened.server.handle(memberChannelName, handler);
  const { wallClock } = settings;
  const compareStates = (signal: AbortSignal): Promise<void> => checks.compareNow(signal);
  const snapshots = new Snapshotting({ raft, store, health, compareStates, runtime, wallClock });
  const own = new OwnSession(host, config);
  return {
    health,
    alerts,
    calls,
    leadership,
    own,
    service: new MemberService({
      ...{ raft, own, store, hub, leases, leadership, calls },
      ...{ membership, health, alerts, limits, scheme, snapshots },
      storeKind: settings.store,
    }),
    snapshots,
    checks,
    compaction: new Compaction(host, { policy: settings.compaction, store, leadership }),
  };
}

/** The disk is looked at where the member has opened it by itself. */
function makeAlerts(
  host: MemberHost,
  { settings, opened }: { readonly settings: MemberSettings; readonly opened: Opened },
  { health, calls }: Pick<MemberParts, 'health' | 'calls'>,
): Alerts {
  const { directory, disk, config, tls, wallClock, storage, alertCheckMs: everyMs } = settings;
  const room =
    storage !== undefined
      ? undefined
      : new DiskRoom({
          member: host.name,
          now: () => host.runtime.now(),
          measure: measurerOf(directory, disk.freeBytes),
          isLogLow: () => opened.storage.log.isLow === true,
          lowBytes: disk.lowBytes,
          segmentBytes: disk.segmentBytes,
          pendingBytes: config.maxPendingBytes ?? defaultPendingBytes,
        });
  const certificates = new Certificates(host.name, tls);
  const version = packageVersion();
  return new Alerts(host, { version, calls, health, certificates, room, everyMs, wallClock });
}

/** With ids tied to certificates, only a member may ask what members ask. */
function demandMember(
  { raft }: MemberHost,
  { tls }: MemberSettings,
  { peer: { certificateNames } }: ChannelContext,
): void {
  const { nodeNames } = tls ?? {};
  if (nodeNames === undefined) return;
  const isOne = (id: string): boolean =>
    nodeNames === 'certificate' ? certificateNames.includes(id) : nodeNames(id, certificateNames);
  if (Object.keys(raft.metrics.membership.nodes).some(isOne)) return;
  const names = certificateNames.join(', ');
  throw new KvError('KV_INVALID', `Only members may ask that; the certificate says ${names}.`);
}
