import { encodeCommand } from '../../src/protocol/commands.ts';
import { RocksKvMachine } from '../../src/store-rocks/machine.ts';
import type { Operation } from '../../src/types.ts';
import { appliedRecord } from './kit.ts';

/*
 * Puts much more than its memory may hold, and says how much memory it took: in the heap, which is
 * bounded by a flag, and in buffers.
 */

const [, , folder = '', mebibytes = '100'] = process.argv;
const valueBytes = 4096;
const perBatch = 64;
const batches = (Number(mebibytes) * 1024 * 1024) / (valueBytes * perBatch);
const machine = await RocksKvMachine.open(folder, { writeBufferBytes: 1024 * 1024 });
let most = 0;
let index = 0;

async function apply(operations: Operation[]): Promise<void> {
  index += 1;
  const command = encodeCommand(operations);
  await machine.apply([{ logId: { term: 1, index }, command }], () => [appliedRecord(index)]);
}

for (let batch = 0; batch < batches; batch += 1) {
  const operations = Array.from({ length: perBatch }, (_, at): Operation => {
    const key = Buffer.from(`key ${batch * perBatch + at}`);
    return { type: 'put', key, value: Buffer.alloc(valueBytes, batch % 251) };
  });
  await apply(operations);
  if (batch % 16 === 0) {
    global.gc?.();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    most = Math.max(most, heapUsed + arrayBuffers);
  }
}
let bytes = 0;
for await (const chunk of machine.store.snapshot({ reuses: true })) bytes += chunk.length;
global.gc?.();
const { heapUsed, arrayBuffers } = process.memoryUsage();
most = Math.max(most, heapUsed + arrayBuffers);
const { keyCount } = machine.store;
await machine.close();
console.log(JSON.stringify({ most, bytes, keyCount }));
