import { expect, test } from 'vitest';

import { openLog } from '../../src/server/log.ts';
import { KvMetrics } from '../../src/server/metrics.ts';

test('requests are counted by operation and code, and those that run are known', async () => {
  const metrics = new KvMetrics({ ofProcess: false });

  for (let at = 0; at < 3; at += 1) metrics.began();
  metrics.answered('kvPut', 'OK', 0.002);
  metrics.answered('kvPut', 'KV_TIMEOUT', 0.3);
  const text = await metrics.text();

  expect(text).toContain('quorate_http_running 1');
  expect(text).toContain('quorate_http_request_seconds_count{operation="kvPut",code="OK"} 1');
  expect(text).toContain('{le="0.0025",operation="kvPut",code="OK"} 1');
  expect(text).toContain('{le="0.25",operation="kvPut",code="KV_TIMEOUT"} 0');
});

test('each server has metrics of its own', async () => {
  const [one, other] = [new KvMetrics(), new KvMetrics()];

  one.began();
  one.answered('range', 'OK', 0.001);

  expect(await one.text()).toContain('operation="range"');
  expect(await other.text()).not.toContain('operation="range"');
  expect(await other.text()).toContain('process_cpu_seconds_total');
});

test('the log has a line of JSON for each event, from its level on', () => {
  const lines: string[] = [];
  const log = openLog({ level: 'info', member: 'a', write: (line) => void lines.push(line) });

  log.debug({ at: 1 }, 'too small');
  log.info({ term: 3 }, 'is leader now');
  log.error({ err: new Error('no room'), error: 'words' }, 'could not');

  const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(records).toMatchObject([
    { level: 'info', member: 'a', term: 3, msg: 'is leader now' },
    {
      level: 'error',
      err: { type: 'Error', message: 'no room' },
      error: 'words',
      msg: 'could not',
    },
  ]);
  expect(records.map(({ time }) => time)).toEqual([
    expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as unknown,
    expect.stringMatching(/Z$/) as unknown,
  ]);
  expect(lines.every((line) => line.indexOf('\n') === line.length - 1)).toBe(true);
});

test('a silent log says nothing', () => {
  const lines: string[] = [];

  openLog({ level: 'silent', member: 'a', write: (line) => void lines.push(line) }).error({}, 'x');

  expect(lines).toEqual([]);
});
