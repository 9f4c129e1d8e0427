import type { ChannelContext } from 'quorate/network/tcp';
import { KvError } from '../../errors.ts';
import type { KvStore } from '../../store/store.ts';
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
import type { MemberHost } from './node.ts';
import type { Opened } from './opening.ts';
import type { MemberSettings } from './options.ts';
import { StateChecks } from './state-checks.ts';

/** What the state machine tells of what it has applied. */
export interface StoreParts {
  readonly store: KvStore;
  readonly hub: WatchHub;
  readonly clock: LeaseClock;
  readonly marks: Marks;
}

/** What a member is made of above its node and its store. */
export interface MemberParts {
  readonly health: Health;
  readonly calls: MemberCalls;
  readonly leadership: Leadership;
  readonly service: MemberService;
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
    runtime,
    tls,
    dialer: sockets?.dialer,
    callTimeoutMs: config.callTimeoutMs ?? 1000,
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
  const leases = new LeaseCalls({ raft, store, clock, calls, leadership });
  const scheme = tls === undefined ? 'tcp' : 'tls';
  const checks = new StateChecks(host, {
    ...{ everyMs: hashCheckMs, marks, leadership, calls, health, onWrong: leaveService },
  });
  const handler = memberHandler({
    leases,
    hashAt: (index) => checks.answer(index),
    transferLeadership: (to, signal) => raft.transferLeadership(to, { signal }),
    demandMember: (context) => demandMember(host, settings, context),
  });
  opened.server.handle(memberChannelName, handler);
  return {
    health,
    calls,
    leadership,
    service: new MemberService({
      ...{ raft, store, hub, leases, leadership, calls, health, limits, scheme },
    }),
    checks,
    compaction: new Compaction(host, { policy: settings.compaction, store, leadership }),
  };
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
