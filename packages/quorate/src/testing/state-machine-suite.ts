import assert from 'node:assert/strict';
import { Bench, collect, streamOf } from './state-machine/bench.ts';
import { DurableBench } from './state-machine/durable-bench.ts';
import { durableCases } from './state-machine/durable-cases.ts';
import { durableRestoreCases } from './state-machine/durable-restore-cases.ts';
import { Opened, type RegisterCase } from './state-machine/opened.ts';
import type { StateMachineSuiteOptions } from './state-machine/options.ts';

/**
 * Registers a test for each promise that a state machine makes; with `durable`, also for those of a
 * machine with its state on a disk of its own: that state and library records are of one moment
 * after a crash, whenever it comes.
 *
 * @throws {RangeError} if there are fewer than four commands.
 */
export function stateMachineSuite<Command, Response>(
  options: StateMachineSuiteOptions<Command, Response>,
): void {
  const { test, commands } = options;
  if (commands.length < 4) {
    throw new RangeError(`The suite wants at least 4 commands; got ${commands.length}.`);
  }
  if (options.durable === undefined) {
    const register: RegisterCase<Bench<Command, Response>> = (name, run) => {
      test(name, () => Opened.during((opened) => run(new Bench(opened.options(options)))));
    };
    plainCases(register, commands);
    return;
  }
  const register: RegisterCase<DurableBench<Command, Response>> = (name, run) => {
    test(name, () => Opened.during((opened) => run(new DurableBench(opened.durable(options)))));
  };
  const registerPlain: RegisterCase<Bench<Command, Response>> = (name, run) =>
    register(name, ({ plain }) => run(plain));
  plainCases(registerPlain, commands);
  durableCases(register);
  durableRestoreCases(register);
}

function plainCases<Command, Response>(
  register: RegisterCase<Bench<Command, Response>>,
  commands: readonly Command[],
): void {
  applyCases(register, commands);
  snapshotCases(register);
  freezeCases(register);
}

function applyCases<Command, Response>(
  test: RegisterCase<Bench<Command, Response>>,
  commands: readonly Command[],
): void {
  test('the same commands give the same state and responses on every machine', async (bench) => {
    const one = await bench.observe(await bench.open(), 0);
    const other = await bench.observe(await bench.open(), 0);

    assert.deepEqual(other, one);
    assert.deepEqual(await bench.observeHalfway(), await bench.observeHalfway());
  });

  test('however commands are batched, each gets its own response, and the state is the same', async (bench) => {
    const wanted = await bench.apply(await bench.open(), 0, bench.count, 1);
    const wantedState = await stateAfter(bench, 1);

    for (const batchSize of [2, 3, bench.count]) {
      const responses = await bench.apply(await bench.open(), 0, bench.count, batchSize);
      assert.deepEqual(responses, wanted, `Responses differ in batches of ${batchSize}.`);
      assert.deepEqual(await stateAfter(bench, batchSize), wantedState);
    }
  });

  test('looking at commands with validate changes nothing', async (bench) => {
    const wanted = await bench.observe(await bench.open(), 0);
    const machine = await bench.open();
    const refusals: unknown[] = [];

    for (const command of commands) {
      // A refusal is an answer like any other here: it must leave no trace either.
      await Promise.resolve(command)
        .then((looked) => machine.validate?.(looked))
        .catch((error: unknown) => refusals.push(error));
    }

    assert.deepEqual(await bench.observe(machine, 0), wanted);
  });
}

/** The state after all commands, applied in batches of that size. */
async function stateAfter<Command, Response>(
  bench: Bench<Command, Response>,
  batchSize: number,
): Promise<unknown> {
  const machine = await bench.open();
  await bench.apply(machine, 0, bench.count, batchSize);
  return (await bench.observe(machine, bench.count)).state;
}

function snapshotCases<Command, Response>(test: RegisterCase<Bench<Command, Response>>): void {
  test('a snapshot that is restored on another machine gives equal state and responses', async (bench) => {
    const chunks = await collect(await (await bench.openHalfway()).snapshot());
    const other = await bench.open();

    await other.restore(streamOf(chunks), bench.meta(bench.half));

    assert.deepEqual(await bench.observe(other, bench.half), await bench.observeHalfway());
  });

  test('a snapshot arrives as well in chunks of one byte, and in a single one', async (bench) => {
    const bytes = Buffer.concat(await collect(await (await bench.openHalfway()).snapshot()));
    const wanted = await bench.observeHalfway();
    const inBytes = Array.from(bytes, (byte) => new Uint8Array([byte]));

    for (const chunks of [[bytes], inBytes]) {
      const other = await bench.open();
      await other.restore(streamOf(chunks), bench.meta(bench.half));
      assert.deepEqual(await bench.observe(other, bench.half), wanted);
    }
  });

  test('restore replaces the whole state and merges nothing', async (bench) => {
    const chunks = await collect(await (await bench.openHalfway()).snapshot());
    const other = await bench.open();
    await bench.apply(other, 0, bench.count);

    await other.restore(streamOf(chunks), bench.meta(bench.half));

    assert.deepEqual(await bench.observe(other, bench.half), await bench.observeHalfway());
  });

  test('restoring the snapshot of a new machine leaves nothing of the old state', async (bench) => {
    const chunks = await collect(await (await bench.open()).snapshot());
    const other = await bench.openHalfway();

    await other.restore(streamOf(chunks), bench.meta(0));

    assert.deepEqual(await bench.observe(other, 0), await bench.observe(await bench.open(), 0));
  });
}

function freezeCases<Command, Response>(test: RegisterCase<Bench<Command, Response>>): void {
  test('what is applied after snapshot resolved is not in it', async (bench) => {
    const machine = await bench.openHalfway();
    const frozen = await machine.snapshot();
    await bench.apply(machine, bench.half, bench.count);
    const other = await bench.open();

    await other.restore(streamOf(await collect(frozen)), bench.meta(bench.half));

    assert.deepEqual(await bench.observe(other, bench.half), await bench.observeHalfway());
  });

  test('what is applied between two chunks is not in the snapshot', async (bench) => {
    const machine = await bench.openHalfway();
    let next = bench.half;
    const chunks: Uint8Array[] = [];
    for await (const chunk of await machine.snapshot()) {
      chunks.push(new Uint8Array(chunk));
      if (next < bench.count) await bench.apply(machine, next, next + 1);
      next += 1;
    }
    const other = await bench.open();

    await other.restore(streamOf(chunks), bench.meta(bench.half));

    assert.deepEqual(await bench.observe(other, bench.half), await bench.observeHalfway());
  });

  test('making a snapshot changes nothing, and a second one is as good', async (bench) => {
    const machine = await bench.openHalfway();
    await collect(await machine.snapshot());
    const chunks = await collect(await machine.snapshot());
    const other = await bench.open();
    await other.restore(streamOf(chunks), bench.meta(bench.half));

    const wanted = await bench.observeHalfway();
    assert.deepEqual(await bench.observe(machine, bench.half), wanted);
    assert.deepEqual(await bench.observe(other, bench.half), wanted);
  });
}
