// Real processes under chaos: nodes on loopback are killed, stopped and cut off while clients use
// them, and what the clients saw is checked. See docs/chaos.md.

import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { looking, runCommand, UsageError } from '../command-line.ts';
import { type ChaosOptions, readChaosOptions } from './options.ts';
import { breakageIn, breakageVariable } from './protocol.ts';
import { runChaos } from './run.ts';
import { summaryLines } from './summary.ts';

const usage = `npm run chaos                                  30 seconds with a fresh seed
npm run chaos -- --seconds S --seed X          the same faults at the same times
npm run chaos -- --nodes N --clients C         3 to 9 nodes, 1 to 64 clients
npm run chaos -- --network http                the nodes speak HTTP to each other instead of TCP
npm run chaos -- --keep DIR                    keeps logs, data and history there in any case`;

async function main(signal: AbortSignal): Promise<number> {
  const options = readChaosOptions(process.argv.slice(2), randomBytes(8).toString('hex'));
  const breakage = await looking(() => breakageIn(process.env));
  const { keep, ...run } = options;
  const broken = breakage === undefined ? '' : `, broken on purpose: ${breakage}`;
  const directory = await openFolder(keep);
  const size = `${run.seconds} s, ${run.nodes} nodes over ${run.network}`;
  console.log(`chaos seed ${run.seed}: ${size}${broken}`);

  let mayGo = keep === undefined;
  try {
    const say = (line: string): void => console.log(line);
    const isTemporary = keep === undefined;
    const summary = await runChaos({ ...run, directory, isTemporary, say, signal });
    const isBad = summary.findings.length > 0;
    mayGo &&= !isBad;
    const command = commandFor(options, breakage);
    const kept = mayGo ? undefined : directory;
    for (const line of summaryLines(summary, { command, directory: kept })) console.log(line);
    return isBad ? 1 : 0;
  } catch (error) {
    if (!signal.aborted) {
      mayGo = false;
      console.error(`The run broke off; what there is of it is in ${directory}`);
    }
    throw error;
  } finally {
    if (mayGo) await rm(directory, { recursive: true, force: true });
  }
}

/** @throws {UsageError} if the folder has something in it. */
async function openFolder(keep: string | undefined): Promise<string> {
  if (keep === undefined) return mkdtemp(path.join(tmpdir(), 'quorate-chaos-'));
  await mkdir(keep, { recursive: true });
  const found = await readdir(keep);
  if (found.length === 0) return keep;
  throw new UsageError(
    `--keep needs a folder that is empty or not there yet; ${keep} has ${found.length} entries.`,
  );
}

function commandFor(
  { seed, seconds, nodes, clients, network }: ChaosOptions,
  breakage: string | undefined,
): string {
  const environment = breakage === undefined ? '' : `${breakageVariable}=${breakage} `;
  const counts = `--nodes ${nodes} --clients ${clients} --network ${network}`;
  return `${environment}npm run chaos -- --seconds ${seconds} ${counts} --seed ${seed}`;
}

const interrupted = new AbortController();
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
for (const [name, code] of Object.entries(exitCodes)) {
  process.once(name, () => {
    process.exitCode = code;
    interrupted.abort(new Error(`The run was ended by ${name}.`));
  });
}
// Who started it and read its words is gone.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    process.exitCode ??= 1;
    interrupted.abort(error);
  });
}
await runCommand('chaos', usage, async () => {
  try {
    return await main(interrupted.signal);
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    console.error('The run was interrupted; its nodes are gone.');
    return 1;
  }
});
