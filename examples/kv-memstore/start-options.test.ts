import { expect, test } from 'vitest';
import { parseStartArguments } from './start-options.ts';

test.each([
  { args: [], port: 21_001 },
  { args: ['--port', '22001'], port: 22_001 },
  { args: ['--port=0'], port: 0 },
  { args: ['--port', '65533'], port: 65_533 },
])('$args starts at port $port', ({ args, port }) => {
  expect(parseStartArguments(args)).toEqual({ type: 'run', port });
});

test.each([
  { args: ['--port', '65534'], says: 'a number from 0 to 65533; got "65534"' },
  { args: ['--port', 'abc'], says: 'got "abc"' },
  { args: ['--port=-1'], says: 'got "-1"' },
  { args: ['--port='], says: 'got ""' },
  { args: ['--prot', '1'], says: '--prot' },
  { args: ['21001'], says: '21001' },
])('$args is refused with a clear line', ({ args, says }) => {
  const parsed = parseStartArguments(args);

  expect(parsed.type).toBe('error');
  expect(parsed.type === 'error' && parsed.message).toContain(says);
});

test('--help asks for help', () => {
  expect(parseStartArguments(['--help'])).toEqual({ type: 'help' });
});
