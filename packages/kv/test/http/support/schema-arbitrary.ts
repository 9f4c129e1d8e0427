import fc, { type Arbitrary } from 'fast-check';

/** As much of a schema as the file of the API uses. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly oneOf?: readonly Schema[];
  readonly discriminator?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Few and short, so that requests meet the same keys. */
const texts = fc.constantFrom('a', 'b', 'ab', 'a/b', 'ü', '\u0000', '%', 'users/1');
const byteStrings = fc
  .uint8Array({ minLength: 1, maxLength: 4 })
  .map((bytes) => Buffer.from(bytes).toString('base64'));

const deepest = 3;

/** What a schema lets through. */
export function arbitraryOf(
  schema: Schema,
  schemas: Readonly<Record<string, Schema>>,
  depth = 0,
): Arbitrary<unknown> {
  const inner = (one: Schema): Arbitrary<unknown> => arbitraryOf(one, schemas, depth);
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split('/').at(-1) ?? '';
    const target = schemas[name];
    if (target === undefined) throw new Error(`There is no schema ${name}.`);
    return inner(target);
  }
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.discriminator !== undefined) return fc.oneof(...(schema.oneOf ?? []).map(inner));
  if (Array.isArray(schema.type)) {
    const bytes = fc.record({ base64: byteStrings });
    return fc.oneof(texts, bytes);
  }
  switch (schema.type) {
    case 'boolean':
      return fc.boolean();
    case 'integer':
    case 'number':
      return integers(schema);
    case 'string':
      return strings(schema);
    case 'array':
      if (depth >= deepest) return fc.constant([]);
      return fc.array(arbitraryOf(schema.items ?? {}, schemas, depth + 1), { maxLength: 3 });
    case 'object':
      return objects(schema, schemas, depth);
    default:
      return fc.constant(null);
  }
}

function integers({ minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: Schema): Arbitrary<number> {
  const small = fc.integer({ min: minimum, max: Math.min(maximum, minimum + 20) });
  return fc.oneof(
    { weight: 9, arbitrary: small },
    { weight: 1, arbitrary: fc.constantFrom(minimum, maximum) },
  );
}

function strings({ format, pattern }: Schema): Arbitrary<string> {
  if (format === 'byte') return byteStrings;
  if (pattern === undefined) return texts;
  return fc.constantFrom('*', '"0"', '"2"', '"3"');
}

/** One of `key` and `prefix`, and `end` only with `key`, where the schema wants a choice. */
function objects(
  schema: Schema,
  schemas: Readonly<Record<string, Schema>>,
  depth: number,
): Arbitrary<unknown> {
  const { properties = {}, required = [], oneOf } = schema;
  const fields = Object.fromEntries(
    Object.entries(properties).map(([name, one]) => [name, arbitraryOf(one, schemas, depth)]),
  );
  const record = fc.record(fields, { requiredKeys: [...required] });
  if (oneOf === undefined) return record;
  const { key = fc.constant('a'), prefix = fc.constant('a') } = fields;
  return fc.tuple(record, fc.boolean(), key, prefix).map(([found, byKey, from, start]) => {
    const { key: _key, prefix: _prefix, end, ...rest } = found as Record<string, unknown>;
    if (!byKey) return { ...rest, prefix: start };
    return end === undefined ? { ...rest, key: from } : { ...rest, key: from, end };
  });
}

/** JSON with something in it that does not belong there. */
export function spoiled(json: Arbitrary<unknown>): Arbitrary<unknown> {
  return fc.tuple(json, fc.jsonValue({ maxDepth: 3 }), fc.nat(50)).map(([value, odd, at]) => {
    const places = placesIn(value);
    const place = places[at % (places.length + 1)];
    if (place === undefined) return odd;
    const copy: unknown = JSON.parse(JSON.stringify(value));
    let parent = copy as Record<string, unknown>;
    for (const step of place.slice(0, -1)) parent = parent[step] as Record<string, unknown>;
    const last = place.at(-1) ?? '';
    if (at % 3 === 0) delete parent[last];
    else if (at % 3 === 1) parent[last] = odd;
    else parent['strange'] = odd;
    return copy;
  });
}

function placesIn(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [
    [...path, name],
    ...placesIn(inner, [...path, name]),
  ]);
}
