import { describe, expect, test } from 'vitest';

import { KvError } from '../../src/errors.ts';
import { FakeClient, FakeWire, lost, noLeader, watched } from './support/fake-wire.ts';

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  for await (const chunk of chunks) text += Buffer.from(chunk).toString();
  return text;
}

describe('the snapshot of a client', () => {
  test('comes from a follower', async () => {
    const wire = new FakeWire(['a', 'b', 'c']);
    const asked: string[] = [];
    wire.onSnapshot = async function* (member) {
      asked.push(member);
      yield Buffer.from(member);
    };
    await using client = new FakeClient(wire);

    for (let time = 0; time < 6; time += 1) await textOf(client.snapshot());

    expect(asked).toHaveLength(6);
    expect(asked).not.toContain('a');
  });

  test('comes from the leader if there is nobody else', async () => {
    const wire = new FakeWire(['a']);
    await using client = new FakeClient(wire);

    expect(await textOf(client.snapshot())).toBe('the state');
  });

  test('is asked for at another member while none has begun', async () => {
    const wire = new FakeWire(['a', 'b', 'c']);
    const asked: string[] = [];
    wire.onSnapshot = async function* (member) {
      asked.push(member);
      if (asked.length === 1) throw noLeader();
      yield Buffer.from('whole');
    };
    await using client = new FakeClient(wire);

    const reading = watched(textOf(client.snapshot()));
    while (!reading.isOver) await client.runtime.pass(50);

    expect(reading.answer).toBe('whole');
    expect(new Set(asked).size).toBe(2);
  });

  test('that does not begin in time has timed out, whoever is silent', async () => {
    const wire = new FakeWire(['a', 'b', 'c']);
    wire.onSnapshot = async function* (_member, { signal }) {
      yield await new Promise<never>((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason));
      });
    };
    await using client = new FakeClient(wire);

    const reading = watched(textOf(client.snapshot()));
    while (!reading.isOver) await client.runtime.pass(1000);

    expect(reading.error).toMatchObject({ code: 'KV_TIMEOUT' });
  });

  test('rejects when it breaks off later, and is not begun anew', async () => {
    const wire = new FakeWire(['a', 'b', 'c']);
    let asked = 0;
    wire.onSnapshot = async function* () {
      asked += 1;
      yield Buffer.from('half');
      throw lost();
    };
    await using client = new FakeClient(wire);

    const failure: unknown = await textOf(client.snapshot()).catch((error: unknown) => error);

    // It is no write whose fate could be open.
    expect(failure).toMatchObject({ code: 'KV_NO_LEADER', maybeApplied: false });
    expect(String(failure)).toContain('The snapshot broke off: ');
    expect(asked).toBe(1);
  });

  test('is refused at once for what no other member would answer otherwise', async () => {
    const wire = new FakeWire(['a', 'b', 'c']);
    const refusal = new KvError('KV_INVALID', 'This is none.');
    wire.onSnapshot = async function* () {
      yield await Promise.reject(refusal);
    };
    await using client = new FakeClient(wire);

    await expect(textOf(client.snapshot())).rejects.toMatchObject({ code: 'KV_INVALID' });
  });

  test('tells the member when nobody reads on', async () => {
    const wire = new FakeWire(['a', 'b', 'c']);
    let isOver = false;
    let aborted: AbortSignal | undefined;
    wire.onSnapshot = async function* (_, { signal }) {
      aborted = signal;
      try {
        for (;;) yield Buffer.from('more');
      } finally {
        isOver = true;
      }
    };
    await using client = new FakeClient(wire);

    for await (const _ of client.snapshot()) break;

    expect([isOver, aborted?.aborted]).toEqual([true, true]);
  });
});
