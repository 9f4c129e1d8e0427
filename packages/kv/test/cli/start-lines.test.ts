import { describe, expect, test } from 'vitest';

import { serveLine } from '../../src/cli/commands/member-words.ts';
import { httpOfNeighbours, shellWord, startLine } from '../../src/cli/commands/start-lines.ts';

describe('the line by which a member is started', () => {
  test('has what is not so by default', () => {
    const start = { name: 'a', data: '/data', listen: '10.0.0.1:7001' };

    expect(startLine(start)).toBe('quorate serve --name a --data /data --listen 10.0.0.1:7001');
    expect(startLine({ ...start, http: '10.0.0.1:8001', join: ['b:1', 'c:2'] })).toBe(
      'quorate serve --name a --data /data --listen 10.0.0.1:7001 --http 10.0.0.1:8001 --join b:1,c:2',
    );
  });

  test('has a folder as one word, whatever it is called', () => {
    expect(shellWord('/var/lib/quorate-1')).toBe('/var/lib/quorate-1');
    expect(shellWord('/my data')).toBe("'/my data'");
    expect(shellWord("it's $HOME")).toBe(String.raw`'it'\''s $HOME'`);
    expect(shellWord('')).toBe("''");
  });
});

describe('HTTP of members that are started on one machine', () => {
  test('is at a port of its own for each, which no member listens at', () => {
    const peers = { a: '127.0.0.1:8000', b: '127.0.0.1:8002', c: '127.0.0.1:8004' };

    expect(httpOfNeighbours(peers)).toEqual({
      a: '127.0.0.1:8001',
      b: '127.0.0.1:8003',
      c: '127.0.0.1:8005',
    });
  });

  test('is where it always is for who is alone at a host', () => {
    expect(httpOfNeighbours({ a: '10.0.0.1:7001', b: '10.0.0.2:7001' })).toEqual({});
    expect(httpOfNeighbours({ a: '[::1]:1', b: '[::1]:2', c: 'else:1' })).toEqual({
      a: '127.0.0.1:8001',
      b: '127.0.0.1:8002',
    });
  });

  test('is named to a member that comes to a machine where there are some', () => {
    const members = ['a', 'b'].map((id, at) => ({
      ...{ id, role: 'voter' as const, peerAddress: `tcp://127.0.0.1:${7001 + at}` },
      httpAddress: `http://127.0.0.1:${8001 + at}`,
    }));

    const beside = serveLine({ id: 'c', address: '127.0.0.1:8003' }, members);
    const elsewhere = serveLine({ id: 'c', address: '10.0.0.3:7001' }, members);

    const join = '--join 127.0.0.1:7001,127.0.0.1:7002';
    expect(beside).toContain(`--listen 127.0.0.1:8003 --http 127.0.0.1:8004 ${join}`);
    expect(elsewhere).toContain(`--listen 10.0.0.3:7001 ${join}`);
  });
});
