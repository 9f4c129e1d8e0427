import { type Entry, KvError, type WatchUpdate } from '../../../src/client.ts';
import type { KeyValue, KvEvent, Revision, WatchBatch, WatchRequest } from '../../../src/types.ts';
import type { WatchRecord } from '../../checks/watches.ts';
import type { Open } from '../records.ts';
import { KvViolation } from '../violation.ts';
import { type Desk, demandAllowed, draw, drawBelow, sleep } from './desk.ts';
import { drawRange } from './readers.ts';

type OpenRecord = Open<WatchRecord> & { readonly batches: WatchBatch[] };

/** Watches a while, from now on or from the past, ends that, and goes on where it was or anew. */
export async function watchNowAndThen(desk: Desk): Promise<void> {
  const { world } = desk;
  while (!world.isCalm) {
    const record = begin(desk, drawRequest(desk));
    for (let parts = 1 + drawBelow(desk, 3); parts > 0 && !world.isCalm; parts -= 1) {
      const end = new AbortController();
      const timer = desk.process.setTimer(() => end.abort(), 20 + drawBelow(desk, 64) * 20);
      const isWhole = await watchOn(desk, record, end.signal);
      timer.cancel();
      if (!isWhole) break;
      await desk.rest();
    }
  }
}

/** Watches everything to the very end, through all that happens. */
export async function watchForEver(desk: Desk): Promise<void> {
  const { chronicle, world } = desk;
  const whole = { key: Buffer.of(0), end: Buffer.of(0), previous: drawBelow(desk, 2) === 0 };
  let record = begin(desk, { ...whole, from: Math.max(2, chronicle.compacted + 1) });
  const end = new AbortController();
  const failures: unknown[] = [];
  const watch = async (): Promise<void> => {
    while (!end.signal.aborted) {
      const isWhole = await watchOn(desk, record, end.signal);
      await desk.rest();
      if (isWhole) continue;
      record = begin(desk, { ...whole, from: Math.max(2, chronicle.compacted + 1) });
    }
  };
  const watching = watch().catch((error: unknown) => {
    failures.push(error);
  });
  while (failures.length === 0 && !(world.isCalm && isCaughtUp(record, chronicle.revision))) {
    await sleep(desk, 50);
  }
  record.until = chronicle.revision;
  end.abort();
  await watching;
  for (const failure of failures) throw failure;
}

function isCaughtUp({ from, batches }: WatchRecord, revision: Revision): boolean {
  return (batches.at(-1)?.revision ?? from - 1) >= revision;
}

function begin({ records }: Desk, request: WatchRequest): OpenRecord {
  const record = { request, from: request.from ?? 0, batches: [] };
  records.watches.push(record);
  return record;
}

function drawRequest(desk: Desk): WatchRequest {
  const { records } = desk;
  const back = draw(desk, [0, 0, 5, 40]);
  const without = draw(desk, [undefined, undefined, undefined, 'put', 'delete'] as const);
  return {
    ...drawRange(desk),
    ...(back === 0 ? {} : { from: Math.max(2, records.heard - back) }),
    ...(drawBelow(desk, 2) === 0 ? { previous: true } : {}),
    ...(without === undefined ? {} : { without }),
  };
}

/** Reads until `signal` aborts. Returns `false` if what comes next is gone. */
async function watchOn(desk: Desk, record: OpenRecord, signal: AbortSignal): Promise<boolean> {
  const { client, records, world, name } = desk;
  const { request, batches } = record;
  const { key, end, previous, without } = request;
  const from = batches.length > 0 ? (batches.at(-1) as WatchBatch).revision + 1 : record.from;
  const heard = records.heard;
  try {
    const watch = client.watch({
      ...(end === undefined ? { key } : { range: { from: key, ...endOf(end) } }),
      ...(from === 0 ? {} : { from }),
      previous,
      without,
      signal,
    });
    const first = await watch.ready;
    world.tell(`${name} watch ${first}`);
    if (from === 0) {
      records.hear(`${name} (a watch)`, first - 1, { atLeast: heard });
      record.from = first;
    }
    for await (const update of watch) {
      world.tell(`${name} told ${update.revision} ${update.events.length}`);
      batches.push(batchOf(update));
      world.mark('watch batch');
    }
    return true;
  } catch (error) {
    if (signal.aborted) return true;
    return judge(desk, record, error);
  }
}

function judge(desk: Desk, record: OpenRecord, error: unknown): boolean {
  demandAllowed(desk, error, ['KV_COMPACTED']);
  if (!(error instanceof KvError) || error.code !== 'KV_COMPACTED') return true;
  const next = (record.batches.at(-1)?.revision ?? record.from - 1) + 1;
  const wanted = Number(error.details['wanted']);
  const { compacted } = desk.chronicle;
  if (wanted < next || wanted > compacted) {
    const text = `${desk.name} lost its watch at ${wanted} of ${next}; ${compacted} is compacted.`;
    throw new KvViolation('watch', text, { cause: error });
  }
  return false;
}

/** The end of the range that has none. */
function endOf(end: Uint8Array): { readonly to?: Uint8Array } {
  return end.length === 1 && end[0] === 0 ? {} : { to: end };
}

function batchOf({ revision, events }: WatchUpdate): WatchBatch {
  return {
    revision,
    events: events.map((event): KvEvent => {
      const { previous } = event;
      const before = previous === undefined ? {} : { previous: pairOf(previous) };
      if (event.type === 'put') return { type: 'put', kv: pairOf(event.entry), ...before };
      const kv: KeyValue = {
        key: event.keyBytes,
        value: Buffer.alloc(0),
        createRevision: 0,
        modRevision: event.revision,
        version: 0,
        lease: 0,
      };
      return { type: 'delete', kv, ...before };
    }),
  };
}

function pairOf(entry: Entry): KeyValue {
  const { keyBytes: key, value, createRevision, modRevision, version, lease } = entry;
  return { key, value, createRevision, modRevision, version, lease };
}
