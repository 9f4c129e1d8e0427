// A node with an empty state machine, and closed-loop writers in its process, for the parent that
// asks for them. Started by `ProcessCluster`.

import { answerParent, startArgument } from './answer-parent.ts';
import { writeCount, writeFor, writeWhile } from './closed-loop.ts';
import { EmptyStateMachine } from './empty-state.ts';
import { type NodeStart, WatchedNode } from './watched-node.ts';

/** Load on the leader: by time, by count, or until it is stopped. */
export interface Load {
  readonly writers: number;
  readonly valueBytes: number;
  readonly seconds?: number;
  readonly count?: number;
}

let isStopped = false;
const node = await WatchedNode.start(startArgument() as NodeStart, new EmptyStateMachine());

answerParent({
  initialize: (addresses: Record<string, string>) => node.initialize(addresses),
  picture: () => node.picture(),
  awaitApplied: ({ index }: { index: number }) => node.awaitApplied(index),
  load({ writers, valueBytes, seconds, count }: Load) {
    const command = new Uint8Array(valueBytes).fill(7);
    const write = (): Promise<unknown> => node.raft.write(command);
    if (count !== undefined) return writeCount(count, writers, write);
    if (seconds !== undefined) return writeFor(seconds, writers, write);
    isStopped = false;
    return writeWhile(writers, write, () => !isStopped);
  },
  stop() {
    isStopped = true;
  },
  /** The log begins anew behind it, if nothing is kept. */
  async snapshot() {
    await node.raft.takeSnapshot();
  },
  close: () => node.close(),
});
