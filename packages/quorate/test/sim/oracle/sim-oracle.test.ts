import { describe, expect, test } from 'vitest';
import type { AppendEntriesResponse, VoteResponse } from '../../../src/core/message.ts';
import type { Entry, Payload } from '../../../src/core/types.ts';
import type { Happening } from '../hooks.ts';
import { SimViolation } from '../hooks.ts';
import { once, runTampered, type Tamper } from './tampered-run.ts';

/** The code that the run fails with, or 'none'. */
async function codeOf(tamper: Tamper): Promise<string> {
  const { failure } = await runTampered(tamper);
  if (failure === undefined) return 'none';
  if (failure.error instanceof SimViolation) return failure.error.code;
  throw failure.error;
}

const isAccepted = ({ message, response }: Extract<Happening, { type: 'answered' }>): boolean =>
  message.kind === 'appendEntries' && (response as AppendEntriesResponse).accepted;

function withOtherBytes({ logId, payload }: Entry): Entry {
  if (payload.type !== 'command') return { logId, payload };
  const bytes = payload.data.bytes.map((byte, at) => (at === 0 ? byte ^ 1 : byte));
  const other: Payload = { type: 'command', data: { ...payload.data, bytes } };
  return { logId, payload: other };
}

describe('the oracle of a whole run', () => {
  test('has nothing to say of a run that is as it is told', async () => {
    expect(await codeOf((happening) => happening)).toBe('none');
  });

  const lies: readonly (readonly [what: string, code: string, tamper: Tamper])[] = [
    [
      'a disk that never acknowledges the vote',
      'S3',
      (happening) =>
        happening.type === 'stored' && happening.vote !== undefined
          ? { ...happening, vote: undefined }
          : happening,
    ],
    [
      'an entry that is acknowledged to the leader and is not on the disk',
      'S4',
      once('stored', (happening) => ({ ...happening, append: undefined }), {
        test: ({ append, node }) => append !== undefined && node.state?.role === 'follower',
        after: 3,
      }),
    ],
    [
      'a match beyond what is stored',
      'S4',
      once(
        'answered',
        (happening) => {
          const response = happening.response as Extract<AppendEntriesResponse, { accepted: true }>;
          return { ...happening, response: { ...response, match: response.match + 1000 } };
        },
        { test: isAccepted, after: 5 },
      ),
    ],
    [
      'a vote for a term that is on no disk',
      'S3',
      once(
        'answered',
        (happening) => {
          const response = happening.response as VoteResponse;
          return { ...happening, response: { ...response, term: response.term + 1 } };
        },
        { test: ({ message }) => message.kind === 'requestVote' },
      ),
    ],
    [
      'another content on a disk than in the log',
      'S7',
      once(
        'stored',
        (happening) => ({ ...happening, append: happening.append?.map(withOtherBytes) }),
        {
          test: ({ append }) => append?.some(({ payload }) => payload.type === 'command') === true,
        },
      ),
    ],
    [
      'a state machine that answers otherwise',
      'S9',
      once('applied', (happening) => ({
        ...happening,
        responses: happening.responses.map(() => ({ ok: true, value: 'nobody wrote this' })),
      })),
    ],
    [
      'a batch that never reached a state machine',
      'S11',
      once('applied', () => undefined, { after: 4 }),
    ],
    [
      'a step that nobody was told of',
      'S13',
      once('stepped', () => undefined, {
        test: ({ actions }) => actions.some(({ type }) => type === 'persist'),
        after: 4,
      }),
    ],
    [
      'a timer that a closed node has left behind',
      'S24',
      once('stepped', ({ node }) => ({
        type: 'ended',
        node,
        how: 'close',
        left: { timers: 1, calls: 0 },
      })),
    ],
    [
      'a call without an end on a node that is closed',
      'S24',
      once('stepped', ({ node }) => ({
        type: 'ended',
        node,
        how: 'close',
        left: { timers: 0, calls: 1 },
      })),
    ],
    [
      'a node that stops by itself without a reason',
      'S26',
      once('stepped', ({ node }) => ({
        type: 'ended',
        node,
        how: 'stop',
        cause: new Error('Broken invariant: for once'),
      })),
    ],
  ];

  for (const [what, code, tamper] of lies) {
    test(`sees ${what} (${code})`, async () => {
      expect(await codeOf(tamper)).toBe(code);
    });
  }
});
