import type { Dialer } from 'quorate/network/tcp';
import type { Choices } from '../../../../quorate/test/sim/choices.ts';
import type { SimProcess } from '../../../../quorate/test/sim/process.ts';
import type { BaseClient, KvErrorCode } from '../../../src/client.ts';
import type { Chronicle } from '../chronicle.ts';
import type { KvKnobs } from '../knobs.ts';
import { isAllowed } from '../outcomes.ts';
import type { Records } from '../records.ts';

/** What a worker has to work with, in the process of its client. */
export interface Desk {
  /** Of the worker, in this life of its client. */
  readonly name: string;
  readonly client: BaseClient;
  readonly process: SimProcess;
  readonly choices: Choices;
  readonly sockets: Dialer;
  readonly addresses: readonly string[];
  readonly knobs: KvKnobs;
  readonly records: Records;
  readonly chronicle: Chronicle;
  readonly world: {
    /** Nothing new is to be taken up. */
    readonly isCalm: boolean;
    readonly now: number;
    tell(line: string): void;
    mark(name: string): void;
  };
  /** Faults that are made for a moment that a worker knows of. */
  readonly setPieces: {
    /** One at a time: whether there is none for the next `ms`, which are the caller's then. */
    reserve(ms: number): boolean;
    handOverLate(times: { readonly heldMs: number; readonly lateMs: number }): void;
    /** Returns which of the addresses is the leader's. */
    isolateLeader(ms: number): number | undefined;
  };
  /** A moment between two calls. */
  rest(): Promise<void>;
}

export type Work = (desk: Desk) => Promise<void>;

/** @throws `error` if no call may fail so. */
export function demandAllowed(
  { knobs, name, world }: Desk,
  error: unknown,
  expected: readonly KvErrorCode[] = [],
): void {
  if (!isAllowed(error, knobs, expected)) throw error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  world.tell(`${name} failed ${code}`);
  world.mark(code);
}

/** One of `items`, drawn for this worker alone. */
export function draw<Item>({ choices, name }: Desk, items: readonly Item[]): Item {
  return items[choices.choose(`work.${name}`, items.length)] as Item;
}

export function drawBelow({ choices, name }: Desk, count: number): number {
  return choices.choose(`work.${name}`, count);
}

export function sleep({ process }: Desk, ms: number): Promise<void> {
  return new Promise((resolve) => process.setTimer(() => resolve(), ms));
}
