/** What a key does. */
export type Command =
  | 'next'
  | 'previous'
  | 'nextHere'
  | 'previousHere'
  | 'first'
  | 'last'
  | 'violation'
  | 'zoomIn'
  | 'zoomOut'
  | 'left'
  | 'right'
  | 'whole'
  | 'find'
  | 'quiet';

/** For the help on the page, in its order: keys, and what they do. */
export const keyHelp: readonly (readonly [keys: string, words: string])[] = [
  ['← →', 'previous and next event'],
  ['↑ ↓', 'previous and next event of the same node'],
  ['Home End', 'first and last event'],
  ['v', 'the violation'],
  ['+ −', 'zoom in and out; the wheel too'],
  ['Shift ← →', 'move the view; so does dragging'],
  ['0', 'the whole run'],
  ['/', 'search'],
  ['Esc', 'put the hint away'],
];

type Press = {
  readonly key: string;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
};

const plain: Readonly<Record<string, Command>> = {
  ArrowRight: 'next',
  ArrowLeft: 'previous',
  ArrowDown: 'nextHere',
  ArrowUp: 'previousHere',
  Home: 'first',
  End: 'last',
  v: 'violation',
  '+': 'zoomIn',
  '=': 'zoomIn',
  '-': 'zoomOut',
  '0': 'whole',
  '/': 'find',
  Escape: 'quiet',
};

const shifted: Readonly<Record<string, Command>> = { ArrowRight: 'right', ArrowLeft: 'left' };

/** The command of a key. What belongs to the browser, such as Ctrl with +, stays the browser's. */
export function commandOf(press: Press): Command | undefined {
  if (press.ctrlKey || press.altKey || press.metaKey) return undefined;
  const table = press.shiftKey && press.key.startsWith('Arrow') ? shifted : plain;
  return Object.hasOwn(table, press.key) ? table[press.key] : undefined;
}
