import type { Logger, Raft, Runtime } from 'quorate';

/** The Raft node of a member of the key-value cluster: commands and responses are bytes. */
export type KvRaft = Raft<Uint8Array, Uint8Array>;

/** What most parts of a member work with. */
export interface MemberHost {
  readonly name: string;
  readonly raft: KvRaft;
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** Aborted when the member ends. */
  readonly signal: AbortSignal;
}

/** Nobody listens. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
