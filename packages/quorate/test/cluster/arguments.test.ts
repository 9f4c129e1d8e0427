import { describe, expect, test } from 'vitest';
import type { NodeInfo } from '../../src/core/types.ts';
import { Raft } from '../../src/node/raft.ts';
import { memoryStorage } from '../../src/storage/memory.ts';
import { Cluster, calm, soon } from './kit.ts';
import { RecordingMachine } from './recording-machine.ts';

/** What JSON may bring where an info is wanted. */
const wrongInfos: readonly (readonly [unknown, string])[] = [
  [undefined, 'The info of node z must be an object; it is undefined.'],
  [null, 'The info of node z must be an object; it is null.'],
  [[], 'The info of node z must be an object; it is [].'],
  [{ address: 5 }, 'The address of node z must be a string; it is 5.'],
  [{ data: { x: 1 } }, 'The data of node z must be an object of strings; it is {"x":1}.'],
];

describe('what a membership call is given', () => {
  test.for(wrongInfos)('%j is refused before it reaches the log', async ([info, message]) => {
    await using cluster = await Cluster.of(['a']);
    const { raft } = cluster.first;
    const { last } = raft.metrics;
    const wrong = info as NodeInfo;

    await expect(raft.addLearner('z', wrong, soon())).rejects.toThrow(message);
    await expect(raft.updateNode('z', wrong, soon())).rejects.toThrow(message);
    await expect(raft.initialize({ z: wrong }, soon())).rejects.toThrow(message);

    expect(raft.metrics.last).toEqual(last);
  });

  test('an id that is empty or no string is refused', async () => {
    await using cluster = await Cluster.of(['a']);
    const { raft } = cluster.first;

    const empty = 'A node id must be a string that is not empty; it is "".';
    await expect(raft.addLearner('', {}, soon())).rejects.toThrow(empty);
    await expect(raft.initialize({ a: {}, '': {} }, soon())).rejects.toThrow(empty);
    await expect(raft.addLearner(5 as unknown as string, {}, soon())).rejects.toThrow('it is 5.');
    await expect(raft.changeVoters('ab' as unknown as string[], soon())).rejects.toThrow(
      'The voters must be a list of node ids; it is "ab".',
    );
  });
});

describe('a command', () => {
  test('of a kind of Uint8Array is a plain one on every node', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c'], { config: calm });

    await cluster.first.raft.write(Buffer.from('hello'), soon());

    for (const node of cluster.nodes.values()) {
      const [command] = await node.awaitCommands(1);
      expect(Object.getPrototypeOf(command)).toBe(Uint8Array.prototype);
      expect(command).toEqual(new TextEncoder().encode('hello'));
    }
  });

  test('that is larger than maxCommandBytes is refused, and nothing is logged', async () => {
    await using cluster = await Cluster.of(['a'], { config: { ...calm, maxCommandBytes: 10 } });
    const { raft } = cluster.first;
    const { last } = raft.metrics;

    const write = raft.write(new Uint8Array(11), soon());

    await expect(write).rejects.toThrow('11 bytes is larger than maxCommandBytes, 10');
    expect(raft.metrics.last).toEqual(last);
  });

  test('that waits for validate has its place, so that those cannot pile up either', async () => {
    const refusals: (() => void)[] = [];
    const config = { ...calm, maxPendingWrites: 2 };
    await using cluster = await Cluster.of(['a'], { config });
    const { raft, machine } = cluster.first;
    machine.onValidate = () =>
      new Promise<void>((_, reject) => refusals.push(() => reject(new Error('no'))));

    const waiting = [raft.write(1, soon()), raft.write(2, soon())];
    await expect(raft.write(3, soon())).rejects.toMatchObject({ code: 'RAFT_OVERLOADED' });
    for (const refuse of refusals) refuse();

    for (const write of waiting) await expect(write).rejects.toThrow('no');
  });
});

describe('a node that was closed', () => {
  test('leads no more, and says that it does not run', async () => {
    await using cluster = await Cluster.of(['a']);
    const { raft } = cluster.first;
    await raft.close();

    expect(raft.metrics).toMatchObject({ isRunning: false, role: 'follower', leader: undefined });
    const led = raft.waitFor(({ role }) => role === 'leader', soon());
    await expect(led).rejects.toMatchObject({ code: 'RAFT_STOPPED' });
  });

  test('gives its storage back, which two nodes cannot use at once', async () => {
    await using cluster = await Cluster.of(['a']);
    const storage = memoryStorage();
    const options = () => ({
      id: 'b',
      stateMachine: new RecordingMachine(),
      storage,
      network: cluster.wires,
    });
    const first = await Raft.start(options());

    await expect(Raft.start(options())).rejects.toThrow('is in use by a node that runs');
    await first.close();
    await using second = await Raft.start(options());

    expect(second.metrics.isRunning).toBe(true);
  });
});
