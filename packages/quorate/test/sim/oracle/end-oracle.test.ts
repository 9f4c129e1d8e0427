import { beforeAll, describe, expect, test } from 'vitest';
import { type Checks, checksOf, simCompany } from '../clients/company.ts';
import type { SimOperation } from '../clients/history-model.ts';
import type { Happening, SimWorld } from '../hooks.ts';
import { SimViolation } from '../hooks.ts';
import type { SimNode } from '../node.ts';
import { runSeed } from '../run.ts';
import { type ClientAccounts, EndOracle } from './end-oracle.ts';
import { calmChoices } from './tampered-run.ts';

/** A run without faults, at its end. */
interface Ended extends Checks {
  readonly world: SimWorld;
}

async function runOnce(onPhase: (world: SimWorld, happening: Happening) => void = () => undefined) {
  let made: SimWorld | undefined;
  const company = {
    workload: (world: SimWorld) => {
      made = world;
      return simCompany.workload(world);
    },
    oracles: (world: SimWorld) => [
      {
        after: (happening: Happening) => {
          if (happening.type === 'phase') onPhase(world, happening);
        },
        atEnd: () => undefined,
      },
      ...simCompany.oracles(world),
    ],
  };
  const { failure } = await runSeed('ended', { company, choices: calmChoices('ended') });
  const world = made as unknown as SimWorld;
  return { failure, world, ...checksOf(world) };
}

/** The code that the end of a run fails with if its clients tell `accounts`, or 'none'. */
async function codeOf({ world, oracle, workload }: Ended, accounts: Partial<ClientAccounts> = {}) {
  const told = { isFinished: workload.isFinished, book: workload.book, ...accounts };
  const end = new EndOracle(world, oracle, told);
  end.after({ type: 'phase', phase: { name: 'calm', core: [...world.nodes.keys()] } });
  try {
    await end.atEnd();
  } catch (error) {
    if (error instanceof SimViolation) return error.code;
    throw error;
  }
  return 'none';
}

const isPut = ({ input, output }: SimOperation): boolean =>
  input.op === 'put' && output?.ok === true;

describe('at the end of a run', () => {
  let ended: Ended;

  beforeAll(async () => {
    const { failure, ...rest } = await runOnce();
    if (failure !== undefined) throw new Error('The run itself failed.', { cause: failure });
    ended = rest;
  });

  test('nothing is wrong if nothing went wrong, and the clients did something', async () => {
    expect(await codeOf(ended)).toBe('none');
    expect(ended.workload.book.history.length).toBeGreaterThan(20);
    expect(ended.oracle.ledger.seen.imagesRead).toBeGreaterThan(0);
  });

  test('clients that still wait are seen (E1)', async () => {
    expect(await codeOf(ended, { isFinished: false })).toBe('E1');
  });

  test('a history without an order is seen (E3)', async () => {
    const { history, fates } = ended.workload.book;
    const at = history.findIndex(isPut);
    expect(at).toBeGreaterThanOrEqual(0);
    const wrong = { ...history[at], output: { ok: false, value: 'nobody wrote this' } };
    const book = { fates, history: history.with(at, wrong as SimOperation) };

    expect(await codeOf(ended, { book })).toBe('E3');
  });

  test('a write that is done and had no effect, or that failed and had one, is seen (E4, S22)', async () => {
    const { history, fates } = ended.workload.book;
    const never = JSON.stringify({ op: 'put', key: 'x', value: 'never written' });
    const done = [...fates].find(([, fate]) => fate === 'done')?.[0] as string;

    expect(await codeOf(ended, { book: { history, fates: new Map([[never, 'done']]) } })).toBe(
      'E4',
    );
    expect(await codeOf(ended, { book: { history, fates: new Map([[done, 'failed']]) } })).toBe(
      'S22',
    );
  });

  test('a disk from which an acknowledged write is gone is seen (E5)', async () => {
    const { world } = ended;
    const { store } = world.nodes.get('a') as SimNode;
    const before = store.files;
    const damaged = before.crash();
    const [first] = (await damaged.readDirectory('/data/log')).filter((name) => /\d/.test(name));
    await damaged.unlink(`/data/log/${first}`);
    await damaged.syncDirectory('/data/log');
    store.files = damaged;

    expect(await codeOf(ended)).toBe('E5');
    store.files = before;
    expect(await codeOf(ended)).toBe('none');
  });

  test('a disk that leads to other sessions is seen (E7)', async () => {
    const { applies } = ended.oracle;
    const sessionsAt = applies.sessionsAt.bind(applies);
    applies.sessionsAt = (indexes) =>
      new Map([...sessionsAt(indexes)].map(([index, text]) => [index, `${text} `]));

    expect(await codeOf(ended)).toBe('E7');
    applies.sessionsAt = sessionsAt;
    expect(await codeOf(ended)).toBe('none');
  });

  test('a disk that leads to another state is seen (E7)', async () => {
    const { model } = ended.oracle.applies;
    const digestAt = model.digestAt.bind(model);
    model.digestAt = (index) => (index > 10 ? '1-00000000' : digestAt(index));

    // Not told of a core, it looks at the disks alone.
    const end = new EndOracle(ended.world, ended.oracle, ended.workload);
    await expect(end.atEnd()).rejects.toMatchObject({ code: 'E7' });
    model.digestAt = digestAt;
  });

  test('a node that ended in another state than the others is seen (E2)', async () => {
    const { machine } = ended.world.nodes.get('b') as SimNode;
    const logId = { term: 1, index: 1_000_000 };

    await machine.apply([{ logId, command: { op: 'put', key: 'register-0', value: 'alone' } }]);

    expect(await codeOf(ended)).toBe('E2');
  });
});

test('a leader that changes though nothing is wrong is seen (E8)', async () => {
  const { failure } = await runOnce((world, happening) => {
    if (happening.type !== 'phase' || happening.phase.name !== 'calm') return;
    const handOver = (): void => {
      const leader = [...world.nodes.values()].find(({ state }) => state?.role === 'leader');
      if (leader !== undefined) void world.call(leader.id, (raft) => raft.transferLeadership());
      world.setTimer(handOver, 500);
    };
    handOver();
  });

  expect(failure?.error).toMatchObject({ code: 'E8' });
});
