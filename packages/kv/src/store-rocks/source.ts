import type { ByteString } from '../bytes.ts';
import type { KeySpan } from '../store/key-span.ts';
import type { Revision } from '../types.ts';
import type { Version } from './version.ts';

/** Returns whether it wants to see more. */
export type Look = (version: Version) => boolean;

export interface VisitOptions {
  readonly isDown?: boolean;
  /** How many are likely to be looked at. */
  readonly expected?: number;
}

/** A state that can be read: as it was after a batch, or as a batch has made it so far. */
export interface Source {
  readonly revision: Revision;
  readonly compactedRevision: Revision;
  /** The live version of the key, if there is one. */
  newest(key: ByteString): Promise<Version | undefined>;
  /** The same as of a revision. */
  at(key: ByteString, revision: Revision): Promise<Version | undefined>;
  /** Shows the live keys of a span as of a revision, in their order, until `look` has enough. */
  visit(span: KeySpan, at: Revision, look: Look, options?: VisitOptions): Promise<void>;
  /**
   * Takes note of what says how many keys of a span are live, and returns what finds it out: the
   * number is that of the moment of the call, whenever it is asked for.
   */
  counting(span: KeySpan): () => Promise<number>;
}
