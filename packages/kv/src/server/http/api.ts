import { readFileSync } from 'node:fs';

import type { ValidateFunction } from 'ajv/dist/2020.js';
import { parse } from 'yaml';

import { SchemaSet } from './schema-set.ts';

/** A parameter of an operation, as the file describes it. */
export interface ApiParameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  /** Its value is bytes and not text. */
  readonly isBytes: boolean;
}

/** One path with one method. */
export interface ApiOperation {
  readonly id: string;
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** With the names of parameters in braces. */
  readonly path: string;
  readonly parameters: readonly ApiParameter[];
  /** Checks the parameters, all in one object, and turns strings into numbers and booleans. */
  readonly checkParameters: ValidateFunction;
  readonly body?: ApiBody;
}

export interface ApiBody {
  readonly isRequired: boolean;
  readonly check: ValidateFunction;
  /** A body that is not JSON is a value itself. */
  readonly takesRaw: boolean;
}

/** The API as its file describes it. */
export interface Api {
  /** The file. */
  readonly text: string;
  readonly document: ApiDocument;
  readonly operations: readonly ApiOperation[];
}

/** As much of the file as is read here. */
export interface ApiDocument {
  readonly paths: Readonly<Record<string, PathItem>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>;
    readonly parameters: Readonly<Record<string, ParameterItem>>;
    readonly responses: Readonly<Record<string, ResponseItem>>;
  };
}

export type PathItem = Readonly<
  Partial<Record<'get' | 'put' | 'post' | 'delete', OperationItem>>
> & {
  readonly parameters?: readonly (ParameterItem | Reference)[];
};

export interface OperationItem {
  readonly operationId: string;
  readonly parameters?: readonly (ParameterItem | Reference)[];
  readonly requestBody?: { readonly required: boolean; readonly content: ContentItem };
  readonly responses: Readonly<Record<string, ResponseItem | Reference>>;
}

export interface ParameterItem {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema: Readonly<Record<string, unknown>>;
  readonly example?: string | number | boolean;
}

export interface ResponseItem {
  readonly content?: ContentItem;
}

export type ContentItem = Readonly<
  Record<string, { readonly schema?: object; readonly example?: unknown }>
>;

export interface Reference {
  readonly $ref: string;
}

const methods = ['get', 'put', 'post', 'delete'] as const;

let loaded: Api | undefined;

/** Reads and compiles the file, once. It lies beside `src` and `dist` alike. */
export function loadApi(): Api {
  loaded ??= readApi(readFileSync(new URL('../../../openapi.yaml', import.meta.url), 'utf8'));
  return loaded;
}

function readApi(text: string): Api {
  const document = parse(text) as ApiDocument;
  const schemas = new SchemaSet(document.components);
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    methods.flatMap((method) => {
      const operation = item[method];
      if (operation === undefined) return [];
      const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])];
      const items = parameters.map((one) => resolveParameter(document, one));
      return [readOperation({ path, method, operation, items }, schemas)];
    }),
  );
  return { text, document, operations };
}

export function resolveParameter(
  document: ApiDocument,
  parameter: ParameterItem | Reference,
): ParameterItem {
  if (!('$ref' in parameter)) return parameter;
  const name = parameter.$ref.slice('#/components/parameters/'.length);
  const found = document.components.parameters[name];
  if (found === undefined) throw new Error(`openapi.yaml has no parameter ${parameter.$ref}.`);
  return found;
}

interface Described {
  readonly path: string;
  readonly method: (typeof methods)[number];
  readonly operation: OperationItem;
  readonly items: readonly ParameterItem[];
}

function readOperation(described: Described, schemas: SchemaSet): ApiOperation {
  const { path, method, operation, items } = described;
  const { operationId: id, requestBody } = operation;
  const json = requestBody?.content['application/json']?.schema;
  return {
    id,
    method: method.toUpperCase() as ApiOperation['method'],
    path,
    parameters: items.map((item) => ({
      name: item.name,
      in: item.in,
      required: item.required === true,
      isBytes: item.schema['format'] === 'bytes',
    })),
    checkParameters: schemas.compileParameters(items),
    ...(requestBody === undefined || json === undefined
      ? {}
      : {
          body: {
            isRequired: requestBody.required,
            check: schemas.compileBody(json),
            takesRaw: 'application/octet-stream' in requestBody.content,
          },
        }),
  };
}
