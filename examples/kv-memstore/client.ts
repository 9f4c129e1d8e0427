import type { Refusal, WireError } from './refusal.ts';
import type { WireDigest, WireForward, WireMetrics, WireWriteAnswer } from './wire-output.ts';

/** How often one call follows a node that names the leader. */
const maxForwards = 3;

export interface ClientOptions {
  /** A call that takes longer fails. Default 15 s, so that the server's deadline comes first. */
  readonly deadlineMs?: number;
}

/** A server answered with a refusal. */
export class RefusedError extends Error {
  readonly code: string;
  readonly status: number;
  readonly forward: WireForward | undefined;

  constructor(from: string, status: number, error: WireError) {
    super(`${from} refused: ${error.message} (${error.code})`);
    this.name = 'RefusedError';
    this.code = error.code;
    this.status = status;
    this.forward = error.APIError?.ForwardToLeader;
  }
}

/**
 * Talks to one node of the cluster. Where a call needs the leader and the node names another one,
 * the client turns to that node, for this call and for those that follow.
 */
export class ExampleClient {
  readonly #deadlineMs: number;
  #address: string;

  constructor(address: string, { deadlineMs = 15_000 }: ClientOptions = {}) {
    this.#address = address;
    this.#deadlineMs = deadlineMs;
  }

  /** The node that the next call goes to. */
  get address(): string {
    return this.#address;
  }

  /** Forms a cluster of this node alone. */
  async init(): Promise<void> {
    await this.#call('init', {});
  }

  addLearner(id: number, address: string): Promise<WireWriteAnswer> {
    return this.#callLeader('add-learner', [id, address]);
  }

  changeMembership(voters: readonly number[]): Promise<WireWriteAnswer> {
    return this.#callLeader('change-membership', voters);
  }

  set(key: string, value: string): Promise<WireWriteAnswer> {
    return this.#callLeader('write', { Set: { key, value } });
  }

  compareAndSet(key: string, expectedVersion: number, value: string): Promise<WireWriteAnswer> {
    const fields = { key, expected_version: expectedVersion, value };
    return this.#callLeader('write', { CompareAndSet: fields });
  }

  /** What this node has, which may be old. The empty string where there is nothing. */
  read(key: string): Promise<string> {
    return this.#call('read', key);
  }

  /** Fails where this node is not the leader; the error names the leader. */
  consistentRead(key: string): Promise<string> {
    return this.#call('consistent_read', key);
  }

  followerRead(key: string): Promise<string> {
    return this.#call('follower_read', key);
  }

  metrics(): Promise<WireMetrics> {
    return this.#call('metrics');
  }

  /** A digest of all that this node has. */
  digest(): Promise<WireDigest> {
    return this.#call('digest');
  }

  listNodes(): Promise<Record<string, string>> {
    return this.#call('list-nodes');
  }

  async #callLeader<Answer>(path: string, body: unknown): Promise<Answer> {
    for (let forwards = 0; ; forwards += 1) {
      try {
        return await this.#call<Answer>(path, body);
      } catch (error) {
        const leader = error instanceof RefusedError ? error.forward?.leader_node : undefined;
        if (leader === undefined || leader === null || forwards === maxForwards) throw error;
        this.#address = leader.addr;
      }
    }
  }

  async #call<Answer>(path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`http://${this.#address}/${path}`, {
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      headers: { 'content-type': 'application/json' },
      signal: AbortSignal.timeout(this.#deadlineMs),
    });
    // The server is this folder's own, so its answers have the types of this folder.
    const answer = (await response.json()) as { readonly Ok: Answer } | Refusal['body'];
    if ('Err' in answer) throw new RefusedError(this.#address, response.status, answer.Err);
    return answer.Ok;
  }
}
