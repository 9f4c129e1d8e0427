import type { Entry } from 'quorate';
import type { LogRecord } from 'quorate/storage/wal';

import { decodeCommand } from '../../protocol/commands.ts';
import type { Operation } from '../../types.ts';
import type { CliContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliFailure } from '../failure.ts';
import { counted, note, print, printJson, shown } from '../output.ts';
import { faultLines, findingsOf } from './disk-look.ts';

interface DumpFlags {
  readonly from?: number;
  readonly to?: number;
  readonly json?: boolean;
}

/** Prints the log of a member as it was written. */
export async function dumpLog(
  context: CliContext,
  dir: string,
  { from = 0, to = Infinity, json = false }: DumpFlags,
): Promise<void> {
  let faults = 0;
  for await (const finding of findingsOf(context, dir)) {
    if (finding.type === 'fault') {
      faults += 1;
      note(context, `damaged: ${faultLines(finding).join('\n')}`);
    }
    if (finding.type !== 'batch') continue;
    for (const record of finding.records) {
      if (json) await printRecordJson(context, record, { from, to });
      else await print(context, textOf(record, { from, to }));
    }
  }
  if (faults === 0) return;
  throw new CliFailure('the log is damaged; what is above is what can be read.', {
    exitCode: exitCodes.damaged,
    advice: `See quorate log check ${dir}.`,
  });
}

interface Bounds {
  readonly from: number;
  readonly to: number;
}

function isWithin({ logId: { index } }: Entry, { from, to }: Bounds): boolean {
  return index >= from && index <= to;
}

async function printRecordJson(
  context: CliContext,
  record: LogRecord,
  bounds: Bounds,
): Promise<void> {
  switch (record.type) {
    case 'entries':
      for (const entry of record.entries) {
        if (isWithin(entry, bounds)) await printJson(context, jsonOf(entry));
      }
      return;
    case 'truncate':
    case 'purge':
      await printJson(context, { type: record.type, ...record.to });
      return;
    case 'vote':
      await printJson(context, { type: 'vote', ...record.vote });
      return;
    default:
  }
}

function jsonOf({ logId, payload }: Entry): object {
  const { index, term } = logId;
  switch (payload.type) {
    case 'command': {
      const { bytes, session } = payload.data;
      const read = operationsOf(bytes);
      return {
        index,
        term,
        type: 'command',
        bytes: bytes.length,
        ...(session === undefined ? {} : { session }),
        ...(typeof read === 'string' ? { unreadable: read } : { operations: read }),
      };
    }
    case 'membership':
      return { index, term, type: 'membership', membership: payload.membership };
    case 'session':
      return { index, term, type: 'session', bytes: payload.data.length };
    case 'blank':
      return { index, term, type: 'blank' };
  }
}

/** All lines of a record; none if its entries are out of bounds. */
function textOf(record: LogRecord, bounds: Bounds): string {
  switch (record.type) {
    case 'entries':
      return record.entries
        .filter((entry) => isWithin(entry, bounds))
        .map((entry) => `${lineOf(entry)}\n`)
        .join('');
    case 'truncate':
      return `-- taken back: everything after entry ${record.to.index}\n`;
    case 'purge':
      return `-- purged up to entry ${record.to.index}\n`;
    case 'vote': {
      const { term, votedFor = 'nobody' } = record.vote;
      return `-- term ${term}, voted for ${votedFor}\n`;
    }
    default:
      return '';
  }
}

function lineOf({ logId, payload }: Entry): string {
  const place = `${String(logId.index).padStart(8)} ${String(logId.term).padStart(4)}`;
  switch (payload.type) {
    case 'command': {
      const { bytes, session } = payload.data;
      const read = operationsOf(bytes);
      const what = typeof read === 'string' ? `unreadable: ${read}` : read.map(wordsOf).join('; ');
      const of = session === undefined ? '' : ` [session ${session.id}.${session.sequence}]`;
      return `${place} command    ${String(bytes.length).padStart(7)} ${what}${of}`;
    }
    case 'membership': {
      const { voters, nodes } = payload.membership;
      const sets = voters.map((set) => set.join(',')).join(' + ');
      const bytes = String(JSON.stringify(payload.membership).length).padStart(7);
      return `${place} membership ${bytes} voters ${sets} of ${Object.keys(nodes).join(',')}`;
    }
    case 'session':
      return `${place} session    ${String(payload.data.length).padStart(7)}`;
    case 'blank':
      return `${place} blank            0`;
  }
}

function operationsOf(bytes: Uint8Array): readonly Operation[] | string {
  try {
    return decodeCommand(bytes);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function wordsOf(operation: Operation): string {
  switch (operation.type) {
    case 'put': {
      const { key, value, lease = 0 } = operation;
      const attached = lease === 0 ? '' : ` lease ${lease}`;
      return `put ${shown(key)} (${counted(value.length, 'byte')})${attached}`;
    }
    case 'delete': {
      const { key, end } = operation;
      return `delete ${shown(key)}${end === undefined ? '' : ` to ${shown(end)}`}`;
    }
    case 'txn': {
      const { compare, then, else: otherwise } = operation;
      return `txn if ${compare.length} then ${then.length} else ${otherwise.length}`;
    }
    case 'compact':
      return `compact ${operation.revision}`;
    case 'leaseGrant':
      return `grant lease ${operation.id ?? 'of any id'} for ${operation.ttl} s`;
    case 'leaseRevoke':
      return `revoke lease ${operation.id}`;
    case 'mark':
      return 'mark';
  }
}
