import { KvClient, type Lock, op } from '@quorate/kv/client';

// One at a time prints its page. Each `KvClient` stands for a process of its own.

const servers = (process.argv[2] ?? '127.0.0.1:7001').split(',');
const signal = AbortSignal.timeout(30_000);

async function print(pages: string, kv: KvClient): Promise<void> {
  // Free after ten seconds at the latest if this process dies.
  const lock = await kv.lock('printer', { ttl: 10, signal });
  try {
    await printPages(pages, kv, lock);
  } finally {
    await lock.unlock();
  }
}

async function printPages(pages: string, kv: KvClient, lock: Lock): Promise<void> {
  const before = (await kv.get('paper', { signal }))?.text() ?? '';
  for (const page of pages) {
    // Stop when the lock may be lost.
    lock.signal.throwIfAborted();
    console.log(`page ${page}`);
  }
  // Done only if the lock is still held when it is done, even if this process stood still.
  await lock
    .txn()
    .then(op.put('paper', before + pages))
    .commit({ signal });
}

const clients = [new KvClient({ servers }), new KvClient({ servers })] as const;
const [first, second] = clients;
const held = await first.lock('printer', { signal });
const waiting = print('ABC', second);
console.log('busy:', (await first.tryLock('printer')) === undefined);
await held.unlock();
await waiting;

const next = await first.lock('printer', { signal });
console.log('the token has grown:', next.fencingToken > held.fencingToken);
await next.unlock();
console.log('paper:', (await first.get('paper'))?.text());
for (const kv of clients) await kv.close();
