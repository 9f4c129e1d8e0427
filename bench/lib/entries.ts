import type { Entry } from 'quorate';

/** Entries of one command each, from index `first` on. */
export function entriesOf(first: number, count: number, command: Uint8Array): Entry[] {
  const data = { bytes: command, raw: true, value: command } as const;
  const payload = { type: 'command', data } as const;
  return Array.from({ length: count }, (_, at) => ({
    logId: { term: 1, index: first + at },
    payload,
  }));
}
