/** What the program ends with, for every command alike. */
export const exitCodes = {
  well: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  refused: 4,
  notFound: 5,
  damaged: 6,
  interrupted: 130,
  brokenPipe: 141,
} as const;

export type ExitCodeName = keyof typeof exitCodes;

/** What each means, in a sentence. docs/cli.md has the same table. */
export const exitCodeMeanings: Readonly<Record<ExitCodeName, string>> = {
  well: 'Done.',
  failed: 'It failed; the message says why.',
  usage: 'The command line or its input is wrong; nothing was done.',
  unreachable: 'No member answered, or none could in time.',
  refused:
    'A comparison did not hold, the members cannot be changed so, or a lock was not got or was lost.',
  notFound: 'There is no such key, lease, member or backup.',
  damaged: 'A file or a log failed its verification.',
  interrupted: 'Ended by ctrl-C or SIGTERM.',
  brokenPipe: 'Nobody reads the output any more, as behind `| head`.',
};
