import { expect, test } from 'vitest';
import {
  putRequest,
  rangeRequest,
  readRangeResponse,
  readStatusResponse,
} from './etcd-messages.ts';

test('requests are what the protocol buffers of etcd say', () => {
  expect(putRequest('foo', Buffer.from('bar')).toString('hex')).toBe('0a03666f6f1203626172');
  expect(rangeRequest('foo').toString('hex')).toBe('0a03666f6f');
});

test('a length that takes two bytes is written so', () => {
  const request = putRequest('k', Buffer.alloc(300, 1));

  expect(request.subarray(0, 6).toString('hex')).toBe('0a016b12ac02');
  expect(request.length).toBe(306);
});

test('a response has the value of its first pair, or none', () => {
  // A header with two ids, and a pair of key, create revision and value.
  const pair = '0a03666f6f10012a03626172';
  const found = Buffer.from(`0a0408011002120c${pair}2001`, 'hex');
  const none = Buffer.from('0a0408011002', 'hex');

  expect(readRangeResponse(found)?.toString()).toBe('bar');
  expect(readRangeResponse(none)).toBeUndefined();
});

test('a status says who answers and who leads', () => {
  const ids = readStatusResponse(Buffer.from('0a0508011080011a0020ffffffffffffffffff01', 'hex'));

  expect(ids).toEqual({ member: 128n, leader: 2n ** 64n - 1n });
  expect(readStatusResponse(Buffer.from('0a021002', 'hex'))).toEqual({ member: 2n, leader: 0n });
});
