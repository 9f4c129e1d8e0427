// A key-value server made of the library: a durable log, TCP between the nodes, and the same wire
// for its clients. Started by `ProcessCluster`. Any node answers; one that does not lead passes a
// put on, and asks the leader how far it must have come before it answers a get.

import { answerParent, startArgument } from './answer-parent.ts';
import { channelName, isPuts, readGets, valuesMessage } from './kv-messages.ts';
import { KvState } from './kv-state.ts';
import { NodeObserver } from './node-observer.ts';
import { type NodeStart, WatchedNode } from './watched-node.ts';

const start = startArgument() as NodeStart;
const state = new KvState();
const observer = start.isObserved === true ? new NodeObserver() : undefined;
const node = await WatchedNode.start(
  start,
  state,
  (storage) => observer?.watch(storage) ?? storage,
);
const { raft, wire } = node;
const done = new Uint8Array(0);

wire.handle(channelName, {
  async call(bytes) {
    if (isPuts(bytes)) {
      // As they came: they are a part of what the socket gave, of which the log keeps most anyway.
      await raft.write(bytes);
      return done;
    }
    const keys = readGets(bytes);
    await raft.readBarrier();
    return valuesMessage(keys.map((key) => state.get(key)));
  },
});

answerParent({
  initialize: (addresses: Record<string, string>) => node.initialize(addresses),
  picture: () => node.picture(),
  awaitApplied: ({ index }: { index: number }) => node.awaitApplied(index),
  observe: () => observer?.take(),
  close: () => node.close(),
});
