// Real processes under chaos: nodes on loopback are killed, stopped and cut off while clients use
// them, and what the clients saw is checked. See docs/chaos.md.

import { randomBytes } from 'node:crypto';
import { looking } from '../command-line.ts';
import { type ChaosOptions, readChaosOptions } from './options.ts';
import { runChaosProgram, runInFolder } from './program.ts';
import { breakageIn, breakageVariable } from './protocol.ts';
import { runChaos } from './run.ts';
import { summaryLines } from './summary.ts';

const usage = `npm run chaos                                  30 seconds with a fresh seed
npm run chaos -- --seconds S --seed X          the same faults at the same times
npm run chaos -- --nodes N --clients C         3 to 9 nodes, 1 to 64 clients
npm run chaos -- --network http                the nodes speak HTTP to each other instead of TCP
npm run chaos -- --keep DIR                    keeps logs, data and history there in any case
npm run chaos -- --server kv [...]             members of the key-value server and its clients`;

async function main(signal: AbortSignal): Promise<number> {
  const options = readChaosOptions(process.argv.slice(2), randomBytes(8).toString('hex'));
  const breakage = await looking(() => breakageIn(process.env));
  const { keep, ...run } = options;
  const broken = breakage === undefined ? '' : `, broken on purpose: ${breakage}`;
  const size = `${run.seconds} s, ${run.nodes} nodes over ${run.network}`;
  return runInFolder({ keep, signal }, async (folder) => {
    console.log(`chaos seed ${run.seed}: ${size}${broken}`);
    const say = (line: string): void => console.log(line);
    const summary = await runChaos({ ...run, ...folder, say, signal });
    const command = commandFor(options, breakage);
    return {
      isBad: summary.findings.length > 0,
      linesOf: (kept) => summaryLines(summary, { command, directory: kept }),
    };
  });
}

function commandFor(
  { seed, seconds, nodes, clients, network }: ChaosOptions,
  breakage: string | undefined,
): string {
  const environment = breakage === undefined ? '' : `${breakageVariable}=${breakage} `;
  const counts = `--nodes ${nodes} --clients ${clients} --network ${network}`;
  return `${environment}npm run chaos -- --seconds ${seconds} ${counts} --seed ${seed}`;
}

await runChaosProgram(usage, main);
