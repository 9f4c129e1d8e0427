import path from 'node:path';
import { expect, test } from 'vitest';
import { parseStartArguments } from './start-options.ts';

const defaultData = path.join(import.meta.dirname, '..', '..', 'data');

test.each([
  { args: [], port: 21_001 },
  { args: ['--port', '22001'], port: 22_001 },
  { args: ['--port=0'], port: 0 },
  { args: ['--port', '65533'], port: 65_533 },
])('$args starts at port $port', ({ args, port }) => {
  expect(parseStartArguments(args)).toEqual({
    type: 'run',
    port,
    network: 'tcp',
    data: defaultData,
  });
});

test.each([
  { args: ['--data', '/somewhere'], data: '/somewhere' },
  { args: ['--data=here'], data: path.resolve('here') },
  { args: ['--memory'], data: undefined },
])('$args keeps the data in $data', ({ args, data }) => {
  expect(parseStartArguments(args)).toEqual({ type: 'run', port: 21_001, network: 'tcp', data });
});

test.each([
  { args: ['--port', '65534'], says: 'a number from 0 to 65533; got "65534"' },
  { args: ['--port', 'abc'], says: 'got "abc"' },
  { args: ['--port=-1'], says: 'got "-1"' },
  { args: ['--port='], says: 'got ""' },
  { args: ['--network', 'udp'], says: '--network wants tcp or http; got "udp".' },
  { args: ['--prot', '1'], says: '--prot' },
  { args: ['21001'], says: '21001' },
  { args: ['--data='], says: '--data wants a directory; got ""' },
  { args: ['--data', 'x', '--memory'], says: 'leave out --data' },
])('$args is refused with a clear line', ({ args, says }) => {
  const parsed = parseStartArguments(args);

  expect(parsed.type).toBe('error');
  expect(parsed.type === 'error' && parsed.message).toContain(says);
});

test('--network http is passed on to the nodes', () => {
  expect(parseStartArguments(['--network', 'http'])).toMatchObject({ network: 'http' });
});

test('--help asks for help', () => {
  expect(parseStartArguments(['--help'])).toEqual({ type: 'help' });
});
