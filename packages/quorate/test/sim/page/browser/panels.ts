import { cutsAt } from './cuts.ts';
import { describe, lineOf } from './describe.ts';
import { byId, make, type PageDocument, type PageElement } from './dom.ts';
import { logBounds, logTable, windowAtEnd } from './log-table.ts';
import { nodeStatesAt } from './node-states.ts';
import { termCss } from './paint.ts';
import { placesAround, type StepFilter } from './stepping.ts';
import type { Story } from './story.ts';

export type PanelWish = {
  readonly place: number;
  readonly filter: StepFilter;
  readonly theme: 'light' | 'dark';
  /** The first index of the logs that is shown; undefined to follow their end. */
  readonly firstIndex: number | undefined;
};

/** So many lines of the list stand before and after the current event. */
const linesAround = 6;
const leastColumns = 12;

/** Everything below the diagram: the event, its neighbours, and the logs as they are then. */
export function fillPanels(
  document: PageDocument,
  story: Story,
  wish: PanelWish,
  select: (place: number) => void,
): void {
  const event = story.events[wish.place];
  if (event === undefined) return;
  const { title, facts } = describe(story, event);
  byId(document, 'event-title').textContent = title;
  byId(document, 'event-title').className = event.type === 'violation' ? 'bad' : '';
  byId(document, 'event-facts').replaceChildren(
    ...facts.flatMap(([name, value]) => [
      make(document, 'dt', {}, name),
      make(document, 'dd', {}, value),
    ]),
  );
  const place = `event ${wish.place + 1} of ${story.events.length}`;
  byId(document, 'place').textContent = place;
  fillList(document, story, wish, select);
  fillLogs(document, story, wish);
}

function fillList(
  document: PageDocument,
  story: Story,
  wish: PanelWish,
  select: (place: number) => void,
): void {
  const places = placesAround(story, wish.place, linesAround, wish.filter);
  byId(document, 'list').replaceChildren(
    ...places.flatMap((place) => {
      const event = story.events[place];
      if (event === undefined) return [];
      const current = place === wish.place ? { 'aria-current': 'true' } : {};
      const attributes = { type: 'button', tabindex: '-1', class: event.type, ...current };
      const button = make(document, 'button', attributes, lineOf(story, event));
      button.addEventListener('click', () => {
        select(place);
      });
      return [make(document, 'li', {}, button)];
    }),
  );
}

function fillLogs(document: PageDocument, story: Story, wish: PanelWish): void {
  const states = nodeStatesAt(story, wish.place);
  const logs = byId(document, 'logs');
  const columns = Math.max(Math.floor((logs.clientWidth - 330) / 27), leastColumns);
  const atEnd = windowAtEnd(states, columns);
  const first = wish.firstIndex === undefined ? atEnd.first : Math.max(wish.firstIndex, 1);
  const window = { first, count: columns };
  const slider = byId(document, 'log-first');
  slider.setAttribute('min', String(Math.max(logBounds(states)[0] - 1, 1)));
  slider.setAttribute('max', String(atEnd.first));
  slider.value = String(first);
  const table = logTable(document, states, window, cutOffWords(story, wish.place));
  logs.replaceChildren(table);
  colourTerms(table, wish.theme);
}

/** In words for each node: whom it does not reach now. */
function cutOffWords(story: Story, place: number): ReadonlyMap<string, string> {
  const lost = new Map<string, string[]>();
  for (const cut of cutsAt(story.cuts, place)) {
    lost.set(cut.from, [...(lost.get(cut.from) ?? []), cut.to]);
  }
  return new Map([...lost].map(([node, others]) => [node, `⇥ ${others.sort().join(' ')}`]));
}

/** Through the style object, since term colours are computed and not listed in the style sheet. */
function colourTerms(table: PageElement, theme: 'light' | 'dark'): void {
  for (const element of table.querySelectorAll('[data-term]')) {
    element.style.setProperty('--term', termCss(Number(element.dataset['term']), theme));
  }
}
