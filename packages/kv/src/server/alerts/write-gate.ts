import { KvError } from '../../errors.ts';
import { visitCommand } from '../../protocol/commands.ts';
import type { Operation, TxnOperation, TxnRequest } from '../../types.ts';
import { bytesText, type Room } from './disk-room.ts';

/** A member whose disk is low, as an error names it. */
export interface LowMember {
  readonly member: string;
  readonly freeBytes: number;
  readonly wantedBytes: number;
}

/** What the leader takes: everything, only what adds nothing, or nothing. */
export interface Gate {
  readonly refuses: 'nothing' | 'additions' | 'everything';
  readonly low: readonly LowMember[];
}

export const openGate: Gate = { refuses: 'nothing', low: [] };

/**
 * What the leader may take, by the room on the disks of the voters (`undefined`: not known). A
 * write must find room where it counts: on the leader's own disk, and on those of a majority. As
 * long as nobody is low all is well; after that only those count for well that say so, since a
 * member that does not answer cannot stand in for one whose disk is full.
 */
export function gateOf(
  leader: string,
  voters: readonly (readonly string[])[],
  rooms: ReadonlyMap<string, Room>,
): Gate {
  const low = [...new Set(voters.flat())].flatMap((member) => {
    const room = rooms.get(member);
    if (room === undefined || room.level === 'well') return [];
    return [{ member, freeBytes: room.freeBytes, wantedBytes: room.wantedBytes }];
  });
  if (low.length === 0) return openGate;
  const refusesBelow = (isEnough: (room: Room | undefined) => boolean): boolean => {
    const ownRoom = rooms.get(leader);
    if (ownRoom !== undefined && !isEnough(ownRoom)) return true;
    return !voters.every((config) => {
      const count = config.filter((member) => isEnough(rooms.get(member))).length;
      return 2 * count > config.length;
    });
  };
  const someAreFull = [...rooms.values()].some(({ level }) => level === 'full');
  if (someAreFull && refusesBelow((room) => room !== undefined && room.level !== 'full')) {
    return { refuses: 'everything', low };
  }
  const refuses = refusesBelow((room) => room?.level === 'well') ? 'additions' : 'nothing';
  return { refuses, low };
}

/**
 * @throws {KvError} `KV_LOW_SPACE` if the command adds something and there is no room for that. It
 *   is not in the log then, and never will be.
 */
export function demandRoomFor(command: Uint8Array, gate: Gate): void {
  if (gate.refuses === 'nothing') return;
  if (gate.refuses === 'everything') throw refusalOf(gate);
  visitCommand(command, {
    put: () => {
      throw refusalOf(gate);
    },
    other: (operation) => {
      if (isAddition(operation)) throw refusalOf(gate);
    },
  });
}

/** In a sentence, with the figures. */
export function reasonOf({ refuses, low }: Gate): string {
  const disks = low.map(
    ({ member, freeBytes, wantedBytes }) =>
      `${member} has ${bytesText(freeBytes)} free and wants ${bytesText(wantedBytes)}`,
  );
  const what = refuses === 'everything' ? 'No write' : 'Nothing that adds something';
  return `${what} is taken, since there is too little room on disks: ${disks.join(', ')}.`;
}

export function refusalOf(gate: Gate): KvError {
  const details = { members: gate.low };
  return new KvError('KV_LOW_SPACE', `${reasonOf(gate)} Nothing was changed.`, { details });
}

/** What makes room, or takes none for long, may go on: deletes, revocations and compactions. */
function isAddition(operation: Exclude<Operation, { readonly type: 'put' }>): boolean {
  if (operation.type === 'leaseGrant') return true;
  return operation.type === 'txn' && hasPut(operation);
}

function hasPut({ then, else: otherwise }: TxnRequest): boolean {
  const adds = (operation: TxnOperation): boolean =>
    operation.type === 'put' || (operation.type === 'txn' && hasPut(operation));
  return then.some(adds) || otherwise.some(adds);
}
