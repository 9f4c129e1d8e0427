import type { CallOptions, RaftRpc } from '../../contract/network.ts';
import { WrongShapeError } from '../messages/fields.ts';
import { readIdentity, readTarget } from '../messages/shapes.ts';

/** Where each call is answered, below the prefix. */
export const paths: Readonly<Record<keyof RaftRpc, string>> = {
  requestVote: '/raft-vote',
  appendEntries: '/raft-append',
  installSnapshot: '/raft-snapshot',
  timeoutNow: '/raft-timeout-now',
  readIndex: '/raft-read-index',
  forward: '/raft-forward',
  identify: '/raft-identify',
  join: '/raft-join',
  leave: '/raft-leave',
};

const fromHeader = 'quorate-from';
const toHeader = 'quorate-to';

/** Who asks and who is meant, as headers: JSON, in ASCII. */
export function callHeaders(options: CallOptions | undefined): Record<string, string> {
  return {
    ...(options?.from === undefined ? {} : { [fromHeader]: asciiJson(options.from) }),
    ...(options?.to === undefined ? {} : { [toHeader]: asciiJson(options.to) }),
  };
}

/** @throws {WrongShapeError} if a header is there and is not what it should be. */
export function readCallHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Pick<CallOptions, 'from' | 'to'> {
  const from = headers[fromHeader];
  const to = headers[toHeader];
  return {
    ...(from === undefined ? {} : { from: readIdentity(parse(from, fromHeader), fromHeader) }),
    ...(to === undefined ? {} : { to: readTarget(parse(to, toHeader), toHeader) }),
  };
}

function parse(header: string | string[], name: string): unknown {
  try {
    return JSON.parse(String(header));
  } catch (cause) {
    throw new WrongShapeError(name, 'JSON', header, { cause });
  }
}

/** Headers are bytes without a charset, so everything beyond ASCII is escaped as JSON allows. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
