import { KvError } from '../../errors.ts';

/** Deeper than any transaction may nest, and far from what costs the stack of a validator. */
const mostDepth = 64;

/** @throws {KvError} `KV_INVALID` if arrays and objects lie too deep in each other. */
export function demandShallow(json: unknown): void {
  let layer: readonly unknown[] = [json];
  for (let depth = 0; layer.length > 0; depth += 1) {
    if (depth > mostDepth) {
      const message = `The body nests more than ${mostDepth} deep.`;
      throw new KvError('KV_INVALID', message, { details: { most: mostDepth } });
    }
    layer = layer.filter(isContainer).flatMap((one) => Object.values(one) as unknown[]);
  }
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
