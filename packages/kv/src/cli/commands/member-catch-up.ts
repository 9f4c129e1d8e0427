import { setTimeout as sleep } from 'node:timers/promises';

import type { KvClient, MemberReport } from '../../client.ts';
import type { CliContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliFailure } from '../failure.ts';
import { note, plural } from '../output.ts';
import { type Progress, progressBar } from '../progress.ts';
import { grouped, hostPort, serveLine } from './member-words.ts';

export interface CatchUpOptions {
  /** The member that is to catch up. */
  readonly id: string;
  readonly waitMs: number;
  /** What to do to go on later, after `To go on, `. */
  readonly again: string;
}

/** Few enough, so that the rest comes while the voters are changed; members ask for the same. */
const closeEnough = 1000;
const lookEveryMs = 300;
/** Before it is said that nobody answers there, which is so while a process starts. */
const silenceMs = 1500;

/**
 * Waits until the member has what the leader has, and draws how far it is. Who is no member, or
 * a voter already, is for the cluster to judge.
 *
 * @throws {CliFailure} if it is not there in time; says how far behind it is.
 */
export async function awaitCaughtUp(
  context: CliContext,
  client: KvClient,
  { id, waitMs, again }: CatchUpOptions,
): Promise<void> {
  const { signal } = context;
  const startedAt = performance.now();
  const drawing = new Drawing(context, id);
  let hasSaid = false;
  for (;;) {
    const reports = await client.statusOfAll({ signal });
    const place = placeOf(reports, id);
    if (place === undefined || place.type === 'close') return drawing.done();
    if (place.type === 'behind') drawing.draw(place);
    const waitedMs = performance.now() - startedAt;
    if (place.type === 'silent' && !hasSaid && waitedMs > silenceMs) {
      hasSaid = true;
      note(context, `${id} does not answer yet (${place.reason}) Waiting for it; it is started by`);
      note(context, `  ${serveLine({ id, address: place.address }, place.members)}`);
    }
    if (waitedMs > waitMs) {
      drawing.fail();
      throw tooSlow({ id, waitMs, again }, place);
    }
    await sleep(lookEveryMs, undefined, { signal });
  }
}

type Place =
  | { readonly type: 'close' }
  | { readonly type: 'behind'; readonly applied: number; readonly last: number }
  | {
      readonly type: 'silent';
      readonly reason: string;
      readonly address: string;
      readonly members: NonNullable<MemberReport['status']>['members'];
    };

function placeOf(reports: readonly MemberReport[], id: string): Place | undefined {
  const statuses = reports.flatMap(({ status }) => (status === undefined ? [] : [status]));
  const knowing = statuses.filter(({ role }) => role !== 'starting');
  const leading = knowing.find(({ role }) => role === 'leader') ?? knowing[0];
  const member = leading?.members.find((one) => one.id === id);
  if (leading === undefined || member === undefined || member.role === 'voter') return undefined;
  const own = reports.find((report) => report.id === id);
  if (own?.status !== undefined) {
    const { applied } = own.status;
    const last = Math.max(...knowing.map(({ lastLogIndex }) => lastLogIndex));
    return last - applied <= closeEnough ? { type: 'close' } : { type: 'behind', applied, last };
  }
  const reason = own?.error?.message ?? 'it is not known where it is.';
  const address = hostPort(member.peerAddress);
  return { type: 'silent', reason, address, members: leading.members };
}

function tooSlow({ id, waitMs, again }: CatchUpOptions, place: Place): CliFailure {
  const seconds = Math.round(waitMs / 1000);
  const why =
    place.type === 'behind'
      ? `it lacks ${grouped(place.last - place.applied)} of ${grouped(place.last)} ${plural(place.last, 'entry', 'entries')}`
      : `it does not answer${place.type === 'silent' ? ` (${place.reason})` : ''}`;
  return new CliFailure(`${id} has not caught up within ${seconds} s: ${why}.`, {
    exitCode: exitCodes.refused,
    advice: `Nothing is lost. See that ${id} runs and reaches the others; then ${again}. --wait gives it more time.`,
  });
}

/** A bar from nothing to what the leader has, which grows meanwhile. */
class Drawing {
  readonly #context: CliContext;
  readonly #id: string;
  #bar: Progress | undefined;
  #drawn = 0;

  constructor(context: CliContext, id: string) {
    this.#context = context;
    this.#id = id;
  }

  draw({ applied, last }: { readonly applied: number; readonly last: number }): void {
    this.#bar ??= progressBar(this.#context, {
      label: `${this.#id} catches up`,
      total: last,
      write: (amount) =>
        `${grouped(amount)} of ${grouped(last)} ${plural(last, 'entry', 'entries')}`,
    });
    this.#bar.advance(Math.max(0, applied - this.#drawn));
    this.#drawn = Math.max(applied, this.#drawn);
  }

  done(): void {
    this.#bar?.done();
  }

  fail(): void {
    this.#bar?.fail();
  }
}
