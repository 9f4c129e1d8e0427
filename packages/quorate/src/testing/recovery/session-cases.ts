import assert from 'node:assert/strict';
import type { CallOptions } from '../../contract/network.ts';
import type { ForwardResponse } from '../../core/message.ts';
import { jsonCodec } from '../../node/codec.ts';
import { isRaftError } from '../../node/error-codes.ts';
import type { Raft } from '../../node/raft.ts';
import { decodeResponse } from '../../node/response-codec.ts';
import type { RecoverySuiteOptions } from './options.ts';
import { inTime, type Place, until, untilLeader, withPlace } from './place.ts';
import { cutEverywhere, forming, hasty, type Scenario } from './power-cut-cases.ts';

const words = ['one', 'two', 'three', 'four'];

/** What a client wrote in a session takes effect once, however often node and write come again. */
export function sessionCases(options: RecoverySuiteOptions): void {
  const { test } = options;

  test('a session is known after a start from the log, and after one from a snapshot', () =>
    withPlace(options, async (place) => {
      const { work, check } = sessionWrites(place);
      await work();
      await place.crash();
      await check();
      await place.crash();
      await check();
    }));

  for (const machine of ['in memory', 'with a disk of its own'] as const) {
    test(`writes of a session with a state machine ${machine}: a cut at any step, and each takes effect once`, () =>
      cutEverywhere(options, machine, sessionWrites));
  }
}

/** A cluster of one writes in a session, with a snapshot halfway; then all writes come again. */
function sessionWrites(place: Place): ReturnType<Scenario> {
  let id: number | undefined;
  let answered = 0;
  const work = async (): Promise<void> => {
    const raft = await place.start('a', forming);
    await raft.initialize({ a: {} });
    await untilLeader(raft);
    const session = await inTime((wait) => raft.openSession(wait));
    id = session.id;
    for (const word of words) {
      const { response } = await inTime((wait) => session.write(word, wait));
      answered += 1;
      assert.equal(response, answered);
      if (answered === 2) await inTime((wait) => raft.takeSnapshot(wait));
    }
  };
  const check = async (): Promise<void> => {
    const raft = await place.start('a', hasty);
    if (id === undefined) return;
    for (const [at, word] of words.entries()) {
      assert.equal(await repeat(raft, [id, at + 1], word), at + 1, `the response to ${word}`);
    }
    assert.deepEqual([...place.machine.commands], words);
  };
  return { work, check };
}

/** Sends a write of a session again, as another node would pass it on, until there is an answer. */
async function repeat(
  raft: Raft<string, number>,
  [id, sequence]: readonly [id: number, sequence: number],
  word: string,
): Promise<unknown> {
  const from = { cluster: undefined, node: 'client', incarnation: 'none', starts: 1 };
  const options: CallOptions = { from, to: { node: raft.id } };
  const request = { command: jsonCodec.encode(word), session: { id, sequence } };
  for (let tries = 0; tries < 100; tries += 1) {
    await until(raft, ({ role }) => role === 'leader');
    try {
      const { response }: ForwardResponse = await raft.rpc.forward(request, options);
      return decodeResponse(jsonCodec, response);
    } catch (error) {
      const isLost = isRaftError(error) && /NOT_LEADER|LEADERSHIP_LOST/.test(error.code);
      if (!isLost) throw error;
    }
  }
  throw new Error(`The node never kept its leadership for long enough to take ${word}.`);
}
