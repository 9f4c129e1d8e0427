import assert from 'node:assert/strict';
import { Bench, collect, streamOf } from './state-machine/bench.ts';
import type { StateMachineSuiteOptions } from './state-machine/options.ts';

/**
 * Registers a test for each promise that a state machine makes.
 *
 * @throws {RangeError} if there are fewer than four commands.
 */
export function stateMachineSuite<Command, Response>(
  options: StateMachineSuiteOptions<Command, Response>,
): void {
  const bench = new Bench(options);
  applyCases(options, bench);
  snapshotCases(options, bench);
  freezeCases(options, bench);
}

function applyCases<Command, Response>(
  { test, commands }: StateMachineSuiteOptions<Command, Response>,
  bench: Bench<Command, Response>,
): void {
  test('the same commands give the same state and responses on every machine', async () => {
    const one = await bench.observe(await bench.open(), 0);
    const other = await bench.observe(await bench.open(), 0);

    assert.deepEqual(other, one);
    assert.deepEqual(await bench.observeHalfway(), await bench.observeHalfway());
  });

  test('however commands are batched, each gets its own response, and the state is the same', async () => {
    const wanted = await bench.apply(await bench.open(), 0, bench.count, 1);
    const wantedState = await stateAfter(1);

    for (const batchSize of [2, 3, bench.count]) {
      const responses = await bench.apply(await bench.open(), 0, bench.count, batchSize);
      assert.deepEqual(responses, wanted, `Responses differ in batches of ${batchSize}.`);
      assert.deepEqual(await stateAfter(batchSize), wantedState);
    }
  });

  test('looking at commands with validate changes nothing', async () => {
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

  async function stateAfter(batchSize: number): Promise<unknown> {
    const machine = await bench.open();
    await bench.apply(machine, 0, bench.count, batchSize);
    return (await bench.observe(machine, bench.count)).state;
  }
}

function snapshotCases<Command, Response>(
  { test }: StateMachineSuiteOptions<Command, Response>,
  bench: Bench<Command, Response>,
): void {
  test('a snapshot that is restored on another machine gives equal state and responses', async () => {
    const chunks = await collect(await (await bench.openHalfway()).snapshot());
    const other = await bench.open();

    await other.restore(streamOf(chunks), bench.meta(bench.half));

    assert.deepEqual(await bench.observe(other, bench.half), await bench.observeHalfway());
  });

  test('a snapshot arrives as well in chunks of one byte, and in a single one', async () => {
    const bytes = Buffer.concat(await collect(await (await bench.openHalfway()).snapshot()));
    const wanted = await bench.observeHalfway();
    const inBytes = Array.from(bytes, (byte) => new Uint8Array([byte]));

    for (const chunks of [[bytes], inBytes]) {
      const other = await bench.open();
      await other.restore(streamOf(chunks), bench.meta(bench.half));
      assert.deepEqual(await bench.observe(other, bench.half), wanted);
    }
  });

  test('restore replaces the whole state and merges nothing', async () => {
    const chunks = await collect(await (await bench.openHalfway()).snapshot());
    const other = await bench.open();
    await bench.apply(other, 0, bench.count);

    await other.restore(streamOf(chunks), bench.meta(bench.half));

    assert.deepEqual(await bench.observe(other, bench.half), await bench.observeHalfway());
  });

  test('restoring the snapshot of a new machine leaves nothing of the old state', async () => {
    const chunks = await collect(await (await bench.open()).snapshot());
    const other = await bench.openHalfway();

    await other.restore(streamOf(chunks), bench.meta(0));

    assert.deepEqual(await bench.observe(other, 0), await bench.observe(await bench.open(), 0));
  });
}

function freezeCases<Command, Response>(
  { test }: StateMachineSuiteOptions<Command, Response>,
  bench: Bench<Command, Response>,
): void {
  test('what is applied after snapshot resolved is not in it', async () => {
    const machine = await bench.openHalfway();
    const frozen = await machine.snapshot();
    await bench.apply(machine, bench.half, bench.count);
    const other = await bench.open();

    await other.restore(streamOf(await collect(frozen)), bench.meta(bench.half));

    assert.deepEqual(await bench.observe(other, bench.half), await bench.observeHalfway());
  });

  test('what is applied between two chunks is not in the snapshot', async () => {
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

  test('making a snapshot changes nothing, and a second one is as good', async () => {
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
