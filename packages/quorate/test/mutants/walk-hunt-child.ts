// Walks in a copy of the package that has a planted bug: see hunt.ts, which starts it.

import { loadCore } from '../walker/core-copy.ts';
import { walk } from '../walker/walk.ts';
import { makeTries } from './hunt.ts';

const module = await loadCore();

await makeTries(process.argv.slice(2), async (seed) => {
  const { eventCount, violation } = walk(module, seed);
  return { events: eventCount, code: violation?.code, text: violation?.message };
});
