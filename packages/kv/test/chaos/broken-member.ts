// Loaded into a member that is to do wrong on purpose: changes what the program will use.

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
};

const breakage = breakageIn(process.env);
if (breakage !== undefined) breakers[breakage]();
