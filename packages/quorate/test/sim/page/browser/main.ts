import { themeOf } from './canvases.ts';
import { browserWindow, byId, make, type PageElement, type PageWindow } from './dom.ts';
import { type Command, commandOf, keyHelp } from './keys.ts';
import { Page } from './page.ts';
import type { Run } from './run.ts';
import { placeOfNumber, stepGroups } from './stepping.ts';
import { readStory, type Story } from './story.ts';

// What the browser runs: reads the run out of the page, and joins the controls to it.

const browser = browserWindow();
const { document } = browser;
const data = byId(document, 'run').textContent ?? '';
const story = readStory(JSON.parse(data) as Run);
const page = new Page(browser, story);
fillControls(story);
joinPointer(byId(document, 'diagram'));
joinOverview(byId(document, 'overview'));
joinControls(browser);
joinKeys();
followHash(browser);

function fillControls({ nodes, clients }: Story): void {
  const option = (value: string, text: string): PageElement => {
    return make(document, 'option', { value }, text);
  };
  const groups = stepGroups.map((group) => option(group, group));
  byId(document, 'group').replaceChildren(...groups);
  const names = [...nodes, ...clients].map((name) => option(name, name));
  byId(document, 'name').replaceChildren(option('', 'all nodes'), ...names);
  const help = keyHelp.flatMap(([keys, words]) => [
    make(document, 'dt', {}, keys),
    make(document, 'dd', {}, words),
  ]);
  byId(document, 'keys').replaceChildren(...help);
}

/** Dragging moves the view, a click selects, the wheel zooms, and what lies below is hinted at. */
function joinPointer(diagram: PageElement): void {
  let pressedAt: number | undefined;
  let dragged = 0;
  diagram.addEventListener('pointerdown', (event) => {
    pressedAt = event.offsetX;
    dragged = 0;
    diagram.setPointerCapture(event.pointerId);
  });
  diagram.addEventListener('pointermove', (event) => {
    if (pressedAt === undefined) {
      page.hover(event.offsetX, event.offsetY);
      return;
    }
    const by = event.offsetX - pressedAt;
    dragged += Math.abs(by);
    pressedAt = event.offsetX;
    page.panBy(-by / page.width);
    page.unhover();
  });
  diagram.addEventListener('pointerup', (event) => {
    // A hand is never quite still: a few pixels are still a click.
    if (pressedAt !== undefined && dragged < 5) page.click(event.offsetX, event.offsetY);
    pressedAt = undefined;
  });
  diagram.addEventListener('pointercancel', () => {
    pressedAt = undefined;
  });
  diagram.addEventListener('pointerleave', () => {
    page.unhover();
  });
  const onWheel = (event: Parameters<Parameters<typeof diagram.addEventListener>[1]>[0]): void => {
    event.preventDefault();
    const isSideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (isSideways) page.panBy((event.deltaX + event.deltaY) / page.width);
    else page.zoomAround(1.0015 ** event.deltaY, page.positionAt(event.offsetX));
  };
  diagram.addEventListener('wheel', onWheel, { passive: false });
}

function joinOverview(overview: PageElement): void {
  let isPressed = false;
  overview.addEventListener('pointerdown', (event) => {
    isPressed = true;
    overview.setPointerCapture(event.pointerId);
    page.lookAt(event.offsetX / overview.clientWidth);
  });
  overview.addEventListener('pointermove', (event) => {
    if (isPressed) page.lookAt(event.offsetX / overview.clientWidth);
  });
  for (const end of ['pointerup', 'pointercancel']) {
    overview.addEventListener(end, () => {
      isPressed = false;
    });
  }
}

function joinControls(window: PageWindow): void {
  const commands: readonly Command[] = [
    ...(['first', 'previous', 'next', 'last', 'violation'] as const),
    ...(['zoomIn', 'zoomOut', 'left', 'right', 'whole'] as const),
  ];
  for (const command of commands) {
    byId(document, command).addEventListener('click', () => {
      page.obey(command);
    });
  }
  const onInput = (id: string, take: (value: string) => void): void => {
    const control = byId(document, id);
    control.addEventListener('input', () => {
      take(control.value);
    });
  };
  onInput('axis', (value) => page.setMode(value === 'time' ? 'time' : 'events'));
  onInput('group', (value) => {
    const group = stepGroups.find((name) => name === value);
    if (group !== undefined) page.setFilter({ group });
  });
  onInput('name', (name) => page.setFilter({ name }));
  onInput('search', (text) => page.setFilter({ text }));
  onInput('log-first', (value) => page.showLogFrom(Number(value)));
  byId(document, 'log-end').addEventListener('click', () => {
    page.showLogFrom(undefined);
  });
  byId(document, 'theme').addEventListener('click', () => {
    const next = themeOf(window) === 'dark' ? 'light' : 'dark';
    document.documentElement.dataset['theme'] = next;
    page.restyle();
  });
  window.addEventListener('resize', () => page.resize());
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    page.restyle();
  });
}

/** Keys work wherever the focus is, except where one writes or chooses with them. */
function joinKeys(): void {
  document.addEventListener('keydown', (event) => {
    const where = event.target?.tagName ?? '';
    const isSearch = where === 'INPUT' && event.target === byId(document, 'search');
    if (isSearch && event.key === 'Enter') {
      page.find(event.shiftKey ? -1 : 1);
      return;
    }
    if (isSearch && event.key === 'Escape') byId(document, 'diagram').focus();
    if (where === 'INPUT' || where === 'SELECT') return;
    const command = commandOf(event);
    if (command === undefined) return;
    event.preventDefault();
    page.obey(command);
  });
}

/** `#event=N` in the address opens the page at that event, so that one can point at it. */
function followHash(window: PageWindow): void {
  const follow = (): void => {
    const number = /^#event=(\d+)$/.exec(window.location.hash)?.[1];
    if (number !== undefined) page.select(placeOfNumber(story, Number(number)));
  };
  window.addEventListener('hashchange', follow);
  follow();
}
