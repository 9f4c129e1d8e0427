import { prefixEnd } from '../../../src/bytes.ts';
import { KvError } from '../../../src/client.ts';
import type { KeyRange, RangeRequest } from '../../../src/types.ts';
import { KvViolation } from '../violation.ts';
import { type Desk, demandAllowed, draw, drawBelow } from './desk.ts';

const everything: KeyRange = { key: Buffer.of(0), end: Buffer.of(0) };

/** Reads ranges, of now and of the past, from whoever has the newest state and from anybody. */
export async function readRanges(desk: Desk): Promise<void> {
  const { client, records, name, world } = desk;
  while (!world.isCalm) {
    const serializable = drawBelow(desk, 2) === 1;
    const request = drawRequest(desk);
    const heard = records.heard;
    try {
      const response = await client.read(request, { serializable });
      world.tell(`${name} read ${response.revision} ${response.count}`);
      records.reads.push({ client: name, request, response });
      if (serializable) world.mark('serializable read');
      else records.hear(`${name} (a read)`, response.revision, { atLeast: heard });
    } catch (error) {
      judge(desk, error, request, { isOld: serializable, heard });
    }
    await desk.rest();
  }
}

export function drawRange(desk: Desk): KeyRange {
  const kind = drawBelow(desk, 5);
  if (kind === 0) return everything;
  if (kind === 1) return { key: Buffer.from('register-1') };
  const prefix = Buffer.from(draw(desk, ['register-', 'list-1/', 'list-', 'quorate/', 'lease-']));
  return { key: prefix, end: prefixEnd(prefix) };
}

function drawRequest(desk: Desk): RangeRequest {
  const { records } = desk;
  const limit = draw(desk, [0, 0, 1, 3]);
  const back = draw(desk, [0, 0, 0, 1, 10, 40]);
  const revision = back === 0 ? 0 : Math.max(1, records.heard - back);
  const countOnly = drawBelow(desk, 8) === 7;
  return {
    ...drawRange(desk),
    ...(limit === 0 ? {} : { limit }),
    ...(revision === 0 ? {} : { revision }),
    ...(countOnly ? { countOnly } : {}),
  };
}

/** The past can be forgotten, and an old member does not know what is new; nothing else. */
function judge(
  desk: Desk,
  error: unknown,
  { revision = 0 }: RangeRequest,
  { isOld, heard }: { readonly isOld: boolean; readonly heard: number },
): void {
  const { chronicle, name } = desk;
  demandAllowed(desk, error, ['KV_COMPACTED', 'KV_FUTURE_REVISION']);
  const code = error instanceof KvError ? error.code : undefined;
  if (code === 'KV_COMPACTED' && revision >= chronicle.compacted) {
    const text = `${name} was told that ${revision} is compacted; that is ${chronicle.compacted}.`;
    throw new KvViolation('read', text, { cause: error });
  }
  if (code === 'KV_FUTURE_REVISION' && !isOld && revision <= heard) {
    const text = `${name} was told that ${revision} is to come, and ${heard} was known before.`;
    throw new KvViolation('stale', text, { cause: error });
  }
}
