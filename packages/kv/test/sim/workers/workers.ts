import { compactNowAndThen } from './compactors.ts';
import { workOnCounters } from './counters.ts';
import { type Desk, drawBelow, type Work } from './desk.ts';
import { sendTwice } from './duplicators.ts';
import { keepLeases } from './kept-leases.ts';
import { workOnLists } from './lists.ts';
import { renewByHand } from './raw-leases.ts';
import { readRanges } from './readers.ts';
import { workOnRegisters } from './registers.ts';
import { watchForEver, watchNowAndThen } from './watchers.ts';

export type { Desk } from './desk.ts';

/** Of these a client has some. */
const others: readonly Work[] = [
  workOnLists,
  workOnCounters,
  readRanges,
  watchNowAndThen,
  watchForEver,
  keepLeases,
  renewByHand,
  compactNowAndThen,
  sendTwice,
];

/** Who works in a process of a client: the first is always there, the others by chance. */
export function workersFor(desk: Desk): readonly Work[] {
  const { focus } = desk.knobs;
  if (focus === 'leasesHandedOver' || focus === 'leasesAtOldLeaders') {
    return [workOnRegisters, keepLeases, renewByHand, renewByHand];
  }
  return [workOnRegisters, ...others.filter(() => drawBelow(desk, 2) === 1)];
}
