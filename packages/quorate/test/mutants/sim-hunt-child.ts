// Runs simulated clusters in a copy of the package that has a planted bug: see hunt.ts, which
// starts it.

import { simCompany } from '../sim/clients/company.ts';
import { runSeed } from '../sim/run.ts';
import { describe } from '../sim/world.ts';
import { makeTries } from './hunt.ts';

await makeTries(process.argv.slice(2), async (seed) => {
  const { eventCount, failure } = await runSeed(seed, { company: simCompany });
  if (failure === undefined) return { events: eventCount };
  const { code, text } = describe(failure.error);
  return { events: eventCount, code, text };
});

// Nodes that crashed in a run have left promises that nobody will ever keep.
process.exit(0);
