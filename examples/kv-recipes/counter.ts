import { KvClient } from '@quorate/kv/client';

// Three processes count what they have served; each request counts once.

const servers = (process.argv[2] ?? '127.0.0.1:7001').split(',');
const signal = AbortSignal.timeout(30_000);
const clients = ['a', 'b', 'c'].map(() => new KvClient({ servers }));

await Promise.all(
  clients.map(async (kv) => {
    const served = kv.counter('served');
    // All at once: what waits while one is under way goes as one with the next.
    await Promise.all(Array.from({ length: 1000 }, () => served.add(1, { signal })));
  }),
);

const served = clients[0]?.counter('served');
console.log('served:', await served?.get({ signal }));
console.log('taken back:', await served?.add(-500, { signal }));
for (const kv of clients) await kv.close();
