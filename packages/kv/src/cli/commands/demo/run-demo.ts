import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { KvClient, type MemberReport } from '../../../client.ts';
import type { CliContext } from '../../context.ts';
import { exitCodes } from '../../exit-codes.ts';
import { CliFailure } from '../../failure.ts';
import { DemoCluster } from './demo-cluster.ts';
import { DemoLoad } from './demo-load.ts';
import type { DemoMember } from './demo-member.ts';
import { DemoTeller } from './demo-teller.ts';
import { choosePlaces } from './places.ts';

export interface DemoFlags {
  readonly members: number;
  readonly dir?: string;
  readonly keep?: boolean;
  readonly port?: number;
  readonly json?: boolean;
  readonly called: string;
}

/** Members may take this long to find a leader at the start. */
const startTimeoutMs = 30_000;
const lookEveryMs = 250;
const longestLookMs = 900;
/** All members are given their time to stop, and a little more. */
const endWithinMs = 8000;

/** Runs until somebody ends it, which is how it ends well. */
export async function runDemo(context: CliContext, flags: DemoFlags): Promise<void> {
  context.endWithin(endWithinMs);
  const ending = new AbortController();
  // A terminal that was closed ends it like ctrl-C.
  const onHangUp = (): void => ending.abort();
  process.once('SIGHUP', onHangUp);
  const signal = AbortSignal.any([context.signal, ending.signal]);
  const { folder, isTemporary } = await folderOf(context, flags);
  const demo: Demo = { context, flags, folder, isTemporary, signal, end: () => ending.abort() };
  try {
    await runIn(demo);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    process.removeListener('SIGHUP', onHangUp);
    if (isTemporary) await rm(folder, { recursive: true, force: true });
  }
}

interface Demo {
  readonly context: CliContext;
  readonly flags: DemoFlags;
  readonly folder: string;
  readonly isTemporary: boolean;
  readonly signal: AbortSignal;
  readonly end: () => void;
}

async function folderOf(
  { cwd }: CliContext,
  { dir, keep = false }: DemoFlags,
): Promise<{ readonly folder: string; readonly isTemporary: boolean }> {
  if (dir === undefined) {
    const folder = await mkdtemp(path.join(tmpdir(), 'quorate-demo-'));
    return { folder, isTemporary: !keep };
  }
  const folder = path.resolve(cwd, dir);
  await mkdir(folder, { recursive: true });
  return { folder, isTemporary: false };
}

async function runIn({ context, flags, folder, isTemporary, signal, end }: Demo): Promise<void> {
  let teller: DemoTeller | undefined;
  const cluster = new DemoCluster({
    ...{ folder, isTemporary },
    places: await choosePlaces({ members: flags.members, port: flags.port, folder }),
    onExit: (member, how) => teller?.ended(member, how),
  });
  const client = new KvClient({ servers: cluster.addresses });
  let load: DemoLoad | undefined;
  try {
    teller = new DemoTeller(context, { ...flags, folder, cluster });
    teller.starting();
    cluster.start();
    await formed(cluster, client, signal);
    load = new DemoLoad(client);
    teller.open((key) => pressed(key, cluster.members, end));
    while (!signal.aborted) {
      const reports = await client.statusOfAll({ signal, timeoutMs: longestLookMs });
      teller.look(reports, load.picture);
      await sleep(lookEveryMs, undefined, { signal });
    }
  } finally {
    teller?.close();
    await load?.close();
    await client.close();
    await cluster.stop();
    teller?.over();
  }
}

/** @throws {CliFailure} if it takes too long, or a member ends meanwhile. */
async function formed(cluster: DemoCluster, client: KvClient, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + startTimeoutMs;
  for (;;) {
    cluster.demandAll();
    const reports = await client.statusOfAll({ signal, timeoutMs: longestLookMs });
    if (isFormed(reports, cluster.members)) return;
    if (performance.now() > deadline) {
      throw new CliFailure(`no leader was elected within ${startTimeoutMs / 1000} s.`, {
        exitCode: exitCodes.failed,
        advice: 'The machine may be too busy for it: try with fewer --members.',
      });
    }
    await sleep(lookEveryMs / 5, undefined, { signal });
  }
}

/** All have heard of a leader, so that the first table is a whole one. */
function isFormed(reports: readonly MemberReport[], members: readonly DemoMember[]): boolean {
  const knowing = reports.filter(({ status }) => status?.leader !== undefined);
  return knowing.length >= members.length;
}

function pressed(key: string, members: readonly DemoMember[], end: () => void): void {
  if (key === 'q') return end();
  const member = /^[1-9]$/.test(key) ? members[Number(key) - 1] : undefined;
  if (member === undefined) return;
  if (member.isRunning) member.kill();
  else member.start();
}
