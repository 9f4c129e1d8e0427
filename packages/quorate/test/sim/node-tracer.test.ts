import { expect, test } from 'vitest';
import { LogShape } from '../../src/core/log-shape.ts';
import type { CoreState } from '../../src/core/state.ts';
import type { LogId } from '../../src/core/types.ts';
import { NodeTracer } from './node-tracer.ts';
import { TraceRecorder } from './trace.ts';

const id = (index: number, term: number): LogId => ({ index, term });

/** What the tracer looks at. */
function stateWith(termStarts: readonly LogId[], purged: LogId, last: LogId): Readonly<CoreState> {
  const log = new LogShape(termStarts, purged, last);
  const state = { role: 'follower', term: 2, leader: 'b', committed: 1, log };
  return state as unknown as Readonly<CoreState>;
}

const twoEntries = stateWith([id(1, 1)], id(0, 0), id(2, 1));

test('a log is told when it has changed at either end, and at no other step', () => {
  const trace = new TraceRecorder({ keep: true, now: () => 0 });
  const tracer = new NodeTracer('a', trace);

  tracer.started(twoEntries);
  tracer.stepped(twoEntries);
  tracer.stepped(stateWith([id(1, 1)], id(0, 0), id(3, 1)));
  tracer.stepped(stateWith([id(1, 1), id(3, 2)], id(0, 0), id(3, 2)));
  tracer.stepped(stateWith([id(2, 1), id(3, 2)], id(1, 1), id(3, 2)));
  tracer.stepped(stateWith([id(2, 1), id(3, 2)], id(1, 1), id(3, 2)));

  const told = trace.events.filter(({ type }) => type === 'log');
  expect(told.map((event) => event.type === 'log' && [event.first, event.terms])).toEqual([
    [1, [[1, 2]]],
    [1, [[1, 3]]],
    [
      1,
      [
        [1, 2],
        [2, 1],
      ],
    ],
    [
      2,
      [
        [1, 1],
        [2, 1],
      ],
    ],
  ]);
});

test('a process that starts tells its log, also if it is what it was', () => {
  const trace = new TraceRecorder({ keep: true, now: () => 0 });
  const tracer = new NodeTracer('a', trace);

  tracer.started(twoEntries);
  tracer.started(twoEntries);

  expect(trace.events.filter(({ type }) => type === 'log')).toHaveLength(2);
});

test('the hash is the same whether the trace is kept or not', () => {
  const hashes = [true, false].map((keep) => {
    const trace = new TraceRecorder({ keep, now: () => 0 });
    const tracer = new NodeTracer('a', trace);
    tracer.started(twoEntries);
    tracer.stepped(stateWith([id(1, 1)], id(0, 0), id(3, 1)));
    return trace.hash;
  });

  expect(hashes[0]).toBe(hashes[1]);
});
