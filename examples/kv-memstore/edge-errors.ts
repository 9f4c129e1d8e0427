// Refusals of the HTTP edge itself, each with its status. Those of the protocol are the library's.

export type EdgeErrorCode =
  | 'HTTP_BAD_JSON'
  | 'HTTP_BAD_REQUEST'
  | 'HTTP_UNKNOWN_PATH'
  | 'HTTP_METHOD_NOT_ALLOWED'
  | 'HTTP_TOO_LARGE';

export abstract class EdgeError extends Error {
  abstract readonly code: EdgeErrorCode;
  abstract readonly status: number;
}

/** The body is JSON and not what this path takes. */
export class BadRequestError extends EdgeError {
  readonly code = 'HTTP_BAD_REQUEST';
  readonly status = 400;
}

export class BadJsonError extends EdgeError {
  readonly code = 'HTTP_BAD_JSON';
  readonly status = 400;
}

export class UnknownPathError extends EdgeError {
  readonly code = 'HTTP_UNKNOWN_PATH';
  readonly status = 404;
}

export class WrongMethodError extends EdgeError {
  readonly code = 'HTTP_METHOD_NOT_ALLOWED';
  readonly status = 405;
  readonly allowed: readonly string[];

  constructor(message: string, allowed: readonly string[]) {
    super(message);
    this.allowed = allowed;
  }
}

export class TooLargeError extends EdgeError {
  readonly code = 'HTTP_TOO_LARGE';
  readonly status = 413;
}
