import { make, type PageDocument, type PageElement } from './dom.ts';
import { lastIndexOf, type NodeState, termAt } from './node-states.ts';

/** How the logs are shown: this many columns, the first of them at this index. */
export type LogWindow = { readonly first: number; readonly count: number };

/** One entry's place in a log: what to write there, and how it looks. */
export type LogCell = {
  readonly text: string;
  readonly term: number | undefined;
  readonly isCommitted: boolean;
  readonly isApplied: boolean;
  readonly isPurged: boolean;
};

/** The first and the last index of all the logs. */
export function logBounds(states: readonly NodeState[]): readonly [first: number, last: number] {
  const logs = states.flatMap((state) => state.log ?? []);
  const first = Math.min(...logs.map((log) => log.first), ...(logs.length === 0 ? [1] : []));
  return [first, Math.max(first, ...logs.map(lastIndexOf))];
}

/** The end of the longest log, with one free column after it. */
export function windowAtEnd(states: readonly NodeState[], count: number): LogWindow {
  const [, last] = logBounds(states);
  return { first: Math.max(1, last + 2 - count), count };
}

export function logCells(state: NodeState, window: LogWindow): readonly LogCell[] {
  return Array.from({ length: window.count }, (_unused, column) => {
    const index = window.first + column;
    const term = state.log === undefined ? undefined : termAt(state.log, index);
    const isPurged = state.log !== undefined && index < state.log.first;
    return {
      text: term === undefined ? (isPurged ? '·' : '') : String(term),
      term,
      isPurged,
      isCommitted: index <= (state.committed ?? 0),
      isApplied: index <= (state.applied ?? 0),
    };
  });
}

/** All logs, a row for each node, so that entries of one index stand below each other. */
export function logTable(
  document: PageDocument,
  states: readonly NodeState[],
  window: LogWindow,
  cutOff: ReadonlyMap<string, string>,
): PageElement {
  const header = Array.from({ length: window.count }, (_unused, column) =>
    make(document, 'th', { scope: 'col', class: 'index' }, String(window.first + column)),
  );
  const columns = ['node', 'state', 'committed', 'applied'].map((name) =>
    make(document, 'th', { scope: 'col' }, name),
  );
  const rows = states.map((state) => {
    const { life } = state;
    const isDown = life === undefined || life.state === 'down';
    const name = make(document, 'th', { scope: 'row' }, state.node);
    const cells = logCells(state, window).map((cell) => cellElement(document, cell));
    const badge = stateCell(document, state, cutOff.get(state.node));
    const numbers = [state.committed, state.applied].map((index) =>
      make(document, 'td', { class: 'number' }, index === undefined ? '–' : String(index)),
    );
    return make(
      document,
      'tr',
      { class: isDown ? 'down' : 'up' },
      name,
      badge,
      ...numbers,
      ...cells,
    );
  });
  return make(
    document,
    'table',
    {},
    make(document, 'thead', {}, make(document, 'tr', {}, ...columns, ...header)),
    make(document, 'tbody', {}, ...rows),
  );
}

function stateCell(
  document: PageDocument,
  state: NodeState,
  cutOff: string | undefined,
): PageElement {
  const { life } = state;
  const term = life?.term ?? 0;
  const role = life === undefined || life.state === 'down' ? 'down' : life.role;
  const words = life?.state === 'paused' ? `${role}, paused` : role;
  const badge = make(document, 'span', { class: 'badge' }, term === 0 ? 't?' : `t${term}`);
  if (term > 0) badge.dataset['term'] = String(term);
  const cell = make(document, 'td', { class: `state ${role}` }, badge, ` ${words}`);
  if (cutOff !== undefined) cell.append(make(document, 'span', { class: 'cut-off' }, cutOff));
  return cell;
}

function cellElement(document: PageDocument, cell: LogCell): PageElement {
  const names = ['entry'];
  if (cell.term !== undefined) names.push('held', cell.isCommitted ? 'committed' : 'pending');
  if (cell.isPurged) names.push('purged');
  if (cell.isApplied && cell.term !== undefined) names.push('applied');
  const element = make(document, 'td', { class: names.join(' ') }, cell.text);
  if (cell.term !== undefined) element.dataset['term'] = String(cell.term);
  return element;
}
