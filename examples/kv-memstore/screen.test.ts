import { expect, test } from 'vitest';
import { type Output, Screen } from './screen.ts';

/** Keeps what was written, as a terminal or a pipe would get it. */
function recorder(kind: { isTTY?: boolean; columns?: number }): Output & { take(): string } {
  let text = '';
  return {
    ...kind,
    write: (more) => {
      text += more;
    },
    take: () => {
      const taken = text;
      text = '';
      return taken;
    },
  };
}

const view = { table: ['a', 'b'], commands: ['c'] };

test('a pipe gets the whole view once', () => {
  const output = recorder({});
  const screen = new Screen(output);

  screen.show(view);
  screen.show({ ...view });

  expect(output.take()).toBe('\na\nb\n\nc\n');
});

test('a pipe gets the table again when it changed, and the commands when they did', () => {
  const output = recorder({});
  const screen = new Screen(output);
  screen.show(view);
  output.take();

  screen.show({ ...view, table: ['a', 'B'] });
  expect(output.take()).toBe('\na\nB\n');

  screen.show({ table: ['a', 'B'], commands: ['C'] });
  expect(output.take()).toBe('\na\nB\n\nC\n');
});

test('a pipe gets a line without escape codes', () => {
  const output = recorder({});
  const screen = new Screen(output);
  screen.show(view);
  output.take();

  screen.say('Node 1 died.');

  expect(output.take()).toBe('Node 1 died.\n');
});

test('a terminal redraws the view where it stood', () => {
  const output = recorder({ isTTY: true, columns: 80 });
  const screen = new Screen(output);

  screen.show(view);
  expect(output.take()).toBe('\na\nb\n\nc\n');

  screen.show({ ...view, table: ['a', 'B'] });
  expect(output.take()).toBe('\u001B[5F\u001B[J\na\nB\n\nc\n');

  screen.show({ ...view, table: ['a', 'B'] });
  expect(output.take()).toBe('');
});

test('a terminal that is narrow is cleared by the rows that the lines took', () => {
  const output = recorder({ isTTY: true, columns: 10 });
  const screen = new Screen(output);
  screen.show({ table: ['123456789012345678901'], commands: ['1234567890'] });
  output.take();

  screen.show(view);

  expect(output.take()).toContain('\u001B[6F');
});

test('a line said to a terminal stays above the view', () => {
  const output = recorder({ isTTY: true, columns: 80 });
  const screen = new Screen(output);
  screen.say('Starting');
  screen.show(view);
  output.take();

  screen.say('Node 1 died.');

  expect(output.take()).toBe('\u001B[5F\u001B[JNode 1 died.\n\na\nb\n\nc\n');
});

test('a view that was left stays as it is', () => {
  const output = recorder({ isTTY: true, columns: 80 });
  const screen = new Screen(output);
  screen.show(view);
  output.take();

  screen.leave();
  screen.say('The end.');

  expect(output.take()).toBe('The end.\n');
});
