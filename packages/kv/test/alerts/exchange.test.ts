import { expect, test } from 'vitest';
import { KvError } from '../../src/errors.ts';
import { Exchange } from '../../src/server/alerts/exchange.ts';
import type { LeaderNews, MemberReport } from '../../src/server/alerts/member-reports.ts';
import { openGate } from '../../src/server/alerts/write-gate.ts';
import { VirtualRuntime } from '../leases/virtual-runtime.ts';

const news = (term: number): LeaderNews => ({ leader: 'a', term, gate: openGate, alerts: [] });
const own: MemberReport = { version: '1', alerts: [] };
const unreachable = new KvError('KV_NO_LEADER', 'It could not be reached.');

interface Question {
  readonly member: string;
  readonly news: LeaderNews;
  answer(report: unknown): Promise<void>;
  fail(error: unknown): Promise<void>;
}

/** An exchange whose questions the test answers. */
function exchangeUnderTest() {
  const runtime = new VirtualRuntime();
  const questions: Question[] = [];
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  let reports = 0;
  const exchange = new Exchange({
    runtime,
    calls: {
      ask: (member, _, params) =>
        new Promise((resolve, reject) => {
          questions.push({
            member,
            news: params as LeaderNews,
            answer: (report) => (resolve(report), settled()),
            fail: (error) => (reject(error), settled()),
          });
        }),
    },
    everyMs: 1000,
    wallClock: () => 1_000_000 + runtime.now(),
    ownReport: () => own,
    onReport: () => (reports += 1),
  });
  const next = (): Question => questions.shift() as Question;
  return { runtime, exchange, questions, next, reportCount: () => reports };
}

test('a report is kept for five seconds, with how far the clock of its member is ahead', async () => {
  const { runtime, exchange, next, reportCount } = exchangeUnderTest();

  exchange.ask(['b'], news(1));
  runtime.standStill(200);
  // Half way there, when the leader's clock was 100 ms ahead of the start.
  await next().answer({ ...own, wallMs: 1_000_100 + 3000 + runtime.now() - 200 });

  expect(reportCount()).toBe(1);
  expect(exchange.reports.get('b')).toMatchObject({ report: own, roundTripMs: 200, aheadMs: 3000 });
  runtime.standStill(5000);
  expect(exchange.reports.size).toBe(1);
  runtime.standStill(1);
  expect(exchange.reports.size).toBe(0);
});

test('a member is asked one question at a time, and the newest news come next', async () => {
  const { exchange, questions, next } = exchangeUnderTest();

  for (const term of [1, 2, 3]) exchange.ask(['b', 'c'], news(term));
  expect(questions.map(({ member, news: { term } }) => `${member}${term}`)).toEqual(['b1', 'c1']);
  await next().answer(own);

  expect(questions.map(({ member, news: { term } }) => `${member}${term}`)).toEqual(['c1', 'b3']);
});

test('a member that does not answer is not asked before its next turn', async () => {
  const { exchange, questions, next } = exchangeUnderTest();
  exchange.ask(['b'], news(1));
  await next().answer(own);
  exchange.ask(['b'], news(1));
  exchange.ask(['b'], news(2));

  await next().fail(unreachable);

  expect(questions).toEqual([]);
  exchange.ask(['b'], news(3));
  expect(questions).toHaveLength(1);
});

test('what a member said last is known for as long as three reports take', async () => {
  const { runtime, exchange, next } = exchangeUnderTest();
  exchange.ask(['b'], news(1));
  await next().answer(own);

  for (let failure = 0; failure < 3; failure += 1) {
    runtime.standStill(1000);
    exchange.ask(['b'], news(1));
    await next().fail(unreachable);
    expect(exchange.reports.get('b')).toMatchObject({ report: own, isSilent: true });
  }
  runtime.standStill(1);

  expect(exchange.reports.has('b')).toBe(false);
});

test('a member that answers again is silent no more', async () => {
  const { exchange, next } = exchangeUnderTest();
  for (const isWell of [true, false, true]) {
    exchange.ask(['b'], news(1));
    await (isWell ? next().answer(own) : next().fail(unreachable));
  }

  expect(exchange.reports.get('b')).toMatchObject({ isSilent: false });
});

test('a member of a version that does not know the question is called older', async () => {
  const { exchange, next } = exchangeUnderTest();
  exchange.ask(['b'], news(1));

  const text = 'In a call between members, method must be one that members have; it is report.';
  await next().fail(new KvError('KV_INVALID', text));

  expect(exchange.reports.get('b')?.report).toEqual({ version: 'older', alerts: [] });
});

test('an answer that is no report counts as none', async () => {
  const { exchange, next } = exchangeUnderTest();
  exchange.ask(['b'], news(1));

  await next().answer('nonsense');

  expect(exchange.reports.size).toBe(0);
});

test('the leader that is known is believed for five seconds, and nobody else', () => {
  const { runtime, exchange } = exchangeUnderTest();
  const known = { term: 2, leader: 'a' };

  expect(exchange.hear(news(1), known)).toBe(own);
  expect(exchange.hear(news(3), known)).toBe(own);
  exchange.hear({ ...news(2), leader: 'x' }, known);
  expect(exchange.news).toBeUndefined();
  exchange.hear(news(2), known);
  expect(exchange.news).toEqual(news(2));
  runtime.standStill(5001);
  expect(exchange.news).toBeUndefined();
  expect(() => exchange.hear({ leader: 7 }, known)).toThrow('The news.leader must be a string');
});
