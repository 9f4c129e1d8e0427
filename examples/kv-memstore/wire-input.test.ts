import { describe, expect, test } from 'vitest';
import { parseAddLearner, parseCommand, parseInit, parseKey, parseVoters } from './wire-input.ts';

const self = { id: '1', info: { address: '127.0.0.1:21001' } };

describe('init', () => {
  test.each([{ body: {} }, { body: [] }])('$body means this node alone', ({ body }) => {
    expect(parseInit(body, self)).toEqual({ 1: { address: '127.0.0.1:21001' } });
  });

  test('takes a list of pairs with addresses in every form', () => {
    const nodes = parseInit(
      [
        [1, 'localhost:21001'],
        [2, { addr: 'b:21002' }],
        [3, { api_addr: 'c:21003', raft_addr: 'c:22003' }],
        [4, { raft_addr: 'd:22004', data: 'd:21004' }],
        [5, { api_addr: 'e:21005', raft_addr: 'e:21005' }],
      ],
      self,
    );

    expect(nodes).toEqual({
      1: { address: 'localhost:21001' },
      2: { address: 'b:21002' },
      3: { address: 'c:22003', data: { apiAddress: 'c:21003' } },
      4: { address: 'd:22004', data: { apiAddress: 'd:21004' } },
      5: { address: 'e:21005' },
    });
  });

  test.each([
    { body: undefined },
    { body: null },
    { body: 'x' },
    { body: { nodes: [] } },
    { body: [1] },
    { body: [[1]] },
    { body: [[1, 'a:1', 'b:2']] },
    { body: [['1', 'a:1']] },
    { body: [[1, 7]] },
    { body: [[1, {}]] },
  ])('refuses $body', ({ body }) => {
    expect(() => parseInit(body, self)).toThrow(/^Wanted .*; got .*\.$/s);
  });

  test('refuses a node that is named twice', () => {
    const body = [
      [1, 'a:1'],
      [1, 'b:2'],
    ];

    expect(() => parseInit(body, self)).toThrow('Node 1 is named twice.');
  });
});

describe('add-learner', () => {
  test('takes a pair', () => {
    expect(parseAddLearner([2, '127.0.0.1:21002'])).toEqual({
      id: '2',
      info: { address: '127.0.0.1:21002' },
    });
  });

  test('takes an object with two addresses', () => {
    expect(parseAddLearner({ node_id: 2, api_addr: 'a:1', raft_addr: 'a:2' })).toEqual({
      id: '2',
      info: { address: 'a:2', data: { apiAddress: 'a:1' } },
    });
  });

  test.each([
    { body: 2 },
    { body: [] },
    { body: [2] },
    { body: { node_id: 2 } },
    { body: { node_id: '2', api_addr: 'a:1' } },
    { body: [2, ''] },
    { body: [2, 'host'] },
    { body: [2, 'host:'] },
    { body: [2, 'host:0'] },
    { body: [2, 'host:65536'] },
    { body: [2, 'http://host:80/x'] },
    { body: [-1, 'a:1'] },
    { body: [1.5, 'a:1'] },
  ])('refuses $body', ({ body }) => {
    expect(() => parseAddLearner(body)).toThrow(/^Wanted /);
  });
});

describe('change-membership', () => {
  test('takes a list of numbers, each once', () => {
    expect(parseVoters([3, 1, 3])).toEqual(['3', '1']);
  });

  test.each([{ body: {} }, { body: '1' }, { body: ['1'] }, { body: [1, null] }])(
    'refuses $body',
    ({ body }) => {
      expect(() => parseVoters(body)).toThrow(/^Wanted /);
    },
  );

  test('refuses an empty list', () => {
    expect(() => parseVoters([])).toThrow('A cluster needs at least one voter');
  });
});

describe('write', () => {
  test('takes a set', () => {
    expect(parseCommand({ Set: { key: 'foo', value: 'bar' } })).toEqual({
      type: 'set',
      key: 'foo',
      value: 'bar',
    });
  });

  test('takes a compare-and-set', () => {
    const body = { CompareAndSet: { key: 'foo', expected_version: 4, value: 'bar' } };

    expect(parseCommand(body)).toEqual({
      type: 'compare-and-set',
      key: 'foo',
      expectedVersion: 4,
      value: 'bar',
    });
  });

  test.each([
    { body: null },
    { body: [] },
    { body: {} },
    { body: { Delete: { key: 'foo' } } },
    { body: { Set: null } },
    { body: { Set: { key: 'foo' } } },
    { body: { Set: { key: 1, value: 'bar' } } },
    { body: { Set: { key: 'foo', value: null } } },
    { body: { CompareAndSet: { key: 'foo', value: 'bar' } } },
    { body: { CompareAndSet: { key: 'foo', expected_version: '4', value: 'bar' } } },
    { body: { Set: { key: 'a', value: 'b' }, CompareAndSet: {} } },
  ])('refuses $body', ({ body }) => {
    expect(() => parseCommand(body)).toThrow(/^Wanted /);
  });
});

describe('read', () => {
  test('takes a key, the empty one too', () => {
    expect(parseKey('foo')).toBe('foo');
    expect(parseKey('')).toBe('');
  });

  test('refuses what is not a string, and shows no more of it than needed', () => {
    expect(() => parseKey(1)).toThrow('Wanted a key as a JSON string such as "foo"; got 1.');
    expect(() => parseKey(Array(1000).fill(1))).toThrow(/^.{100,220}$/);
  });
});
