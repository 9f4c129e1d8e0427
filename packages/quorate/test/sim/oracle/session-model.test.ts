import { expect, test } from 'vitest';
import { jsonCodec } from '../../../src/node/codec.ts';
import { encodeResponse } from '../../../src/node/response-codec.ts';
import { SessionTable } from '../../../src/node/session-table.ts';
import { Random } from '../../walker/random.ts';
import type { Response } from '../machine.ts';
import { SessionModel, type Verdict } from './session-model.ts';
import { pictureOf } from './session-picture.ts';

const roomy = { maxSessions: 100, maxSessionBytes: 1_000_000, window: 8 };
const done: Response = { ok: true, value: 'done' };

function opened(...ids: readonly number[]): SessionModel {
  const sessions = new SessionModel();
  for (const id of ids) sessions.take(id, { type: 'open', bounds: { ...roomy, maxSessions: 2 } });
  return sessions;
}

function write(sessions: SessionModel, index: number, id: number, sequence: number): Verdict {
  const verdict = sessions.judge({ id, sequence }, index);
  if (verdict === 'fresh') sessions.answered({ id, sequence }, done);
  return verdict;
}

test('a write counts once, and is forgotten when the window has passed it', () => {
  const sessions = opened(1);

  expect(write(sessions, 2, 1, 1)).toBe('fresh');
  expect(write(sessions, 3, 1, 1)).toBe('repeated');
  expect(sessions.mayRefuse(1)).toBe(false);
  expect(write(sessions, 4, 1, 9)).toBe('fresh');
  expect(write(sessions, 5, 1, 1)).toBe('forgotten');
  expect(sessions.mayRefuse(1)).toBe(true);
});

test('the session that was used longest ago ends when there are too many', () => {
  const sessions = opened(1, 2);
  write(sessions, 3, 1, 1);
  sessions.take(4, { type: 'open', bounds: { ...roomy, maxSessions: 2 } });

  expect(write(sessions, 5, 2, 1)).toBe('expired');
  expect(write(sessions, 6, 1, 2)).toBe('fresh');
  sessions.take(7, { type: 'close', id: 1 });
  expect(write(sessions, 8, 1, 3)).toBe('expired');
});

test('the table of the library comes to the same, whatever the log holds', () => {
  const verdicts = new Set<Verdict>();
  for (let seed = 0; seed < 40; seed += 1) {
    const random = new Random(`${seed}`, 'sessions');
    const sessions = new SessionModel();
    const table = new SessionTable();
    const bounds = {
      maxSessions: 1 + random.below(4),
      maxSessionBytes: 200 + random.below(900),
      window: 1 + random.below(6),
    };
    const ids: number[] = [];
    const judged: string[] = [];
    const answered: string[] = [];
    for (let index = 1; index < 400; index += 1) {
      const what = random.below(12);
      const id = ids[random.below(ids.length)] ?? 0;
      if (ids.length === 0 || what === 0) {
        sessions.take(index, { type: 'open', bounds });
        table.open(index, bounds);
        ids.push(index);
        if (ids.length > 5) ids.shift();
      } else if (what === 1) {
        sessions.take(index, { type: 'close', id });
        table.close(id, index);
      } else if (what > 3) {
        const named = { id, sequence: 1 + random.below(1 + index / 20) };
        const response = { ok: true, value: 'x'.repeat(random.below(60)) };
        const verdict = sessions.judge(named, index);
        const theirs = table.admit(named, index);
        judged.push(verdict);
        answered.push(theirs.type);
        verdicts.add(verdict);
        if (theirs.type !== 'fresh') continue;
        sessions.answered(named, response);
        table.record(named, theirs.kept, encodeResponse(jsonCodec, response));
      }
      expect(pictureOf(table.freeze())).toBe(sessions.picture);
    }
    expect(judged).toEqual(answered);
  }
  expect(verdicts.size).toBe(4);
});
