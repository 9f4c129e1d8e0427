import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareLogIds, LogShape } from '../../src/core/log-shape.ts';
import type { LogId, LogIndex, Term } from '../../src/core/types.ts';
import { termStarts } from './kit.ts';
import { id } from './words.ts';

/** The same log as an array of terms, one for each entry after the purged end. */
class NaiveLog {
  purged: LogId;
  terms: Term[];

  constructor(purged: LogId, terms: readonly Term[]) {
    this.purged = purged;
    this.terms = [...terms];
  }

  get last(): LogId {
    const term = this.terms.at(-1);
    return term === undefined ? this.purged : id(term, this.purged.index + this.terms.length);
  }

  termAt(index: LogIndex): Term | undefined {
    return index === this.purged.index
      ? this.purged.term
      : index < this.purged.index
        ? undefined
        : this.terms[index - this.purged.index - 1];
  }

  purge(logId: LogId): boolean {
    const isHeld = this.termAt(logId.index) === logId.term;
    this.terms = isHeld ? this.terms.slice(logId.index - this.purged.index) : [];
    this.purged = logId;
    return isHeld;
  }

  lastAtOrBefore(index: LogIndex, term: Term): LogId {
    let at = Math.min(index, this.last.index);
    while (at > this.purged.index && (this.termAt(at) ?? 0) > term) at -= 1;
    return at <= this.purged.index ? this.purged : id(this.termAt(at) ?? 0, at);
  }
}

const shortRun = fc.record({ rise: fc.nat(2), count: fc.integer({ min: 1, max: 6 }) });
const step = fc.oneof(
  fc.record({ type: fc.constant('append' as const), rise: fc.nat(2) }),
  fc.record({ type: fc.constant('appendRun' as const), run: shortRun }),
  fc.record({
    type: fc.constant('truncate' as const),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  // Mostly inside the log, with the term it has there, and at times past its end or in conflict.
  fc.record({
    type: fc.constant('purge' as const),
    ahead: fc.integer({ min: 1, max: 5 }),
    rise: fc.nat(1),
  }),
);

const start = fc.record({
  purged: fc.record({ term: fc.nat(3), index: fc.nat(4) }),
  runs: fc.array(shortRun, { maxLength: 4 }),
});

function bothOf({ purged, runs }: typeof start extends fc.Arbitrary<infer T> ? T : never): {
  shape: LogShape;
  naive: NaiveLog;
} {
  const from = purged.index === 0 ? id(0, 0) : purged;
  const terms: Term[] = [];
  for (const { rise, count } of runs) {
    const term = (terms.at(-1) ?? from.term) + rise;
    for (let at = 0; at < count; at += 1) terms.push(term);
  }
  const naive = new NaiveLog(from, terms);
  const starts = termStarts(terms).map(({ term, index }) => id(term, index + from.index));
  return { shape: new LogShape(starts, from, naive.last), naive };
}

/** Where the two answer differently; nowhere, it is to be hoped. */
function differences(shape: LogShape, naive: NaiveLog): string[] {
  const found = compareLogIds(shape.last, naive.last) === 0 ? [] : ['last'];
  const starts = termStarts(naive.terms).map(({ term, index }) =>
    id(term, index + naive.purged.index),
  );
  if (JSON.stringify(shape.termStarts) !== JSON.stringify(starts)) found.push('termStarts');
  const end = naive.last.index + 2;
  for (let index = 0; index <= end; index += 1) {
    if (shape.termAt(index) !== naive.termAt(index)) found.push(`termAt(${index})`);
    for (let term = 0; term <= naive.last.term + 1; term += 1) {
      const [mine, theirs] = [shape, naive].map((log) => log.lastAtOrBefore(index, term));
      if (mine === undefined || theirs === undefined || compareLogIds(mine, theirs) !== 0) {
        found.push(`lastAtOrBefore(${index}, ${term})`);
      }
    }
  }
  return found;
}

describe('Log shape', () => {
  it('a log shape answers like an array of terms, whatever is appended, truncated and purged', () => {
    fc.assert(
      fc.property(start, fc.array(step, { maxLength: 12 }), (from, steps) => {
        const { shape, naive } = bothOf(from);
        expect(differences(shape, naive)).toEqual([]);
        for (const one of steps) {
          const { last, purged } = naive;
          let hasSame = true;
          if (one.type === 'append') {
            const logId = id(last.term + one.rise, last.index + 1);
            shape.append(logId);
            naive.terms.push(logId.term);
          } else if (one.type === 'appendRun') {
            const term = last.term + one.run.rise;
            shape.appendRun(term, one.run.count);
            naive.terms.push(...Array<Term>(one.run.count).fill(term));
          } else if (one.type === 'purge') {
            const index = purged.index + one.ahead;
            const logId = id((naive.termAt(index) ?? last.term) + one.rise, index);
            hasSame = shape.purge(logId) === naive.purge(logId);
          } else {
            const kept = Math.floor(one.share * (last.index - purged.index));
            shape.truncate(purged.index + kept);
            naive.terms.length = kept;
          }
          expect(hasSame).toBe(true);
          expect(differences(shape, naive)).toEqual([]);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('the term starts are the first entries of the terms in the log, and rebuild it', () => {
    fc.assert(
      fc.property(start, (from) => {
        const { shape, naive } = bothOf(from);
        const starts = termStarts(naive.terms).map((first) =>
          id(first.term, first.index + naive.purged.index),
        );

        expect(shape.termStarts).toEqual(starts);
        expect(
          differences(new LogShape(shape.termStarts, shape.purged, shape.last), naive),
        ).toEqual([]);
      }),
    );
  });

  it('a run of entries is named by its first', () => {
    const shape = new LogShape([id(2, 4)], id(1, 3), id(2, 5));

    expect(shape.appendRun(2, 3)).toEqual(id(2, 6));
    expect(shape.appendRun(4, 2)).toEqual(id(4, 9));
    expect(shape.last).toEqual(id(4, 10));
  });

  it('log ids compare by term first, then by index', () => {
    const logId = fc.record({ term: fc.nat(5), index: fc.nat(5) });
    fc.assert(
      fc.property(logId, logId, (a, b) => {
        const naive = a.term === b.term ? Math.sign(a.index - b.index) : Math.sign(a.term - b.term);

        expect(Math.sign(compareLogIds(a, b))).toBe(naive);
      }),
    );
  });

  it('a position outside the log, a gap and a falling term stop the node', () => {
    const shape = new LogShape([id(2, 4), id(5, 6)], id(1, 3), id(5, 7));

    expect(() => shape.idAt(8)).toThrow('entry 8 must lie in the log up to 7');
    expect(() => shape.idAt(2)).toThrow('entry 2 must lie in the log up to 7');
    expect(() => shape.append(id(5, 9))).toThrow('entry 9 must follow the last entry 7');
    expect(() => shape.append(id(4, 8))).toThrow('term 4 must not be below the last term 5');
    expect(() => shape.truncate(2)).toThrow('cannot truncate to 2, below the purged end 3');
    expect(() => shape.truncate(8)).toThrow('cannot truncate to 8, past the last entry 7');
    expect(() => shape.purge(id(1, 3))).toThrow('does not lie after the purged end 3');
    expect(() => shape.appendRun(5, 0)).toThrow('a run must not be empty');
    expect(() => new LogShape([], id(1, 3), id(1, 2))).toThrow('purged 3 must not lie past last 2');
    expect(() => new LogShape([id(2, 4)], id(1, 3), id(3, 5))).toThrow(
      'the term starts must give the last entry 5 its term 3',
    );
  });
});
