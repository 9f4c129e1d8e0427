// Loaded into a member that is to do wrong on purpose: changes what the program will use.

import { encodeCommand } from '../../src/protocol/commands.ts';
import { Alerts } from '../../src/server/alerts/alerts.ts';
import { MemberService } from '../../src/server/member/member-service.ts';
import { KvStore } from '../../src/store/store.ts';
import { type Breakage, breakageIn } from './breakages.ts';

/** Of so many, one is done wrong. */
const oneOf = 10;

const breakers: Readonly<Record<Breakage, () => void>> = {
  /** Reads ask nobody whether this member still leads, or knows all. */
  'stale-reads': () => {
    MemberService.prototype.barrier = () => Promise.resolve();
  },
  /** Watches do not tell every tenth revision. */
  'skipped-changes': () => {
    const { changesAt } = KvStore.prototype;
    KvStore.prototype.changesAt = function skipping(this: KvStore, revision) {
      return revision % oneOf === 0 ? undefined : changesAt.call(this, revision);
    };
  },
  /** Every tenth write goes into the log twice. */
  'blind-repeats': () => {
    const { write } = MemberService.prototype;
    let count = 0;
    MemberService.prototype.write = async function repeating(
      this: MemberService,
      command,
      context,
    ) {
      count += 1;
      const { session: _, ...blind } = context;
      if (count % oneOf === 0) await write.call(this, command, blind);
      return write.call(this, command, context);
    };
  },
  /** What a backup is restored to lacks a key. */
  'lossy-restores': () => {
    if (process.env['QUORATE_CHAOS_RESTORED'] !== '1') return;
    const { restore } = KvStore.prototype;
    KvStore.prototype.restore = async function losing(this: KvStore, ...args) {
      await restore.call(this, ...args);
      const { kvs } = this.range({ key: Buffer.of(0), end: Buffer.of(0) });
      // Those of leases go by themselves.
      const lost = kvs.findLast(({ lease }) => lease === 0);
      if (lost !== undefined) this.apply(encodeCommand([{ type: 'delete', key: lost.key }]));
    };
  },
  /** A write that is refused for lack of room is done all the same. */
  'leaky-refusals': () => {
    const { write } = MemberService.prototype;
    const { demandRoomFor } = Alerts.prototype;
    let refusal: Error | undefined;
    Alerts.prototype.demandRoomFor = function noting(this: Alerts, command) {
      try {
        demandRoomFor.call(this, command);
      } catch (error) {
        refusal = error as Error;
      }
    };
    MemberService.prototype.write = async function leaking(this: MemberService, ...args) {
      refusal = undefined;
      const writing = write.call(this, ...args);
      // It is asked for room before the call returns.
      const refused = refusal as Error | undefined;
      const response = await writing;
      if (refused !== undefined) throw refused;
      return response;
    };
  },
};

const breakage = breakageIn(process.env);
if (breakage !== undefined) breakers[breakage]();
