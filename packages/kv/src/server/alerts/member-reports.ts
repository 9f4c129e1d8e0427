import { KvError } from '../../errors.ts';
import { JsonFields } from '../../protocol/json-fields.ts';
import type { AlertSeverity, KvAlert, KvAlertCode } from '../../types.ts';
import type { Room, RoomLevel } from './disk-room.ts';
import { alertKinds, compareAlerts } from './kinds.ts';
import type { Gate, LowMember } from './write-gate.ts';

/*
 * What the leader and the others tell each other once a second, as JSON. Fields that nobody knows
 * are passed over, since members of different versions talk to each other during an upgrade.
 */

/** What a member answers to the leader: how it is. */
export interface MemberReport {
  readonly version: string;
  /** The time of day, in milliseconds, if it has a clock for that. */
  readonly wallMs?: number;
  readonly room?: Room;
  /** What it has to say of itself. */
  readonly alerts: readonly KvAlert[];
}

/** What the leader says with its question. */
export interface LeaderNews {
  readonly leader: string;
  readonly term: number;
  readonly gate: Gate;
  /** Of all members, as far as the leader knows. */
  readonly alerts: readonly KvAlert[];
}

/** Alerts of one message. The gravest come first, so those are kept. */
const mostAlerts = 64;
const mostLow = 64;
const longestText = 1000;

/** As it goes over the wire: bounded. */
export function boundedAlerts(alerts: readonly KvAlert[]): readonly KvAlert[] {
  return [...alerts].sort(compareAlerts).slice(0, mostAlerts).map(shortened);
}

/**
 * The rooms that the last reports tell of. A disk stays low while its member does not answer; one
 * that was well does not count then, since it cannot stand in for one that is full.
 */
export function roomsOf(
  reports: ReadonlyMap<string, { readonly report: MemberReport; readonly isSilent: boolean }>,
): Map<string, Room> {
  const rooms = new Map<string, Room>();
  for (const [member, { report, isSilent }] of reports) {
    const { room } = report;
    if (room === undefined || (isSilent && room.level === 'well')) continue;
    rooms.set(member, room);
  }
  return rooms;
}

/** @throws {KvError} `KV_INVALID` */
export function readReport(value: unknown): MemberReport {
  const fields = new JsonFields(value, 'The report');
  return {
    version: fields.string('version').slice(0, longestText),
    ...(fields.has('wallMs') ? { wallMs: fields.number('wallMs') } : {}),
    ...(fields.has('room') ? { room: readRoom(fields.any('room')) } : {}),
    alerts: readAlerts(fields),
  };
}

/** @throws {KvError} `KV_INVALID` */
export function readNews(value: unknown): LeaderNews {
  const fields = new JsonFields(value, 'The news');
  return {
    leader: fields.string('leader'),
    term: fields.whole('term'),
    gate: readGate(fields.any('gate')),
    alerts: readAlerts(fields),
  };
}

function readRoom(value: unknown): Room {
  const fields = new JsonFields(value, 'room');
  return {
    level: oneOf<RoomLevel>(fields, 'level', ['well', 'low', 'full']),
    freeBytes: fields.whole('freeBytes'),
    wantedBytes: fields.whole('wantedBytes'),
    ...(fields.has('isFalling') ? { isFalling: fields.boolean('isFalling') } : {}),
  };
}

function readGate(value: unknown): Gate {
  const fields = new JsonFields(value, 'gate');
  const low = fields.list('low', (one, path): LowMember => {
    const member = new JsonFields(one, path);
    return {
      member: member.string('member'),
      freeBytes: member.whole('freeBytes'),
      wantedBytes: member.whole('wantedBytes'),
    };
  });
  const refuses = oneOf<Gate['refuses']>(fields, 'refuses', ['nothing', 'additions', 'everything']);
  return { refuses, low: low.slice(0, mostLow) };
}

/** Codes of a later version are left out: nobody here knows what they mean. */
function readAlerts(fields: JsonFields): readonly KvAlert[] {
  const alerts = fields.list('alerts', (value, path): KvAlert | undefined => {
    const one = new JsonFields(value, path);
    const code = one.string('code');
    if (!Object.hasOwn(alertKinds, code)) return undefined;
    return shortened({
      code: code as KvAlertCode,
      severity: oneOf<AlertSeverity>(one, 'severity', ['info', 'warning', 'error']),
      member: one.string('member'),
      message: one.string('message'),
      advice: one.string('advice'),
    });
  });
  return alerts.filter((alert) => alert !== undefined).slice(0, mostAlerts);
}

function oneOf<Choice extends string>(
  fields: JsonFields,
  name: string,
  choices: readonly Choice[],
): Choice {
  const value = fields.string(name);
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  const shown = JSON.stringify(value.slice(0, 80));
  throw new KvError('KV_INVALID', `${name} must be one of ${choices.join(', ')}; it is ${shown}.`);
}

function shortened(alert: KvAlert): KvAlert {
  const { message, advice } = alert;
  if (message.length <= longestText && advice.length <= longestText) return alert;
  return {
    ...alert,
    message: message.slice(0, longestText),
    advice: advice.slice(0, longestText),
  };
}
