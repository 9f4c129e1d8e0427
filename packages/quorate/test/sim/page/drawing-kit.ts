import type { TraceBody } from '../trace.ts';
import { endsOf, readPositions, type View, wholeView } from './browser/axis.ts';
import { buildScene, type Scene } from './browser/scene.ts';
import type { Line, Shape } from './browser/shapes.ts';
import { readStory, type Story } from './browser/story.ts';

export const size = { width: 1200, height: 500 };

export function storyOf(nodes: readonly string[], bodies: readonly TraceBody[]): Story {
  const events = bodies.map((body, place) => ({ number: place + 1, at: place, ...body }));
  return readStory({ version: 1, seed: 'x', knobs: {}, nodes, events });
}

export function drawing(story: Story, view?: View): Scene {
  const positions = readPositions(story.events, 'events');
  const whole = wholeView(endsOf(positions));
  return buildScene(story, { positions, view: view ?? whole, size, current: 0 });
}

export function linesOf(shapes: readonly Shape[], place: number): readonly Line[] {
  return shapes.flatMap((shape) =>
    shape.type === 'line' && shape.target?.place === place ? [shape] : [],
  );
}

export const start = (node: string): TraceBody => ({ type: 'start', node });
export const role = (node: string, name: string, term: number): TraceBody => {
  return { type: 'role', node, role: name, term };
};
export const send = (message: number, from: string, to: string): TraceBody => {
  return { type: 'send', message, kind: 'appendEntries', from, to, text: '' };
};
