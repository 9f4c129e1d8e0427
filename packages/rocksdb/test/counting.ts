import { RocksStateMachine, type RocksStateMachineOptions } from '@quorate/rocksdb';

const keyCount = 50;

/** Each command raises a count by one and writes it under one of many keys. */
export const countingOptions: RocksStateMachineOptions<'count', number> = {
  async applyOne(_command, view) {
    const count = numberOf(await view.get('count')) + 1;
    view.put('count', Buffer.from(`${count}`));
    view.put(`key ${count % keyCount}`, Buffer.from(`${count}`));
    return count;
  },
  // Small, so that the engine makes files of its memory all the time.
  writeBufferBytes: 65_536,
};

/** What is there, after looking that records and every single key are of the same moment. */
export async function checkCounting(folder: string): Promise<{ count: number; restored: number }> {
  const machine = await RocksStateMachine.open(folder, countingOptions);
  try {
    const records = await recordsOf(machine);
    const count = numberOf(await machine.get('count'));
    if (records.applied !== count) {
      throw new Error(`Records say ${records.applied}, and the state is that of ${count}.`);
    }
    for (let key = 0; key < keyCount; key += 1) {
      const wanted = count < key ? 0 : count - ((count - key) % keyCount);
      const found = numberOf(await machine.get(`key ${key}`));
      if (found === wanted) continue;
      throw new Error(`Key ${key} must be ${wanted} where ${count} were counted; it is ${found}.`);
    }
    return { count, restored: records.restored };
  } finally {
    await machine.close();
  }
}

export async function recordsOf(
  machine: RocksStateMachine<'count', number>,
): Promise<{ applied: number; restored: number }> {
  const records = { applied: 0, restored: 0 };
  for await (const { key, value } of machine.libraryRecords()) {
    if (key === 'applied' || key === 'restored') records[key] = numberOf(value);
  }
  return records;
}

function numberOf(bytes: Uint8Array | undefined): number {
  return bytes === undefined ? 0 : Number(Buffer.from(bytes).toString());
}
