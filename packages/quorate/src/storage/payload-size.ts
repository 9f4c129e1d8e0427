import type { Entry } from '../core/types.ts';

/** How many bytes an entry counts for, where a bound is in bytes. A blank entry counts nothing. */
export function payloadSize(entry: Entry): number {
  const { payload } = entry;
  switch (payload.type) {
    case 'command':
      return payload.data.bytes.byteLength;
    case 'session':
      return payload.data.byteLength;
    case 'membership':
      return JSON.stringify(payload.membership).length;
    case 'blank':
      return 0;
  }
}
