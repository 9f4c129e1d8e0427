import { LeadershipLostError, NotLeaderError, SessionExpiredError, StoppedError } from 'quorate';
import { expect, test } from 'vitest';
import { type MemberHost, silentLogger } from '../../src/server/member/node.ts';
import { OwnSession, type OwnSessionConfig } from '../../src/server/member/own-session.ts';
import { VirtualRuntime } from '../leases/virtual-runtime.ts';

interface Sent {
  readonly session: { readonly id: number; readonly sequence: number } | undefined;
  readonly answer: (size?: number) => void;
  readonly fail: (error: Error) => void;
}

const command = Uint8Array.of(1);
const open = { maybeApplied: true } as const;
const lost = (): Error =>
  new LeadershipLostError('Lost.', { ...open, logId: { term: 1, index: 5 } });

/** A node whose writes are answered by the test, and which opens sessions 1, 2, 3... */
class Kit {
  readonly runtime = Object.assign(new VirtualRuntime(), { random: () => 1 });
  readonly sent: Sent[] = [];
  readonly closed: number[] = [];
  readonly own: OwnSession;
  isRunning = true;
  opened = 0;

  constructor(config: OwnSessionConfig = {}) {
    const { runtime } = this;
    const raft = {
      write: (
        _: Uint8Array,
        { session, signal }: { session: Sent['session']; signal: AbortSignal },
      ) =>
        new Promise((resolve, reject) => {
          const answer = (size = 1): void => resolve({ response: new Uint8Array(size) });
          this.sent.push({ session, answer, fail: reject });
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
      openSession: async () => {
        this.opened += 1;
        const id = this.opened;
        return { id, close: async () => void this.closed.push(id) };
      },
    };
    const metrics = (): object => ({ isRunning: this.isRunning });
    Object.defineProperty(raft, 'metrics', { get: metrics });
    const { signal } = new AbortController();
    const host = { name: 'a', raft, runtime, logger: silentLogger, signal };
    this.own = new OwnSession(host as unknown as MemberHost, config);
  }

  /** The number of each write that was sent so far, as `session/sequence`. */
  get numbers(): readonly string[] {
    return this.sent.map(({ session }) => (session ? `${session.id}/${session.sequence}` : 'none'));
  }

  /** Sends a write, and says what it ends with. */
  async write(
    signal: AbortSignal = new AbortController().signal,
  ): Promise<{ ended: Promise<unknown> }> {
    const ended = this.own.write(command, signal).then(
      ({ byteLength }) => byteLength,
      ({ code }: { code: string }) => code,
    );
    await this.runtime.turns();
    return { ended };
  }

  last(): Sent {
    return this.sent.at(-1) as Sent;
  }
}

/** A kit whose session is open. */
async function ready(config: OwnSessionConfig = {}): Promise<Kit> {
  const kit = new Kit(config);
  const { ended } = await kit.write();
  kit.last().answer();
  await ended;
  kit.sent.length = 0;
  return kit;
}

test('the first write has no number, and opens a session for those that follow', async () => {
  const kit = new Kit();

  const first = await kit.write();
  const second = await kit.write();
  const third = await kit.write();
  for (const { answer } of kit.sent) answer();

  expect(await Promise.all([first.ended, second.ended, third.ended])).toEqual([1, 1, 1]);
  expect(kit.numbers).toEqual(['none', '1/1', '1/2']);
  expect(kit.opened).toBe(1);
});

test('what may be in a log is sent again with its number until it is known', async () => {
  const kit = await ready();
  const { ended } = await kit.write();

  kit.last().fail(lost());
  await kit.runtime.pass(1000);
  kit.last().fail(new NotLeaderError('There is none.'));
  await kit.runtime.pass(1000);
  kit.last().answer(7);

  expect(await ended).toBe(7);
  expect(kit.numbers).toEqual(['1/1', '1/1', '1/1']);
});

test('what certainly took no effect is not sent again', async () => {
  const kit = await ready();
  const { ended } = await kit.write();

  kit.last().fail(new NotLeaderError('There is none.'));

  expect(await ended).toBe('KV_NO_LEADER');
  expect(kit.sent).toHaveLength(1);
});

test('a write stays open if nobody answers it for long, if it waits no longer, or at the end', async () => {
  const kit = await ready();
  const patient = await kit.write();
  for (let seconds = 0; seconds < 40; seconds += 1) {
    kit.last().fail(lost());
    await kit.runtime.pass(1000);
  }
  expect(await patient.ended).toBe('KV_MAYBE');
  expect(kit.runtime.timerCount).toBe(0);

  const controller = new AbortController();
  const impatient = await kit.write(controller.signal);
  kit.last().fail(lost());
  await kit.runtime.turns();
  controller.abort(new DOMException('Enough.', 'TimeoutError'));
  expect(await impatient.ended).toBe('KV_TIMEOUT');
  expect(kit.runtime.timerCount).toBe(0);

  const ending = await kit.write();
  kit.isRunning = false;
  kit.last().fail(new StoppedError('Stopped.', open));
  expect(await ending.ended).toBe('KV_MAYBE');
});

test('with a session that is over, a write that took no effect goes without a number', async () => {
  const kit = await ready();
  const fresh = await kit.write();
  const unsure = await kit.write();
  const [one, other] = kit.sent;
  other?.fail(lost());
  await kit.runtime.pass(1000);

  one?.fail(new SessionExpiredError('Over.'));
  kit.last().fail(new SessionExpiredError('Over.'));
  await kit.runtime.turns();
  kit.last().answer();

  expect(kit.numbers).toEqual(['1/1', '1/2', '1/2', 'none']);
  expect(await fresh.ended).toBe(1);
  expect(await unsure.ended).toBe('KV_MAYBE');
});

test('after a session was lost there is no other one for a moment', async () => {
  const kit = await ready();
  const write = async (): Promise<void> => {
    const { ended } = await kit.write();
    kit.last().answer();
    await ended;
  };
  const { ended } = await kit.write();
  kit.last().fail(new SessionExpiredError('Over.'));
  await kit.runtime.turns();
  kit.last().answer();
  await ended;

  await write();
  expect(kit.opened).toBe(1);
  await kit.runtime.pass(1000);
  await write();
  await write();

  expect(kit.opened).toBe(2);
  expect(kit.numbers.at(-1)).toBe('2/1');
});

test('numbers under way stay within half of the window, and others follow with another session', async () => {
  const kit = await ready({ sessionWindow: 8 });
  const ended: Promise<unknown>[] = [];
  for (let count = 0; count < 7; count += 1) ended.push((await kit.write()).ended);

  expect(kit.numbers).toEqual(['1/1', '1/2', '1/3', '1/4', 'none', '2/1', '2/2']);
  expect(kit.closed).toEqual([]);
  for (const { answer } of kit.sent) answer();
  await Promise.all(ended);
  await kit.runtime.turns();

  expect(kit.closed).toEqual([1]);
});

test('answers that are kept have a bound: the session changes before it is reached', async () => {
  const kit = await ready({ maxSessionBytes: 16_000 });
  for (let count = 0; count < 4; count += 1) {
    const { ended } = await kit.write();
    kit.last().answer(500);
    await ended;
  }

  expect(kit.numbers).toEqual(['1/1', '1/2', '1/3', '2/1']);
  expect(kit.closed).toEqual([1]);
});

test('it is told when no write is under way', async () => {
  const kit = await ready();
  let isSettled = false;
  const { ended } = await kit.write();
  const settled = kit.own.settled().then(() => {
    isSettled = true;
  });

  await kit.runtime.turns();
  expect(isSettled).toBe(false);
  kit.last().answer();
  await ended;
  await settled;

  expect(isSettled).toBe(true);
});
