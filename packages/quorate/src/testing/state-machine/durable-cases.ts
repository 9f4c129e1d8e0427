import assert from 'node:assert/strict';
import type { LibraryRecord } from '../../contract/state-machine.ts';
import { type DurableBench, readRecords, record, recordsAt } from './durable-bench.ts';
import type { RegisterCase } from './opened.ts';

/** More than fits into a page of whatever a machine reads at a time. */
const manyRecords = 1000;

/** What a machine with a disk promises about `apply`, `libraryRecords` and `flush`. */
export function durableCases<Command, Response>(
  test: RegisterCase<DurableBench<Command, Response>>,
): void {
  recordCases(test);
  crashCases(test);
}

function recordCases<Command, Response>(test: RegisterCase<DurableBench<Command, Response>>): void {
  test('a new machine has no library records', async (bench) => {
    assert.deepEqual(await readRecords(await bench.open()), {});
  });

  test('seal is called once for a batch, with its responses', async (bench) => {
    const machine = await bench.open();
    const sealed: (readonly Response[])[] = [];

    const answered = await machine.apply(bench.plain.batch(0, bench.half), (responses) => {
      sealed.push([...responses]);
      return [];
    });

    assert.deepEqual(sealed, [[...answered]]);
    assert.equal(answered.length, bench.half);
  });

  test('an empty batch keeps its records and leaves the state as it is', async (bench) => {
    const machine = await bench.openAfter(bench.half);

    const answered = await machine.apply([], (responses) => {
      assert.deepEqual([...responses], []);
      return [record('session', 'one')];
    });

    assert.deepEqual([...answered], []);
    const reopened = await bench.hooks.reopen(machine);
    assert.deepEqual(await readRecords(reopened), {
      ...textsOf(recordsAt(bench.half)),
      session: 'one',
    });
    await bench.assertState(reopened, bench.half);
  });

  test('a record replaces the one under its key, and without a value removes it', async (bench) => {
    const machine = await bench.open();
    const empty = record('empty', '');
    await machine.apply([], () => [record('a', '1'), record('b', '1'), record('c', '1'), empty]);
    await machine.apply([], () => [record('a', '2'), record('b', undefined)]);
    await machine.apply([], () => [record('nothing', undefined)]);

    const wanted = { a: '2', c: '1', empty: '' };
    assert.deepEqual(await readRecords(machine), wanted);
    assert.deepEqual(await readRecords(await bench.hooks.reopen(machine)), wanted);
  });

  test('libraryRecords gives back every record, however many there are', async (bench) => {
    const machine = await bench.open();
    const records = Array.from({ length: manyRecords }, (_, at) => record(`key ${at} é`, `${at}`));

    await machine.apply([], () => records);

    assert.deepEqual(await readRecords(machine), textsOf(records));
  });

  test('when seal throws, nothing of the batch is kept', async (bench) => {
    const machine = await bench.openAfter(bench.half);
    const failure = new Error('No records today.');

    const applying = Promise.resolve().then(() =>
      machine.apply(bench.plain.batch(bench.half, bench.count), () => {
        throw failure;
      }),
    );

    await assert.rejects(applying, failure);
    const reopened = await bench.hooks.reopen(machine);
    assert.equal(await bench.assertOneMoment(reopened), bench.half);
  });
}

function crashCases<Command, Response>(test: RegisterCase<DurableBench<Command, Response>>): void {
  test('state and records are there when the machine is opened again', async (bench) => {
    const machine = await bench.openAfter(bench.half);

    const reopened = await bench.hooks.reopen(machine);

    assert.equal(await bench.assertOneMoment(reopened), bench.half);
  });

  test('state and records are of one moment after a crash, whenever it comes', async (bench) => {
    const machine = await bench.open();
    const { afterCrash } = bench.hooks;
    for (let from = 0; from < bench.count; from += 2) {
      const applying = bench.apply(machine, from, Math.min(from + 2, bench.count));
      const crashed = await Promise.all([afterCrash(machine), applying]);
      await bench.assertOneMoment(crashed[0]);
      await bench.assertOneMoment(await afterCrash(machine));
    }
  });

  test('what was applied before flush survives a crash', async (bench) => {
    const machine = await bench.openAfter(bench.half);
    const canFlush = machine.flush !== undefined;
    await machine.flush?.();

    const crashed = await bench.hooks.afterCrash(machine);

    const applied = await bench.assertOneMoment(crashed);
    assert.ok(applied === bench.half || !canFlush, `Only ${applied} commands survived.`);
  });
}

function textsOf(records: readonly LibraryRecord[]): Record<string, string> {
  return Object.fromEntries(
    records.map(({ key, value }) => [key, Buffer.from(value ?? []).toString()] as const),
  );
}
