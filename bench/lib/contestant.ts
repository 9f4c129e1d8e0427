/** A key-value server of three members, with its clients in this process, as the benches see it. */
export interface Contestant {
  readonly name: string;
  /** Which one it is, and what it was started with; known once it was started. */
  readonly version: string;

  /**
   * Starts three members on the loopback interface with their data in `folder`, and connects to
   * them. Resolves once they take writes.
   */
  start(folder: string): Promise<void>;

  /** Resolves once the value is durable on a majority. Without `timeoutMs` it may wait for long. */
  put(key: string, value: Uint8Array, timeoutMs?: number): Promise<void>;

  /** Linearizable. */
  get(key: string): Promise<Uint8Array | undefined>;

  /**
   * Ends the leader's process as `kill -9` does, and resolves once the system says that it is gone.
   * From then on puts go to the others, in turn.
   */
  killLeader(): Promise<Kill>;

  /** Starts the member again that was killed; resolves once it knows a leader. */
  revive(): Promise<void>;

  close(): Promise<void>;
}

/** By `performance.now()` of this process. */
export interface Kill {
  readonly killedAt: number;
  readonly goneAt: number;
}
