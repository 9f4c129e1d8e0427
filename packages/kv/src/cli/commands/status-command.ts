import { setTimeout as sleep } from 'node:timers/promises';

import type { Command } from 'commander';

import type { KvClient, MemberReport } from '../../client.ts';
import { addConnectionFlags, type ConnectionFlags, durationFrom, withClient } from '../connect.ts';
import type { CliContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliExit, CliFailure } from '../failure.ts';
import { type Column, type Paint, paint, printJson, printLine, printTable } from '../output.ts';
import { bytesText } from '../progress.ts';
import { grouped, hostPort } from './member-words.ts';
import {
  type ClusterPicture,
  healthOf,
  isWell,
  isWrong,
  lagOf,
  pictureOf,
} from './status-report.ts';

interface StatusFlags extends ConnectionFlags {
  /** In milliseconds; `true`: the usual time. */
  readonly wait?: number | true;
}

const usualWaitMs = 60_000;
const lookEveryMs = 200;

/** `quorate status`. */
export function addStatusCommand(program: Command, context: CliContext): void {
  const command = program
    .command('status')
    .summary('show how each member does')
    .description(
      'Asks every member itself how it does. Ends with 1 if something is wrong, and says below ' +
        'the table what, and what to do about it.',
    )
    .option(
      '--wait [duration]',
      'first wait until a member leads and all is well, for so long at most; 1m if not said',
      durationFrom,
    );
  addConnectionFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  $ quorate status
  $ quorate status --endpoints 10.0.0.1:7001,10.0.0.2:7001 --json
  # Members were started just now.
  $ quorate status --wait 30s > /dev/null && ./load-data.sh
  # In a script:
  $ quorate status > /dev/null || echo 'Look at the cluster.'`,
    )
    .action(async (flags: StatusFlags) => {
      await withClient(context, flags, async (client) => {
        const waitMs = flags.wait === true ? usualWaitMs : (flags.wait ?? 0);
        const reports = await reportsWithin(context, client, waitMs);
        demandAnswers(reports);
        const picture = pictureOf(reports);
        await show(context, flags, picture);
        if (waitMs > 0) demandWell(picture, waitMs);
      });
    });
}

/** What the members say once all is well, or when the time is over. */
async function reportsWithin(
  { signal }: CliContext,
  client: KvClient,
  waitMs: number,
): Promise<readonly MemberReport[]> {
  const startedAt = performance.now();
  for (;;) {
    const reports = await client.statusOfAll({ signal });
    if (isWell(pictureOf(reports)) || performance.now() - startedAt >= waitMs) return reports;
    await sleep(lookEveryMs, undefined, { signal });
  }
}

/** What is wrong was told before, with an exit code; a start that takes long is not wrong. */
function demandWell(picture: ClusterPicture, waitMs: number): void {
  if (isWell(picture)) return;
  const states = picture.reports.map((one) => `${one.id ?? '?'} is ${healthOf(one, picture)}`);
  const leads =
    picture.leading === undefined ? 'no member leads' : `${picture.leading.member} leads`;
  throw new CliFailure(`not all was well within ${waitMs} ms: ${leads}, ${states.join(', ')}.`, {
    exitCode: exitCodes.failed,
    advice: 'See the logs of the members, or wait longer by --wait.',
  });
}

/** @throws {CliFailure} if nobody answered, so that nothing at all is known. */
export function demandAnswers(reports: readonly MemberReport[]): void {
  if (reports.some(({ status }) => status !== undefined)) return;
  const asked = reports.map(({ address = '' }) => hostPort(address)).join(', ');
  const last = reports.at(-1)?.error?.message ?? '';
  throw new CliFailure(`no member answers at ${asked}. The last try: ${last}`, {
    exitCode: exitCodes.unreachable,
    advice:
      'See that members run there, or name others by --endpoints or QUORATE_ENDPOINTS; with ' +
      'certificates, --cert, --key and --ca must be given.',
  });
}

async function show(
  context: CliContext,
  { json = false }: ConnectionFlags,
  picture: ClusterPicture,
): Promise<void> {
  if (json) await printJson(context, jsonOf(picture));
  else await showForPeople(context, picture);
  if (picture.findings.some(isWrong)) throw new CliExit(exitCodes.failed);
}

async function showForPeople(context: CliContext, picture: ClusterPicture): Promise<void> {
  const style = paint(context);
  await printTable(context, columns, rowsOf(picture, style));
  for (const { severity, message, advice } of picture.findings) {
    const color = severity === 'error' ? style.red : style.yellow;
    const mark = severity === 'info' ? style.dim(severity) : color(severity);
    await printLine(context, `\n${mark}: ${message}\n  ${advice}`);
  }
}

export const columns: readonly Column[] = [
  'NAME',
  'ROLE',
  { name: 'TERM', align: 'right' },
  { name: 'REVISION', align: 'right' },
  { name: 'LAG', align: 'right' },
  { name: 'KEYS', align: 'right' },
  { name: 'LOG', align: 'right' },
  { name: 'SNAPSHOTS', align: 'right' },
  { name: 'FREE', align: 'right' },
  'HEALTH',
  'VERSION',
  'ADDRESS',
];

function rowsOf(picture: ClusterPicture, style: Paint): readonly (readonly string[])[] {
  const members = picture.reports.flatMap(({ status }) => status?.members ?? []);
  return picture.reports.map((report) => {
    const { id = '?', status, address = '-' } = report;
    const health = healthOf(report, picture);
    const painted = health === 'well' ? style.green(health) : style.red(health);
    if (status === undefined) {
      const role = members.find((one) => one.id === id)?.role ?? '-';
      const place = members.find((one) => one.id === id)?.peerAddress ?? address;
      return [id, role, '-', '-', '-', '-', '-', '-', '-', painted, '-', hostPort(place)];
    }
    const { disk } = status;
    const bytes = (amount: number | undefined): string =>
      amount === undefined ? '-' : bytesText(amount);
    return [
      id,
      status.role === 'leader' ? style.bold(status.role) : status.role,
      `${status.term}`,
      grouped(status.revision),
      grouped(lagOf(picture, status)),
      grouped(status.keys),
      bytes(disk?.logBytes),
      bytes(disk?.snapshotBytes),
      bytes(disk?.freeBytes),
      painted,
      status.store === 'rocksdb' ? `${status.version} (rocksdb)` : status.version,
      hostPort(address),
    ];
  });
}

function jsonOf(picture: ClusterPicture): object {
  const { reports, leading, findings } = picture;
  return {
    well: !findings.some(isWrong),
    leader: leading?.member,
    members: reports.map(({ id, address, status, error }) => ({
      id,
      address,
      ...(status === undefined ? {} : { lag: lagOf(picture, status), status }),
      ...(error === undefined ? {} : { error: { code: error.code, message: error.message } }),
    })),
    findings,
  };
}
