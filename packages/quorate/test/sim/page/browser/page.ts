import {
  type AxisMode,
  endsOf,
  pan,
  placeFrom,
  readPositions,
  reveal,
  type View,
  wholeView,
  zoom,
} from './axis.ts';
import { drawOn, fillLegend, readPalette, themeOf } from './canvases.ts';
import { describe } from './describe.ts';
import { byId, type PageElement, type PageWindow } from './dom.ts';
import { heightFor } from './geometry.ts';
import { placeAt } from './hit.ts';
import type { Command } from './keys.ts';
import { buildOverview, overviewHeight } from './overview.ts';
import type { Palette } from './paint.ts';
import { fillPanels } from './panels.ts';
import { buildScene, type Scene } from './scene.ts';
import { firstPlace, type StepFilter, stepFrom } from './stepping.ts';
import { rowOfEvent, type Story } from './story.ts';

/** So many events does the page show when it opens. */
const openingSpan = 70;

/** Of the window's height the diagram takes so much, or more when it has many rows. */
const heightShare = 0.45;

/** The page while it is open: what is looked at, and how; draws when that changes. */
export class Page {
  readonly #window: PageWindow;
  readonly #story: Story;
  readonly #diagram: PageElement;
  readonly #overview: PageElement;
  readonly #hint: PageElement;
  #positions: Float64Array;
  #ends: View;
  #view: View;
  #place: number;
  #filter: StepFilter = { group: 'all events', name: '', text: '' };
  #firstIndex: number | undefined;
  #palette: Palette;
  #scene: Scene = { shapes: [], oneLegOf: 1 };
  #isDrawWanted = false;
  #arePanelsStale = true;

  constructor(window: PageWindow, story: Story) {
    this.#window = window;
    this.#story = story;
    this.#diagram = byId(window.document, 'diagram');
    this.#overview = byId(window.document, 'overview');
    this.#hint = byId(window.document, 'hint');
    this.#positions = readPositions(story.events, 'events');
    this.#ends = endsOf(this.#positions);
    this.#place = firstPlace(story);
    const around = this.#positions[this.#place] ?? 0;
    const whole = wholeView(this.#ends);
    const share = openingSpan / (whole.to - whole.from);
    this.#view = zoom(whole, share, around, this.#ends);
    this.#view = reveal(this.#view, around, this.#ends);
    this.#palette = readPalette(window);
    this.restyle();
  }

  select(place: number): void {
    this.#place = place;
    this.#view = reveal(this.#view, this.#positions[place] ?? 0, this.#ends);
    this.#arePanelsStale = true;
    const number = this.#story.events[place]?.number;
    this.#window.history.replaceState(undefined, '', `#event=${number}`);
    this.refresh();
  }

  obey(command: Command): void {
    const last = this.#story.events.length - 1;
    const centre = this.#centre();
    switch (command) {
      case 'next':
        return this.#step(1, this.#filter);
      case 'previous':
        return this.#step(-1, this.#filter);
      case 'nextHere':
        return this.#step(1, this.#filterOfRow());
      case 'previousHere':
        return this.#step(-1, this.#filterOfRow());
      case 'first':
        return this.select(0);
      case 'last':
        return this.select(last);
      case 'violation':
        return this.#goToViolation();
      case 'zoomIn':
        return this.zoomAround(0.6, centre);
      case 'zoomOut':
        return this.zoomAround(1 / 0.6, centre);
      case 'left':
        return this.panBy(-0.2);
      case 'right':
        return this.panBy(0.2);
      case 'whole':
        this.#view = wholeView(this.#ends);
        return this.refresh();
      case 'find':
        return byId(this.#window.document, 'search').focus();
      case 'quiet':
        this.#hint.hidden = true;
    }
  }

  /** To the next event that the filter lets through; after the last one again from the start. */
  find(direction: 1 | -1): void {
    const { length } = this.#story.events;
    const further = stepFrom(this.#story, this.#place, direction, this.#filter);
    const outside = direction === 1 ? -1 : length;
    const place = further ?? stepFrom(this.#story, outside, direction, this.#filter);
    if (place !== undefined) this.select(place);
  }

  zoomAround(factor: number, position: number): void {
    this.#view = zoom(this.#view, factor, position, this.#ends);
    this.refresh();
  }

  /** By a share of the view's width. */
  panBy(share: number): void {
    this.#view = pan(this.#view, share, this.#ends);
    this.refresh();
  }

  /** What lies `x` pixels from the left of the diagram, in the unit of the axis. */
  positionAt(x: number): number {
    return this.#view.from + (x / this.width) * (this.#view.to - this.#view.from);
  }

  /** Moves the view to where the pointer is on the strip of the whole run. */
  lookAt(share: number): void {
    const whole = wholeView(this.#ends);
    const middle = whole.from + share * (whole.to - whole.from);
    const by = middle - (this.#view.from + this.#view.to) / 2;
    this.panBy(by / (this.#view.to - this.#view.from));
  }

  /** Selects what is drawn at a point, or else the event that is nearest in time. */
  click(x: number, y: number): void {
    const nearest = placeFrom(this.#positions, this.positionAt(x));
    const place = placeAt(this.#scene.shapes, x, y);
    this.select(place ?? Math.min(nearest, this.#story.events.length - 1));
  }

  hover(x: number, y: number): void {
    const place = placeAt(this.#scene.shapes, x, y);
    const event = place === undefined ? undefined : this.#story.events[place];
    this.#hint.hidden = event === undefined;
    this.#diagram.style.setProperty('cursor', event === undefined ? 'grab' : 'pointer');
    if (event === undefined) return;
    const { title, facts } = describe(this.#story, event);
    const lines = facts.map(([name, value]) => `${name}: ${value}`);
    this.#hint.textContent = [title, ...lines].join('\n');
    const left = x > this.width - 330 ? x - 330 : x + 14;
    this.#hint.style.setProperty('left', `${Math.max(left, 4)}px`);
    this.#hint.style.setProperty('top', `${y + 14}px`);
  }

  unhover(): void {
    this.#hint.hidden = true;
  }

  /** Undefined follows the ends of the logs. */
  showLogFrom(index: number | undefined): void {
    this.#firstIndex = index;
    this.#arePanelsStale = true;
    this.refresh();
  }

  setFilter(filter: Partial<StepFilter>): void {
    this.#filter = { ...this.#filter, ...filter };
    this.#arePanelsStale = true;
    this.refresh();
  }

  /** Keeps the current event where it is on the screen, and as many events around it. */
  setMode(mode: AxisMode): void {
    const events = this.#story.events.length;
    const visible = this.#visibleCount();
    this.#positions = readPositions(this.#story.events, mode);
    this.#ends = endsOf(this.#positions);
    const at = (place: number): number => {
      return this.#positions[Math.min(Math.max(Math.round(place), 0), events - 1)] ?? 0;
    };
    const span = at(this.#place + visible / 2) - at(this.#place - visible / 2);
    const whole = wholeView(this.#ends);
    const share = Math.max(span, 1) / (whole.to - whole.from);
    this.#view = zoom(whole, share, at(this.#place), this.#ends);
    this.#view = reveal(this.#view, at(this.#place), this.#ends);
    this.refresh();
  }

  /** Takes up the colours anew. */
  restyle(): void {
    this.#palette = readPalette(this.#window);
    fillLegend(this.#window, byId(this.#window.document, 'legend'), this.#palette);
    this.#arePanelsStale = true;
    this.refresh();
  }

  resize(): void {
    this.#arePanelsStale = true;
    this.refresh();
  }

  /** Draws once before the next picture of the screen, however often it is called. */
  refresh(): void {
    if (this.#isDrawWanted) return;
    this.#isDrawWanted = true;
    this.#window.requestAnimationFrame(() => {
      this.#isDrawWanted = false;
      this.#draw();
    });
  }

  get width(): number {
    return this.#diagram.clientWidth;
  }

  #draw(): void {
    const { document } = this.#window;
    const [positions, view, current] = [this.#positions, this.#view, this.#place];
    const frame = byId(document, 'frame');
    const wanted = Math.max(this.#window.innerHeight * heightShare, 260);
    const size = { width: frame.clientWidth, height: heightFor(this.#story, wanted) };
    this.#diagram.style.setProperty('height', `${size.height}px`);
    this.#scene = buildScene(this.#story, { positions, view, size, current });
    drawOn(this.#window, this.#diagram, size, this.#scene.shapes, this.#palette);
    const strip = { width: this.#overview.clientWidth, height: overviewHeight };
    const sight = { whole: wholeView(this.#ends), width: strip.width, current };
    const overview = buildOverview(this.#story, positions, view, sight);
    drawOn(this.#window, this.#overview, strip, overview, this.#palette);
    const { oneLegOf } = this.#scene;
    byId(document, 'density').textContent =
      oneLegOf === 1 ? '' : `1 of ${oneLegOf} messages is drawn; zoom in for all`;
    if (!this.#arePanelsStale) return;
    this.#arePanelsStale = false;
    const theme = themeOf(this.#window);
    const wish = { place: current, filter: this.#filter, theme, firstIndex: this.#firstIndex };
    fillPanels(document, this.#story, wish, (place) => {
      this.select(place);
    });
  }

  #step(direction: 1 | -1, filter: StepFilter): void {
    const place = stepFrom(this.#story, this.#place, direction, filter);
    if (place !== undefined) this.select(place);
  }

  #filterOfRow(): StepFilter {
    const event = this.#story.events[this.#place];
    const name = event === undefined ? undefined : rowOfEvent(this.#story, event);
    return { ...this.#filter, name: name ?? this.#filter.name };
  }

  /** The next violation after the current event, and after the last one the first again. */
  #goToViolation(): void {
    const isViolation = (place: number): boolean => {
      return this.#story.events[place]?.type === 'violation';
    };
    for (let step = 1; step <= this.#story.events.length; step += 1) {
      const place = (this.#place + step) % this.#story.events.length;
      if (isViolation(place)) return this.select(place);
    }
  }

  /** Around the current event as long as it can be seen. */
  #centre(): number {
    const position = this.#positions[this.#place] ?? 0;
    const isInside = position >= this.#view.from && position <= this.#view.to;
    return isInside ? position : (this.#view.from + this.#view.to) / 2;
  }

  #visibleCount(): number {
    const { from, to } = this.#view;
    return placeFrom(this.#positions, to) - placeFrom(this.#positions, from);
  }
}
