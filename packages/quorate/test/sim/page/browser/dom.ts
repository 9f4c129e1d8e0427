// The part of a browser that the page uses, as narrow types: the project is checked without the
// browser's own, whose global names would then be known in every file.

export interface Pen {
  strokeStyle: string;
  fillStyle: string;
  lineWidth: number;
  globalAlpha: number;
  font: string;
  textAlign: string;
  setTransform(a: number, b: number, c: number, d: number, e: number, f: number): void;
  save(): void;
  restore(): void;
  translate(x: number, y: number): void;
  rotate(angle: number): void;
  clearRect(x: number, y: number, width: number, height: number): void;
  fillRect(x: number, y: number, width: number, height: number): void;
  beginPath(): void;
  rect(x: number, y: number, width: number, height: number): void;
  clip(): void;
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  closePath(): void;
  stroke(): void;
  fill(): void;
  strokeText(text: string, x: number, y: number): void;
  fillText(text: string, x: number, y: number): void;
  setLineDash(segments: readonly number[]): void;
}

export interface PageEvent {
  readonly target: PageElement | null;
  readonly key: string;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
  readonly offsetX: number;
  readonly offsetY: number;
  readonly deltaX: number;
  readonly deltaY: number;
  readonly pointerId: number;
  preventDefault(): void;
}

export interface PageElement {
  readonly tagName: string;
  readonly clientWidth: number;
  readonly clientHeight: number;
  readonly offsetWidth: number;
  readonly dataset: Record<string, string | undefined>;
  readonly style: { setProperty(name: string, value: string): void };
  className: string;
  textContent: string | null;
  value: string;
  hidden: boolean;
  width: number;
  height: number;
  append(...children: readonly (PageElement | string)[]): void;
  replaceChildren(...children: readonly (PageElement | string)[]): void;
  setAttribute(name: string, value: string): void;
  setPointerCapture(pointerId: number): void;
  focus(): void;
  querySelectorAll(selector: string): Iterable<PageElement>;
  getContext(kind: '2d'): Pen | null;
  addEventListener(
    type: string,
    listener: (event: PageEvent) => void,
    options?: { readonly passive: boolean },
  ): void;
}

export interface PageDocument {
  readonly documentElement: PageElement;
  createElement(name: string): PageElement;
  getElementById(id: string): PageElement | null;
  addEventListener(type: string, listener: (event: PageEvent) => void): void;
}

export interface PageWindow {
  readonly document: PageDocument;
  readonly devicePixelRatio: number;
  readonly innerHeight: number;
  readonly location: { readonly hash: string };
  readonly history: { replaceState(data: undefined, unused: string, url: string): void };
  addEventListener(type: string, listener: () => void): void;
  requestAnimationFrame(draw: () => void): void;
  matchMedia(query: string): {
    readonly matches: boolean;
    addEventListener(type: 'change', listener: () => void): void;
  };
  getComputedStyle(element: PageElement): { getPropertyValue(name: string): string };
}

export function browserWindow(): PageWindow {
  return globalThis as unknown as PageWindow;
}

/** The element that the page's own HTML has under this id. */
export function byId(document: PageDocument, id: string): PageElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`The page has no element "${id}".`);
  return element;
}

/** A new element. Text goes in as text, so nothing of a run can become part of the page's code. */
export function make(
  document: PageDocument,
  name: string,
  attributes: Readonly<Record<string, string>>,
  ...children: readonly (PageElement | string)[]
): PageElement {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}
