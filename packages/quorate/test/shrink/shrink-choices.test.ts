import { expect, test } from 'vitest';
import {
  type Choice,
  type Choices,
  happens,
  ReplayedChoices,
  SeededChoices,
} from '../sim/choices.ts';
import { type Outcome, type Run, shrinkChoices } from './shrink-choices.ts';

// A made-up world with the choices of the simulator: nodes pass a token on, messages get lost,
// nodes crash, disks stall. Its bug is that a token is gone if its message is lost twice and its
// holder crashes after that.

const limits = { runs: 20_000, ms: 60_000 };

interface Made {
  readonly outcome: Outcome | undefined;
  readonly made: readonly Choice[];
}

function runTokens(choices: Choices & { readonly made: readonly Choice[] }): Made {
  const nodeCount = 3 + choices.choose('knobs.nodes', 5);
  const lossPerMille = choices.choose('knobs.loss', 2) * 300;
  const crashPerMille = choices.choose('knobs.crash', 2) * 50;
  const stallPerMille = choices.choose('knobs.stall', 2) * 200;
  let holder = 0;
  let lost = 0;
  for (let step = 0; step < 200; step += 1) {
    happens(choices, 'disk.stall', stallPerMille);
    const next = (holder + 1 + choices.choose('net.to', nodeCount - 1)) % nodeCount;
    if (happens(choices, 'net.loss', lossPerMille)) lost += 1;
    else holder = next;
    if (lost >= 2 && happens(choices, `node.crash`, crashPerMille)) {
      return { outcome: { code: 'S1', choices: choices.made }, made: choices.made };
    }
    if (lost >= 40) return { outcome: { code: 'S24', choices: choices.made }, made: choices.made };
  }
  return { outcome: undefined, made: choices.made };
}

const run: Run = (choices) => runTokens(new ReplayedChoices(choices)).outcome;

function failingTrace(code: string): readonly Choice[] {
  for (let seed = 0; seed < 1000; seed += 1) {
    const { outcome, made } = runTokens(new SeededChoices(`${seed}`, { record: true }));
    if (outcome?.code === code && made.length > 60) return made;
  }
  throw new Error(`no seed leads to ${code}`);
}

function notBenign(choices: readonly Choice[]): string[] {
  return choices.filter(({ value }) => value > 0).map(({ label }) => label);
}

test('a trace is shrunk to the choices that the violation needs', async () => {
  const trace = failingTrace('S1');

  const shrunk = await shrinkChoices(trace, run, { limits });

  expect(trace.length).toBeGreaterThan(60);
  expect(shrunk.isComplete).toBe(true);
  expect(notBenign(shrunk.choices).sort()).toEqual([
    'knobs.crash',
    'knobs.loss',
    'net.loss',
    'net.loss',
    'node.crash',
  ]);
  expect((await run(shrunk.choices))?.code).toBe('S1');
});

test('a shrunk trace shows the same violation and not an easier one', async () => {
  const easier: Run = (choices) => {
    const replayed = new ReplayedChoices(choices);
    const isCrashed = replayed.choose('node.crash', 2) === 1;
    const isLost = replayed.choose('net.loss', 2) === 1;
    if (!isCrashed) return undefined;
    return { code: isLost ? 'S8' : 'S3', choices: replayed.made };
  };
  const trace = ['node.crash', 'net.loss'].map((label) => ({ label, count: 2, value: 1 }));

  const shrunk = await shrinkChoices(trace, easier, { limits });

  expect(shrunk.code).toBe('S8');
  expect(notBenign(shrunk.choices)).toEqual(['node.crash', 'net.loss']);
});

test('what is needed forty times stays forty times', async () => {
  const shrunk = await shrinkChoices(failingTrace('S24'), run, { limits });

  expect((await run(shrunk.choices))?.code).toBe('S24');
  expect(notBenign(shrunk.choices).filter((label) => label === 'node.crash')).toEqual([]);
  expect(notBenign(shrunk.choices).filter((label) => label === 'net.loss')).toHaveLength(40);
});

test('what comes after the violation is cut off', async () => {
  const trace = failingTrace('S1');
  const longer = [...trace, ...trace];

  const shrunk = await shrinkChoices(longer, run, { limits });

  expect(shrunk.choices.length).toBeLessThan(trace.length);
});

test('a knob goes as low as the violation lets it', async () => {
  const needsFour: Run = (choices) => {
    const replayed = new ReplayedChoices(choices);
    const nodeCount = replayed.choose('knobs.nodes', 100);
    const delay = replayed.choose('net.delay', 1000);
    return nodeCount >= 4 && delay >= 17 ? { code: 'E1', choices: replayed.made } : undefined;
  };
  const trace = [
    { label: 'knobs.nodes', count: 100, value: 93 },
    { label: 'net.delay', count: 1000, value: 999 },
  ];

  const shrunk = await shrinkChoices(trace, needsFour, { limits });

  expect(shrunk.choices.map(({ value }) => value)).toEqual([4, 17]);
});

test('a choice in the middle is left out when a later one takes its place', async () => {
  const twoInARow: Run = (choices) => {
    const replayed = new ReplayedChoices(choices);
    const values = Array.from({ length: 50 }, () => replayed.choose('net.loss', 2));
    const isWrong = values.some((value, at) => value === 1 && values[at + 3] === 1);
    return isWrong ? { code: 'S9', choices: replayed.made } : undefined;
  };
  const trace = Array.from({ length: 50 }, (_, at) => ({
    label: 'net.loss',
    count: 2,
    value: at === 40 || at === 43 ? 1 : 0,
  }));

  const shrunk = await shrinkChoices(trace, twoInARow, { limits });

  expect(shrunk.choices.map(({ value }) => value)).toEqual([1, 0, 0, 1]);
});

test('a search ends with its runs and keeps what it has found', async () => {
  const trace = failingTrace('S1');
  let count = 0;
  const counting: Run = (choices) => {
    count += 1;
    return run(choices);
  };

  const shrunk = await shrinkChoices(trace, counting, { limits: { runs: 30, ms: 60_000 } });

  expect(shrunk.isComplete).toBe(false);
  expect(shrunk.runCount).toBe(30);
  expect(count).toBe(31);
  expect((await run(shrunk.choices))?.code).toBe('S1');
  expect(notBenign(shrunk.choices).length).toBeLessThan(notBenign(trace).length);
});

test('a search ends with its time', async () => {
  let now = 0;
  const slow: Run = (choices) => {
    now += 10;
    return run(choices);
  };

  const shrunk = await shrinkChoices(failingTrace('S1'), slow, {
    limits: { runs: 20_000, ms: 200 },
    now: () => now,
  });

  expect(shrunk.isComplete).toBe(false);
  expect(shrunk.runCount).toBeLessThanOrEqual(20);
});

test('the same trace is shrunk to the same each time, also by runs that take their time', async () => {
  const trace = failingTrace('S1');
  const later: Run = async (choices) => run(choices);

  const [first, again] = [
    await shrinkChoices(trace, run, { limits }),
    await shrinkChoices(trace, later, { limits }),
  ];

  expect(again).toEqual(first);
});

test('a trace that violates nothing is refused', async () => {
  await expect(shrinkChoices([], run, { limits })).rejects.toThrow(/must fail, and it did not/);
});
