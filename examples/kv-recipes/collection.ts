import { KvClient } from '@quorate/kv/client';
import { z } from 'zod';

// Documents with a schema: checked when they are written, and when they are read.

const servers = (process.argv[2] ?? '127.0.0.1:7001').split(',');
const signal = AbortSignal.timeout(30_000);
const kv = new KvClient({ servers });

const users = kv.collection(
  'users',
  z.object({ name: z.string().min(1), visits: z.number().int().default(0) }),
);

// What an earlier run has left.
for (const id of ['ada', 'grace']) await users.delete(id, { signal });

const ada = await users.create('ada', { name: 'Ada' }, { signal });
await users.create('grace', { name: 'Grace', visits: 3 }, { signal });

// Read, changed and written; again if somebody else was faster.
const visit = (): Promise<unknown> =>
  users.update('ada', (user) => user && { ...user.value, visits: user.value.visits + 1 }, {
    signal,
  });
await Promise.all([visit(), visit(), visit()]);

for await (const { id, value } of users.list({ signal })) {
  console.log(`${id}: ${value.name}, ${value.visits} visits`);
}

try {
  await users.put('joan', { name: '' }, { signal });
} catch (error) {
  console.log((error as { code?: string }).code);
}

// Everything since she was created, once and in order.
for await (const event of users.watch({ from: ada.revision, signal })) {
  if (event.type === 'delete') {
    console.log(`deleted ${event.id}`);
    break;
  }
  const { id, value } = event.document;
  console.log(`put ${id}: ${value.visits}`);
  if (value.visits === 1) await users.delete('grace', { signal });
}
await kv.close();
