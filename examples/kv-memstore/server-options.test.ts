import { expect, test } from 'vitest';
import { parseServerArguments } from './server-options.ts';

test.each([{ flag: '--addr' }, { flag: '--http-addr' }])(
  '$flag is where it listens',
  ({ flag }) => {
    expect(parseServerArguments(['--id', '2', flag, '127.0.0.1:21002'])).toEqual({
      type: 'run',
      id: 2,
      host: '127.0.0.1',
      port: 21_002,
      network: 'tcp',
      data: undefined,
      snapshotAfterBytes: undefined,
      keepBytes: undefined,
    });
  },
);

test('--snapshot-after-bytes and --keep-bytes are the policy of snapshots', () => {
  const policy = ['--snapshot-after-bytes', '1048576', '--keep-bytes', '0'];

  const parsed = parseServerArguments(['--id', '2', '--addr', 'a:0', ...policy]);

  expect(parsed).toMatchObject({ type: 'run', snapshotAfterBytes: 1_048_576, keepBytes: 0 });
});

test('--data is where the log is kept', () => {
  const parsed = parseServerArguments(['--id', '2', '--addr', 'a:0', '--data', 'somewhere']);

  expect(parsed).toMatchObject({ type: 'run', data: 'somewhere' });
});

test.each(['tcp', 'http'])('--network %s is what the node calls others by', (network) => {
  const parsed = parseServerArguments(['--id', '2', '--addr', 'a:0', '--network', network]);

  expect(parsed).toMatchObject({ type: 'run', network });
});

test('--help wins over everything else', () => {
  expect(parseServerArguments(['--help', '--id', 'x'])).toEqual({ type: 'help' });
});

test.each([
  { args: ['--addr', 'a:1'], says: '--id wants a number such as 1; got nothing.' },
  { args: ['--id', 'x', '--addr', 'a:1'], says: '--id wants a number such as 1; got x.' },
  { args: ['--id', '1'], says: 'got nothing.' },
  { args: ['--id', '1', '--addr', '21001'], says: '--addr wants host:port' },
  { args: ['--id', '1', '--addr', 'a:65536'], says: 'got a:65536.' },
  { args: ['--id', '1', '--addr', 'a:1', '--data='], says: '--data wants a directory; got "".' },
  {
    args: ['--id', '1', '--addr', 'a:1', '--snapshot-after-bytes', '0'],
    says: '--snapshot-after-bytes wants a whole number of bytes, 1 or above; got "0".',
  },
  {
    args: ['--id', '1', '--addr', 'a:1', '--keep-bytes', '1e6'],
    says: '--keep-bytes wants a whole number of bytes, 0 or above; got "1e6".',
  },
  {
    args: ['--id', '1', '--addr', 'a:1', '--network', 'udp'],
    says: '--network wants tcp or http; got "udp".',
  },
  { args: ['--id', '1', '--adr', 'a:1'], says: '--adr' },
])('$args is refused with a clear line', ({ args, says }) => {
  const parsed = parseServerArguments(args);

  expect(parsed.type).toBe('error');
  expect(parsed.type === 'error' && parsed.message).toContain(says);
});
