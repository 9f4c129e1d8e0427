import { errorKinds } from '../../../src/errors.ts';
import {
  type ApiDocument,
  loadApi,
  type OperationItem,
  type ParameterItem,
  type ResponseItem,
  resolveParameter,
} from '../../../src/server/http/api.ts';
import { demandValid, SchemaSet } from '../../../src/server/http/schema-set.ts';

export interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly item: OperationItem;
  readonly parameters: readonly ParameterItem[];
}

export const document: ApiDocument = loadApi().document;

/** Every operation of the file. */
export const operations: readonly Operation[] = Object.entries(document.paths).flatMap(
  ([path, item]) =>
    (['get', 'put', 'post', 'delete'] as const).flatMap((method) => {
      const operation = item[method];
      if (operation === undefined) return [];
      const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])];
      return [
        {
          id: operation.operationId,
          method: method.toUpperCase(),
          path,
          item: operation,
          parameters: parameters.map((one) => resolveParameter(document, one)),
        },
      ];
    }),
);

const schemas = new SchemaSet(document.components);
const checks = new Map<object, ReturnType<SchemaSet['compileBody']>>();

export interface Found {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/** @throws if the file does not allow this answer to the operation. */
export function demandAnswer(operation: Operation, { status, contentType, text }: Found): void {
  const described = operation.item.responses[status] ?? operation.item.responses['default'];
  const name = `The answer ${status} to ${operation.id}`;
  if (described === undefined) throw new Error(`${name} is not in the file: ${text}`);
  const { content } = resolveResponse(described);
  if (content === undefined) {
    if (text !== '') throw new Error(`${name} has a body: ${text}`);
    return;
  }
  const type = contentType.split(';')[0] ?? '';
  const media = content[type];
  if (media === undefined) throw new Error(`${name} has the type ${type}.`);
  if (media.schema === undefined) return;
  const json: unknown = JSON.parse(text);
  demandSchema(media.schema, json, name);
  const { code } = json as { readonly code?: keyof typeof errorKinds };
  if (code !== undefined && errorKinds[code].status !== status) {
    throw new Error(`${name} has the code ${code}, whose status is another.`);
  }
}

/** @throws if `json` is not what the schema says. */
export function demandSchema(schema: object, json: unknown, name: string): void {
  const check = checks.get(schema) ?? schemas.compileBody(schema);
  checks.set(schema, check);
  demandValid(check, json, name);
}

function resolveResponse(response: ResponseItem | { readonly $ref: string }): ResponseItem {
  if (!('$ref' in response)) return response;
  return document.components.responses[response.$ref.split('/').at(-1) ?? ''] ?? {};
}
