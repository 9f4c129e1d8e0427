import { type Desk, demandAllowed, drawBelow } from './desk.ts';

/** Forgets the past now and then, up to the newest revision at times. */
export async function compactNowAndThen(desk: Desk): Promise<void> {
  const { client, records, name, world } = desk;
  while (!world.isCalm) {
    for (let rests = 0; rests < 8 && !world.isCalm; rests += 1) await desk.rest();
    const back = drawBelow(desk, 3) === 0 ? 0 : drawBelow(desk, 40);
    const revision = records.heard - back;
    if (revision < 2) continue;
    try {
      await client.compact(revision);
      world.tell(`${name} compact ${revision}`);
      world.mark('compacted by a client');
    } catch (error) {
      demandAllowed(desk, error, ['KV_COMPACTED']);
    }
  }
}
