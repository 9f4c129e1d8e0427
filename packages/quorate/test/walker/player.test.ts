import { expect, test } from 'vitest';
import { runCampaign } from './campaign.ts';
import { loadCore } from './core-copy.ts';
import { parseDeed } from './deed.ts';
import { play } from './player.ts';
import { walkSeed } from './random.ts';
import { plainSetup, type Script } from './script.ts';
import { shrinkScript } from './shrink-script.ts';
import { walk } from './walk.ts';
import type { CoreModule } from './world.ts';

const core = await loadCore();
const limits = { runs: 3000, ms: 60_000 };

function scriptOf(...texts: readonly string[]): Script {
  return { setup: { ...plainSetup, atOnce: ['persist', 'apply', 'sent'] }, deeds: deeds(texts) };
}

function deeds(texts: readonly string[]): Script['deeds'] {
  return texts.map(parseDeed);
}

const elected = [
  'initialize',
  'wake n1',
  'deliver vote n1>n2 t1',
  'deliver answer to vote n1>n2 t1',
];

/** The core with a rule more that it is bound to break. */
function withRule(isBroken: (role: string, term: number) => string | undefined): CoreModule {
  return {
    ...core,
    checkInvariants: (state, before) => {
      const complaint = isBroken(state.role, state.term);
      if (complaint !== undefined) throw new Error(`Broken invariant: ${complaint}`);
      return core.checkInvariants(state, before);
    },
  };
}

test('a walk that was written down is done again, event by event, without its seed', () => {
  const seeds = Array.from({ length: 15 }, (_, at) => walkSeed('written down', at));

  for (const seed of seeds) {
    const { script, eventCount } = walk(core, seed, { isRecorded: true });
    if (script === undefined) throw new Error('a walk that is to be written down has a script');
    const { violation, skipped, world } = play(core, script);

    // What is under way when a rest begins is lost in a script, so its rest may go otherwise.
    const rests = script.deeds.at(-1)?.verb === 'rest';
    const events = rests ? eventCount : world?.eventCount;
    const outcome = { seed, violation, skipped, events };
    expect(outcome).toEqual({ seed, violation: undefined, skipped: [], events: eventCount });
  }
});

test('writing a walk down changes nothing in it', () => {
  const { hash } = walk(core, 'as it was');

  expect(walk(core, 'as it was', { isRecorded: true }).hash).toBe(hash);
});

test('a message that is delivered twice comes twice', () => {
  const deliver = 'deliver append n1>n2 t1 after 1 +1';
  const script = scriptOf(...elected, deliver);
  const twice = scriptOf(...elected, deliver, deliver);

  const once = play(core, script);
  const again = play(core, twice);

  expect(again.skipped).toEqual([]);
  expect(again.world?.eventCount).toBeGreaterThan(once.world?.eventCount ?? 0);
  expect(again.world?.names?.find('answer to append n1>n2 t1 after 1 +1 #2')).toBeDefined();
});

test('a deed for which there is nothing to do is skipped and told of', () => {
  const script = scriptOf(
    ...elected,
    'deliver vote n3>n2 t7',
    'deliver vote n1>n2 t1 #2',
    'persist n2',
    'start n1',
    'received n2',
    'wake n9',
  );

  const { skipped, done } = play(core, script);

  expect(skipped).toEqual([4, 5, 6, 7, 8, 9]);
  expect(done).toHaveLength(4);
});

test('a crash takes what is not on the disk, and as much of it as the deed says', () => {
  const setup = { ...plainSetup, atOnce: ['sent'] as const };
  const diskAfter = (...texts: readonly string[]): string => {
    const disk = play(core, { setup, deeds: deeds(texts) }).world?.nodes[0]?.disk;
    return `term ${disk?.vote.term}, last ${(disk?.log.length ?? 0) - 1}`;
  };

  expect(diskAfter('initialize', 'crash n1')).toBe('term 0, last 0');
  expect(diskAfter('initialize', 'crash n1 torn=truncate')).toBe('term 0, last 0');
  expect(diskAfter('initialize', 'crash n1 torn=truncate entries=1')).toBe('term 0, last 1');
  const until = ['initialize', 'persist n1', 'wake n1'];
  expect(diskAfter(...until, 'crash n1')).toBe('term 0, last 1');
  expect(diskAfter(...until, 'crash n1 torn=vote')).toBe('term 1, last 1');
  expect(diskAfter(...until, 'crash n1 done=1')).toBe('term 1, last 1');
});

test('a failing walk is shrunk to what the violation needs', async () => {
  const module = withRule((role, term) =>
    role === 'leader' && term >= 2 ? 'nobody leads a second time' : undefined,
  );
  const { failed } = runCampaign(module, 'second', { steps: 100_000 });
  const { script, violation } = walk(module, failed?.seed ?? '', { isRecorded: true });
  if (script === undefined || violation === undefined) throw new Error('the walk must fail');

  const shrunk = await shrinkScript(module, script, { violation, limits, sound: core });

  // At the most two elections are needed, and a cluster to hold them in.
  expect(script.deeds.length).toBeGreaterThan(40);
  expect(shrunk?.deeds.length).toBeLessThanOrEqual(12);
  expect(play(module, shrunk ?? script).violation?.message).toBe(violation.message);
  expect(play(core, shrunk ?? script).violation).toBeUndefined();
});

test('a shorter course of events that breaks another rule is not taken', async () => {
  const module = withRule((role, term) => {
    if (role === 'candidate' && term >= 1) return 'nobody asks for votes';
    return role === 'leader' && term >= 1 ? 'nobody leads' : undefined;
  });
  const onlyLeading = withRule((role, term) =>
    role === 'leader' && term >= 1 ? 'nobody leads' : undefined,
  );
  const script = scriptOf(...elected);
  const { violation } = play(onlyLeading, script);
  if (violation === undefined) throw new Error('the script must fail');

  expect(await shrinkScript(module, script, { violation, limits })).toBeUndefined();
  const same = await shrinkScript(onlyLeading, script, { violation, limits });
  expect(play(onlyLeading, same ?? script).violation?.message).toBe(violation.message);
});
