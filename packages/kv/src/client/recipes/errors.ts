import type { Revision } from '../../types.ts';

/** What a recipe can fail with besides a `KvError` of the client. */
export type RecipeErrorCode =
  /** The lock, the leadership or the place in a barrier is not held any more. */
  | 'KV_NOT_HELD'
  /** There is a document with this id already. */
  | 'KV_DOCUMENT_EXISTS'
  /** A document does not fit the schema of its collection. */
  | 'KV_DOCUMENT_INVALID'
  /** Others changed the key each time between the read and the write. */
  | 'KV_CONFLICT'
  /** As many as the barrier is for are in it already. */
  | 'KV_BARRIER_FULL'
  /** The value of the key was not written by this recipe. */
  | 'KV_FOREIGN_VALUE';

export interface RecipeErrorOptions {
  readonly cause?: unknown;
}

/** Thrown by recipes. Compare `code`, not the class. */
export class RecipeError extends Error {
  override readonly name: string = 'RecipeError';
  readonly code: RecipeErrorCode;
  /** The key that it is about. */
  readonly key: string;

  constructor(
    code: RecipeErrorCode,
    message: string,
    { key, ...rest }: RecipeErrorOptions & { readonly key: string },
  ) {
    super(message, 'cause' in rest ? { cause: rest.cause } : undefined);
    this.code = code;
    this.key = key;
  }
}

/** What is wrong with a document, and where in it. */
export interface DocumentIssue {
  readonly message: string;
  /** From the outside in: names of properties and indexes. Empty: the document itself. */
  readonly path: readonly PropertyKey[];
}

/** A document that does not fit its schema: `KV_DOCUMENT_INVALID`. */
export class DocumentError extends RecipeError {
  override readonly name = 'DocumentError';
  readonly issues: readonly DocumentIssue[];
  /** Of the document in the store; none if it was on its way there. */
  readonly revision: Revision | undefined;

  constructor(
    message: string,
    details: RecipeErrorOptions & {
      readonly key: string;
      readonly issues: readonly DocumentIssue[];
      readonly revision?: Revision | undefined;
    },
  ) {
    super('KV_DOCUMENT_INVALID', message, details);
    this.issues = details.issues;
    this.revision = details.revision;
  }
}
