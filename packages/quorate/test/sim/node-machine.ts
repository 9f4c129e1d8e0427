import { KeyValueMachine } from './machine.ts';
import type { SimNode } from './node.ts';
import type { SimProcess } from './process.ts';

/** The state machine of a life of a node; it tells the world what it does while that lasts. */
export function newMachine(node: SimNode, process: SimProcess | undefined): KeyValueMachine {
  const { world } = node;
  const { applyMs, restoreMs, chunkBytes } = world.knobs.process;
  const sleep = (ms: number): Promise<void> | undefined =>
    ms === 0 ? undefined : new Promise((resolve) => process?.setTimer(() => resolve(), ms));
  const lives = (): boolean => process !== undefined && !process.isDead;
  return new KeyValueMachine({
    chunkBytes,
    pause: () => sleep(Math.max(applyMs, node.applyMs)),
    restorePause: () => sleep(restoreMs),
    witness: {
      applied: (batch, responses) => {
        if (!lives()) return;
        const index = batch.at(-1)?.logId.index ?? 0;
        world.trace.note('apply', () => ({ type: 'apply', node: node.id, index }));
        world.happen({ type: 'applied', node, batch, responses });
      },
      frozen: (digest) => {
        if (lives()) world.happen({ type: 'frozen', node, digest });
      },
      restored: (meta, digest) => {
        if (lives()) world.happen({ type: 'restored', node, meta, digest });
      },
    },
  });
}
