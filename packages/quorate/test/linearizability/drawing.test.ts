import { expect, test } from 'vitest';

import { drawHistory } from '../../src/testing/linearizability/drawing.ts';
import type { ClientOperation } from '../../src/testing/linearizability/history.ts';
import { keyValueModel } from '../../src/testing/linearizability/key-value-model.ts';
import { registerModel } from '../../src/testing/linearizability/register-model.ts';
import { checkLinearizable } from '../../src/testing/linearizability.ts';
import { readRegisterHistory } from './history-files.ts';
import { goodRegisterHistory } from './made-histories.ts';

const registers = registerModel<number>({ initial: 0 });

/** The names of all elements that are open at the end, or closed without having been opened. */
function unbalanced(svg: string): readonly string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  for (const [, end, name = '', self] of svg.matchAll(/<(\/?)([a-z]+)[^<>]*?(\/?)>/g)) {
    if (end === '/' && open.pop() !== name) wrong.push(name);
    if (end === '' && self === '') open.push(name);
  }
  return [...wrong, ...open];
}

function count(svg: string, part: string): number {
  return svg.split(part).length - 1;
}

test('a good history is drawn with a lane for each client and a bar for each operation', () => {
  const history = goodRegisterHistory('1', { clients: 3, operations: 30, unknownOneIn: 5 });

  const svg = drawHistory(history, registers, checkLinearizable(history, registers));

  expect(svg.startsWith('<svg xmlns="http://www.w3.org/2000/svg"')).toBe(true);
  expect(unbalanced(svg)).toEqual([]);
  expect(count(svg, 'class="lane"')).toBe(3);
  expect(count(svg, 'class="operation plain')).toBe(30);
  expect(count(svg, ' unknown"')).toBe(history.filter((one) => !('returnedAt' in one)).length);
  expect(svg).toContain('number 1 of the order\nleaves ');
  expect(svg).toContain('Linearizable: 30 operations.');
  expect(svg).not.toMatch(/https?:(?!\/\/www\.w3\.org\/2000\/svg)/);
});

test('a contradiction is drawn in colour among the operations around it', () => {
  const history = readRegisterHistory('etcd_042.log');
  const verdict = checkLinearizable(history, registerModel<number>());

  const svg = drawHistory(history, registerModel<number>(), verdict, { title: 'etcd 042' });

  expect(unbalanced(svg)).toEqual([]);
  expect(svg).toContain('>etcd 042</text>');
  expect(count(svg, 'class="operation involved')).toBe(2);
  expect(count(svg, 'class="operation refused')).toBe(1);
  expect(svg).toContain('cannot come next');
  expect(count(svg, 'class="operation plain')).toBeGreaterThan(20);
});

test('of a long history the end is drawn, and the picture says what it leaves out', () => {
  const history = goodRegisterHistory('1', { clients: 3, operations: 300 });
  const verdict = checkLinearizable(history, registers);

  const svg = drawHistory(history, registers, verdict, { maxOperations: 50 });

  expect(count(svg, 'class="operation ')).toBe(50);
  expect(svg).toContain('250 operations before these are not drawn.');
});

test('whatever is in a value or a name is text and nothing else', () => {
  const nasty = `</text><script>alert("1")</script>&\0\ud800`;
  const history: ClientOperation<{ type: 'put'; key: string; value: string }, undefined>[] = [
    {
      client: nasty,
      input: { type: 'put', key: nasty, value: nasty },
      calledAt: 1,
      returnedAt: 2,
      output: undefined,
    },
  ];
  const verdict = checkLinearizable(history, keyValueModel());

  const svg = drawHistory(history, keyValueModel(), verdict, { title: nasty });

  expect(svg).not.toContain('<script');
  expect(svg).not.toMatch(/[\0\ud800]/);
  expect(unbalanced(svg)).toEqual([]);
});

test('no operations at all give a picture, too', () => {
  const svg = drawHistory([], registers, checkLinearizable([], registers));

  expect(unbalanced(svg)).toEqual([]);
});
