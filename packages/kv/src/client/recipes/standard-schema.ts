/*
 * What schema libraries have agreed on (https://standardschema.dev, version 1), as far as it is
 * needed here. The specification wants it copied, so that nobody depends on a package for it.
 */

/** A schema of any library that follows the standard: Zod, Valibot, ArkType and others. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (
      value: unknown,
    ) => StandardSchemaResult<Output> | Promise<StandardSchemaResult<Output>>;
    /** For the compiler alone. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type StandardSchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardSchemaIssue[] };

export interface StandardSchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

type TypesOf<Schema extends StandardSchema> = NonNullable<Schema['~standard']['types']>;

/** What the schema takes. */
export type SchemaInput<Schema extends StandardSchema> = TypesOf<Schema>['input'];

/** What the schema makes of it. */
export type SchemaOutput<Schema extends StandardSchema> = TypesOf<Schema>['output'];
