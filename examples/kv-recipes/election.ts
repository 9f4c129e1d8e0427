import { KvClient, type Leadership } from '@quorate/kv/client';

// Two candidates, and somebody who wants to know who leads.

const servers = (process.argv[2] ?? '127.0.0.1:7001').split(',');
const signal = AbortSignal.timeout(30_000);
const clients = [new KvClient({ servers }), new KvClient({ servers })] as const;
const [first, second] = clients;

// Another one leads after ten seconds at the latest if this process dies.
const ada = await first.election('reports').campaign('ada', { ttl: 10, signal });
let grace: Leadership | undefined;

for await (const leader of second.election('reports').observe({ signal })) {
  console.log(leader === undefined ? 'nobody leads' : `${leader.text} leads`);
  if (leader === undefined) {
    grace = await second.election('reports').campaign('grace', { signal });
  } else if (leader.text === 'ada') {
    await ada.proclaim('ada, at work,', { signal });
  } else if (leader.fencingToken === ada.fencingToken) {
    await ada.resign();
  } else {
    break;
  }
}

console.log('the token has grown:', grace !== undefined && grace.fencingToken > ada.fencingToken);
await grace?.resign();
for (const kv of clients) await kv.close();
