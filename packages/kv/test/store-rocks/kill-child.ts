import { encodeCommand } from '../../src/protocol/commands.ts';
import { RocksKvMachine } from '../../src/store-rocks/machine.ts';
import { batchAt, lastApplied } from './kill-batches.ts';
import { appliedRecord } from './kit.ts';

/* Applies batch after batch to the state in a folder, and says each that was applied. */

const [, , folder = ''] = process.argv;
const machine = await RocksKvMachine.open(folder, { writeBufferBytes: 65_536 });
for (let index = (await lastApplied(machine)) + 1; ; index += 1) {
  const batch = [{ logId: { term: 1, index }, command: encodeCommand(batchAt(index)) }];
  await machine.apply(batch, () => [appliedRecord(index)]);
  console.log(String(index));
}
