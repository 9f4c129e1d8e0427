import assert from 'node:assert/strict';
import type { DurableStateMachine } from '../../contract/state-machine.ts';
import { streamOf } from './bench.ts';
import { type DurableBench, readRecords, record, recordsAt } from './durable-bench.ts';
import type { RegisterCase } from './opened.ts';

/** How often a machine is caught while it makes what it was sent its own state. */
const looksAtTheEnd = 8;

/** What a machine with a disk promises about `restore`: old or new, and never something between. */
export function durableRestoreCases<Command, Response>(
  test: RegisterCase<DurableBench<Command, Response>>,
): void {
  test('restore replaces all library records along with the state', async (bench) => {
    const chunks = await bench.contentAfter(bench.half);
    const machine = await openWithOldRecords(bench);

    await machine.restore(streamOf(chunks), bench.plain.meta(bench.half), newRecords(bench));

    await assertIsNew(bench, machine);
  });

  test('what was restored is there when the machine is opened again', async (bench) => {
    const chunks = await bench.contentAfter(bench.half);
    const machine = await openWithOldRecords(bench);
    await machine.restore(streamOf(chunks), bench.plain.meta(bench.half), newRecords(bench));

    await assertIsNew(bench, await bench.hooks.reopen(machine));
  });

  test('a machine goes on after restore, and keeps that too', async (bench) => {
    const chunks = await bench.contentAfter(bench.half);
    const machine = await openWithOldRecords(bench);
    await machine.restore(streamOf(chunks), bench.plain.meta(bench.half), newRecords(bench));
    await bench.apply(machine, bench.half, bench.count);

    const reopened = await bench.hooks.reopen(machine);

    assert.equal(await bench.assertOneMoment(reopened), bench.count);
  });

  test('a crash in the middle of restore leaves the old state or the new one', async (bench) => {
    const chunks = await bench.contentAfter(bench.half);
    const machine = await openWithOldRecords(bench);
    const crashed: DurableStateMachine<Command, Response>[] = [];
    const crash = async (): Promise<void> => {
      crashed.push(await bench.hooks.afterCrash(machine));
    };
    const progress = { isDone: false };
    let looking: Promise<void> | undefined;
    const lookAtTheEnd = async (): Promise<void> => {
      for (let look = 0; look < looksAtTheEnd && !progress.isDone; look += 1) await crash();
    };
    async function* crashingStream(): AsyncGenerator<Uint8Array> {
      for (const chunk of chunks) {
        await crash();
        yield chunk;
      }
      await crash();
      looking = lookAtTheEnd();
    }

    const stream = crashingStream();
    const meta = bench.plain.meta(bench.half);
    await machine.restore(stream, meta, newRecords(bench)).finally(() => {
      progress.isDone = true;
    });
    await looking;

    for (const one of crashed) await assertIsOldOrNew(bench, one);
    await assertIsOldOrNew(bench, await bench.hooks.afterCrash(machine));
    await assertIsNew(bench, machine);
  });

  test('a restore whose content breaks off leaves state and records as they were', async (bench) => {
    const chunks = await bench.contentAfter(bench.half);
    const machine = await openWithOldRecords(bench);
    const failure = new Error('The stream broke.');
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield* chunks.slice(0, -1);
      throw failure;
    }

    const restoring = machine.restore(broken(), bench.plain.meta(bench.half), newRecords(bench));

    await assert.rejects(restoring, failure);
    await assertIsOld(bench, await bench.hooks.afterCrash(machine));
    await assertIsOld(bench, await bench.hooks.reopen(machine));
  });
}

/** How many commands the old state has: others than the new one, and not all, so that it shows. */
function oldCount({ count }: { readonly count: number }): number {
  return count - 1;
}

/** A machine with a state other than the new one, and a record that no snapshot knows of. */
async function openWithOldRecords<Command, Response>(
  bench: DurableBench<Command, Response>,
): Promise<DurableStateMachine<Command, Response>> {
  const machine = await bench.openAfter(oldCount(bench));
  await machine.apply([], () => [record('old', 'yes')]);
  await machine.flush?.();
  return machine;
}

function newRecords({ half }: { readonly half: number }): ReturnType<typeof recordsAt> {
  return [...recordsAt(half), record('new', 'yes')];
}

async function assertIsOldOrNew<Command, Response>(
  bench: DurableBench<Command, Response>,
  machine: DurableStateMachine<Command, Response>,
): Promise<void> {
  const records = await readRecords(machine);
  if (records['new'] === undefined) await assertIsOld(bench, machine);
  else await assertIsNew(bench, machine);
}

async function assertIsOld<Command, Response>(
  bench: DurableBench<Command, Response>,
  machine: DurableStateMachine<Command, Response>,
): Promise<void> {
  const count = oldCount(bench);
  const wanted = { applied: `${count}`, 'applied-too': `${count}`, old: 'yes' };
  assert.deepEqual(await readRecords(machine), wanted);
  await bench.assertState(machine, count);
}

async function assertIsNew<Command, Response>(
  bench: DurableBench<Command, Response>,
  machine: DurableStateMachine<Command, Response>,
): Promise<void> {
  const { half } = bench;
  const wanted = { applied: `${half}`, 'applied-too': `${half}`, new: 'yes' };
  assert.deepEqual(await readRecords(machine), wanted);
  await bench.assertState(machine, half);
}
