import { inspect, isDeepStrictEqual } from 'node:util';

/** For each input the place of the last equal one before it, or -1. */
export function groupsOf(inputs: readonly unknown[]): readonly number[] {
  const lastByText = new Map<string, number[]>();
  return inputs.map((input, at) => {
    // Equal inputs look alike; those that look alike may differ.
    const text = inspect(input, { depth: Number.POSITIVE_INFINITY });
    const alike = lastByText.get(text) ?? [];
    lastByText.set(text, alike);
    const group = alike.findIndex((place) => isDeepStrictEqual(inputs[place], input));
    const previous = alike[group] ?? -1;
    if (group === -1) alike.push(at);
    else alike[group] = at;
    return previous;
  });
}
