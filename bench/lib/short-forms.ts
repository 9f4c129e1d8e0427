/** How a benchmark is told to take less time than its figures need. */
export interface Forms {
  /** A minute or so, for a look at all of them. */
  readonly short: readonly string[];
  /** Seconds, to see that it works. */
  readonly shortest: readonly string[];
}

/** Every benchmark, in the order in which all are run. */
export const forms: Readonly<Record<string, Forms>> = {
  'in-process': {
    short: ['--writes', '100000', '--rounds', '1'],
    shortest: options({ writes: 2000, rounds: 1, nodes: [3], writers: [64] }),
  },
  'log-append': {
    short: ['--rounds', '1', '--file-mib', '96'],
    shortest: options({ rounds: 1, seconds: 0.05, 'file-mib': 8 }),
  },
  'log-read': {
    short: ['--entries', '200000', '--rounds', '1'],
    shortest: options({ entries: 5000, rounds: 1 }),
  },
  'log-bound': {
    short: ['--entries', '1000000', '--points', '5', '--snapshot-after-mib', '16'],
    shortest: options({ entries: 5000, points: 2, slots: 100 }),
  },
  restart: {
    short: ['--keys', '100000', '--rounds', '1'],
    shortest: options({ keys: 1000, log: 100, rounds: 1 }),
  },
  'snapshot-store': {
    short: ['--mebibytes', '256', '--rounds', '1'],
    shortest: options({ mebibytes: 8, rounds: 1 }),
  },
  'snapshot-cluster': {
    short: ['--state-mib', '100', '--rounds', '1', '--seconds', '2'],
    shortest: options({ 'state-mib': 4, rounds: 1, seconds: 0.1, writers: [16] }),
  },
  cluster: {
    short: ['--rounds', '1', '--seconds', '2'],
    shortest: options({ rounds: 1, seconds: 0.1, writers: [1, 64] }),
  },
  etcd: {
    short: ['--rounds', '1', '--seconds', '2'],
    shortest: options({
      ...{ rounds: 1, seconds: 0.2, clients: [1, 64], keys: 100, 'warm-up': 0.2 },
    }),
  },
  failover: {
    short: ['--kills', '3', '--turns', '1'],
    shortest: options({ kills: 1, turns: 1, 'steady-ms': 100 }),
  },
  'kv-memory': {
    short: ['--keys', '100000', '--restarts', '1', '--snapshots', '1'],
    shortest: [
      ...['memory', 'snapshot', 'collector'].flatMap((part) => ['--part', part]),
      ...options({
        ...{ keys: 1000, writers: 64, restarts: 1, snapshots: 1, seconds: 0.1, 'settle-ms': 10 },
        ...{ turns: 1, 'turn-seconds': 0.1 },
      }),
    ],
  },
  'kv-watch': {
    short: ['--events', '20'],
    shortest: options({ watchers: 100, connections: 2, events: 3, 'warm-up': 1 }),
  },
  scale: {
    short: options({ entries: 1_000_000, missed: 100_000, rounds: 1, seconds: 1 }),
    shortest: options({
      ...{ entries: 10_000, measured: 1000, missed: 2000, rounds: 1, seconds: 0.1 },
      members: [1, 3],
    }),
  },
  soak: {
    short: ['--minutes', '0.5', '--seconds', '2'],
    shortest: options({ minutes: 0.02, seconds: 0.2, share: 0.2 }),
  },
};

function options(values: Readonly<Record<string, number | readonly number[]>>): string[] {
  return Object.entries(values).flatMap(([name, value]) =>
    (typeof value === 'number' ? [value] : value).flatMap((one) => [`--${name}`, String(one)]),
  );
}
