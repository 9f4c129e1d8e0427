import type { MemberReport } from '../../../client.ts';
import type { CliContext } from '../../context.ts';
import { type Column, counted, paint, plural, tableLines } from '../../output.ts';
import { grouped } from '../member-words.ts';
import { healthOf, lagOf, pictureOf } from '../status-report.ts';
import { counterKey, type LoadPicture, leasedKey } from './demo-load.ts';
import type { DemoMember } from './demo-member.ts';

export interface DemoPicture {
  readonly members: readonly DemoMember[];
  readonly reports: readonly MemberReport[];
  readonly load: LoadPicture;
  /** How the program is called. */
  readonly called: string;
  readonly folder: string;
  /** What happened last. */
  readonly news: readonly string[];
}

const columns: readonly Column[] = [
  'KEY',
  'NAME',
  { name: 'PID', align: 'right' },
  'ROLE',
  { name: 'TERM', align: 'right' },
  { name: 'REVISION', align: 'right' },
  { name: 'LAG', align: 'right' },
  'ADDRESS',
  'HTTP',
  'STATE',
];

/** The live table, and what to try next. */
export function demoLines(context: CliContext, demo: DemoPicture): readonly string[] {
  const { members, reports, load, news, called, folder } = demo;
  const { dim } = paint(context);
  return [
    `A cluster of ${counted(members.length, 'member')}; ${plural(members.length, 'its', 'their')} data and logs are in ${folder}.`,
    '',
    ...tableLines(context, columns, rowsOf(context, members, reports)),
    '',
    loadLine(load),
    ...(load.trouble === undefined ? [] : [`The last call failed: ${load.trouble}`]),
    '',
    ...commandLines(members, reports, called),
    '',
    ...news.map((line) => dim(line)),
    `${keysOf(members)} ${plural(members.length, 'kills', 'kill')} a member or ${plural(members.length, 'starts', 'start')} it again; q or ctrl-C ends the demo.`,
  ];
}

function keysOf(members: readonly DemoMember[]): string {
  return members.length === 1 ? 'Key 1' : `Keys 1 to ${members.length}`;
}

function rowsOf(
  context: CliContext,
  members: readonly DemoMember[],
  reports: readonly MemberReport[],
): readonly (readonly string[])[] {
  const style = paint(context);
  const picture = pictureOf(reports);
  return members.map((member, at) => {
    const report = reports.find(({ id }) => id === member.name);
    const status = member.isRunning ? report?.status : undefined;
    const health = report === undefined ? 'starting' : healthOf(report, picture);
    const state = member.isRunning ? health : 'down';
    return [
      `${at + 1}`,
      member.name,
      `${member.pid ?? '-'}`,
      status?.role === 'leader' ? style.bold('leader') : (status?.role ?? '-'),
      `${status?.term ?? '-'}`,
      status === undefined ? '-' : grouped(status.revision),
      status === undefined ? '-' : grouped(lagOf(picture, status)),
      member.address,
      `${member.place.httpPort}`,
      state === 'well' ? style.green(state) : style.red(state),
    ];
  });
}

export function loadLine({
  writes,
  failures,
  slowestMs,
  events,
  isLeaseAlive,
}: LoadPicture): string {
  const written = `${grouped(writes)} ${plural(writes, 'write')} of ${counterKey}, ${grouped(failures)} failed`;
  const slowest = `the slowest lately took ${Math.round(slowestMs)} ms`;
  const lease = `the lease of ${leasedKey} is ${isLeaseAlive ? 'alive' : 'not alive'}`;
  return `${written}; ${slowest}; a watch has seen ${grouped(events)} ${plural(events, 'event')}; ${lease}.`;
}

/** What to type in another terminal. */
export function commandLines(
  members: readonly DemoMember[],
  reports: readonly MemberReport[],
  called: string,
): readonly string[] {
  const endpoints = members.map(({ address }) => address).join(',');
  const leading = pictureOf(reports).leading?.member;
  const leader = members.find(({ name }) => name === leading);
  const http = members[0]?.place.httpPort;
  return [
    'Try in another terminal:',
    `  export QUORATE_ENDPOINTS=${endpoints}`,
    `  ${called} put greeting hello`,
    `  ${called} get greeting`,
    `  ${called} watch --prefix demo/`,
    `  ${called} status`,
    `  curl localhost:${http}/v1/kv/greeting`,
    ...(leader?.pid === undefined || members.length < 3
      ? []
      : [`  kill -9 ${leader.pid}   # ${leader.name}, which leads: see another one take over`]),
  ];
}
