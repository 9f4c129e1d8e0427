import { KvClient } from '@quorate/kv/client';

// Workers wait until there is work, begin it together, and end together.

const servers = (process.argv[2] ?? '127.0.0.1:7001').split(',');
const signal = AbortSignal.timeout(30_000);
const clients = ['a', 'b', 'c'].map(() => new KvClient({ servers }));
const [boss] = clients;

async function worker(kv: KvClient): Promise<void> {
  await kv.barrier('work').wait({ signal });
  const place = await kv.doubleBarrier('shift', clients.length).enter({ ttl: 10, signal });
  try {
    console.log('begins when all are there');
  } finally {
    await place.leave({ signal });
  }
  console.log('ends when all are done');
}

await boss?.barrier('work').hold({ signal });
const workers = clients.map(worker);
console.log('there is work');
await boss?.barrier('work').release({ signal });
await Promise.all(workers);
for (const kv of clients) await kv.close();
