import { expect, test } from 'vitest';
import { findLeader, type NodeRow, renderCommands, renderTable } from './start-view.ts';

function row(id: number, change: Partial<NodeRow> = {}): NodeRow {
  return {
    id,
    address: `127.0.0.1:2100${id}`,
    pid: 100 + id,
    state: 'follower',
    term: 1,
    last: 12,
    applied: 11,
    snapshot: 9,
    purged: 4,
    ...change,
  };
}

test('the table has a line for each node under its headings', () => {
  const rows = [row(1, { state: 'leader' }), row(2), row(3, { pid: undefined, state: 'dead' })];

  expect(renderTable(rows)).toEqual([
    'id  address          pid  role      term  last  applied  snapshot  purged',
    '1   127.0.0.1:21001  101  leader    1     12    11       9         4',
    '2   127.0.0.1:21002  102  follower  1     12    11       9         4',
    '3   127.0.0.1:21003  -    dead      1     12    11       9         4',
  ]);
});

test('the lines to copy write to the leader, read elsewhere and kill the leader', () => {
  const text = renderCommands([row(1), row(2, { state: 'leader' }), row(3)]).join('\n');

  expect(text).toContain('curl -s 127.0.0.1:21002/write');
  expect(text).toContain('curl -s 127.0.0.1:21001/read');
  expect(text).toContain('curl -s 127.0.0.1:21002/metrics');
  expect(text).toContain('kill -9 102');
});

test('the lines to copy never name a dead node', () => {
  const text = renderCommands([row(1, { state: 'dead' }), row(2), row(3)]).join('\n');

  expect(text).not.toContain('21001');
  expect(text).toContain('(no leader at the moment)');
});

test('the lines to copy give way when no node is alive', () => {
  expect(renderCommands([row(1, { state: 'dead' })])).toEqual(['No node is alive.']);
});

test('of two nodes that call themselves leader the one of the higher term leads', () => {
  const rows = [row(1, { state: 'leader' }), row(2, { state: 'leader', term: 2 }), row(3)];

  expect(findLeader(rows)?.id).toBe(2);
  expect(findLeader([row(1)])).toBeUndefined();
});
