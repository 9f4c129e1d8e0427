import fc, { type Arbitrary } from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { demandAnswer, document, type Operation, operations } from './support/answers.ts';
import { type Kit, startKit } from './support/http-kit.ts';
import { rawConnection, readRaw } from './support/raw-http.ts';
import { arbitraryOf, type Schema, spoiled } from './support/schema-arbitrary.ts';

// Requests that are made from the schemas of the file, right ones and wrong ones. Whatever comes,
// there is an answer in time, it is what the file says, and it is never a failure of the server.

const runs = process.env['QUORATE_TEST_FULL'] === '1' ? 20_000 : 400;
const longestMs = 10_000;
const schemas = document.components.schemas as Readonly<Record<string, Schema>>;

let kit: Kit;

beforeAll(async () => {
  kit = await startKit();
});

afterAll(() => kit[Symbol.asyncDispose]());

interface Request {
  readonly operation: Operation;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** Values of parameters; now and then one that does not fit. */
function parametersOf(operation: Operation, isWrong: boolean): Arbitrary<Record<string, string>> {
  const odd = fc.constantFrom('', '-1', '1.5', 'x', '9007199254740993', 'true', '%', '"');
  const fields = operation.parameters.map(({ name, schema, in: place }) => {
    const right = arbitraryOf(schema as Schema, schemas).map(String);
    const value = isWrong ? fc.oneof(right, odd) : right;
    return [name, place === 'header' ? value.map(headerText) : value] as const;
  });
  const paths = operation.parameters.filter(({ in: place }) => place === 'path');
  return fc.record(Object.fromEntries(fields), { requiredKeys: paths.map(({ name }) => name) });
}

/** What a header can carry. */
function headerText(value: string): string {
  return value.replaceAll(/[^\x21-\x7e]/g, '');
}

function requestOf(operation: Operation, isWrong: boolean): Arbitrary<Request> {
  const schema = operation.item.requestBody?.content['application/json']?.schema as Schema;
  const json = schema === undefined ? fc.constant(undefined) : arbitraryOf(schema, schemas);
  const body = fc.oneof(
    { weight: 4, arbitrary: (isWrong ? spoiled(json) : json).map((one) => JSON.stringify(one)) },
    { weight: isWrong ? 1 : 0, arbitrary: fc.string({ maxLength: 20 }) },
  );
  return fc.tuple(parametersOf(operation, isWrong), body).map(([values, text]) => {
    const query = new URLSearchParams();
    const headers: Record<string, string> = {};
    let { path } = operation;
    for (const { name, in: place } of operation.parameters) {
      const value = values[name];
      if (value === undefined) continue;
      if (place === 'path') path = path.replace(`{${name}}`, encodeURIComponent(value));
      if (place === 'query') query.set(name, value);
      if (place === 'header') headers[name] = value;
    }
    const hasBody = schema !== undefined;
    return {
      operation,
      path: `${path}?${query.toString()}`,
      headers: hasBody ? { ...headers, 'content-type': 'application/json' } : headers,
      body: hasBody ? text : undefined,
    };
  });
}

const requests = fc
  .tuple(fc.constantFrom(...operations), fc.boolean())
  .chain(([operation, isWrong]) => requestOf(operation, isWrong));

/** Sends a request; of a stream, only the beginning is looked at. */
async function send({ operation, path, headers, body }: Request): Promise<number> {
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(new Error('There was no answer.')), longestMs);
  try {
    const init = { method: operation.method, headers, signal: ending.signal };
    const response = await fetch(kit.url + path, body === undefined ? init : { ...init, body });
    const contentType = response.headers.get('content-type') ?? '';
    const isStream = contentType.startsWith('text/event-stream');
    const text = isStream ? '' : await response.text();
    if (isStream) await response.body?.cancel();
    const { status } = response;
    if (status === 500) throw new Error(text);
    if (operation.id !== 'metrics') demandAnswer(operation, { status, contentType, text });
    return status;
  } finally {
    clearTimeout(timer);
  }
}

test(
  'every request has the answer that the file says, and none fails the server',
  async () => {
    const statuses = new Map<number, number>();
    await fc.assert(
      fc.asyncProperty(requests, async (request) => {
        const status = await send(request);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }),
      { numRuns: runs },
    );

    // Both sides were tried: most right requests go through, and wrong ones do not.
    expect(statuses.get(200)).toBeGreaterThan(runs / 5);
    expect(statuses.get(400)).toBeGreaterThan(runs / 20);
    expect((await kit.ask('/readyz')).status).toBe(200);
    expect(kit.server.running).toBe(0);
  },
  runs * 100,
);

test('bytes that are no HTTP cost a connection and nothing else', async () => {
  const heads = fc.constantFrom(
    'GET ',
    'PUT /v1/kv/a HTTP/1.1\r\n',
    'POST /v1/put HTTP/1.1\r\nHost: a\r\n',
  );
  const bytes = fc.tuple(heads, fc.uint8Array({ maxLength: 60 }));

  await fc.assert(
    fc.asyncProperty(bytes, async ([head, rest]) => {
      const { all, socket } = await rawConnection(
        kit.server.port,
        Buffer.concat([Buffer.from(head), rest, Buffer.from('\r\n\r\n')]),
      );
      socket.end();
      const { status } = readRaw(await all);
      expect(status).not.toBe(500);
    }),
    { numRuns: Math.min(runs, 2000) / 5 },
  );

  expect((await kit.ask('/healthz')).status).toBe(200);
});
