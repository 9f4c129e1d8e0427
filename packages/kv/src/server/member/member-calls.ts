import type { NodeId, NodeInfo, Runtime } from 'quorate';
import { type Channel, type Dialer, TcpClient, type TlsOptions } from 'quorate/network/tcp';
import { KvError } from '../../errors.ts';
import { errorOf } from '../../protocol/failures.ts';

/** The lease calls of one turn of another member come as one message, up to so many. */
export const maxIdsPerCall = 4096;

/** What one member asks another beside Raft. */
export const memberChannelName = 'quorate.kv.members';

export type MemberMethod =
  | 'keepAlive'
  | 'timeToLive'
  | 'hashAt'
  | 'transferLeadership'
  | 'report'
  | 'memberAdd'
  | 'memberPromote'
  | 'memberRemove';

/** A new voter may take long to catch up; who asks gives up when its own caller does. */
const slowMethods: ReadonlySet<MemberMethod> = new Set([
  'memberAdd',
  'memberPromote',
  'memberRemove',
]);
const slowTimeoutMs = 600_000;

export interface MemberCallsOptions {
  readonly runtime: Runtime;
  readonly tls?: TlsOptions | undefined;
  readonly dialer?: Dialer | undefined;
  readonly callTimeoutMs: number;
  /** Who the members are just now. */
  readonly nodes: () => Readonly<Record<NodeId, NodeInfo>>;
}

interface Peer {
  readonly address: string;
  readonly client: TcpClient;
  readonly channel: Channel;
}

/** Asks the other members. One connection for each, dialled when it is first needed. */
export class MemberCalls {
  readonly #options: MemberCallsOptions;
  readonly #peers = new Map<NodeId, Peer>();
  readonly #closing = new Set<Promise<void>>();
  #isClosed = false;

  constructor(options: MemberCallsOptions) {
    this.#options = options;
  }

  /** @throws {KvError} what the member answered, or `KV_NO_LEADER` if it did not answer. */
  async ask(
    member: NodeId,
    method: MemberMethod,
    params: object,
    signal?: AbortSignal,
  ): Promise<unknown> {
    const { channel } = this.#peer(member);
    const request = Buffer.from(JSON.stringify({ method, params }));
    try {
      const answer = await channel.call(request, {
        ...(signal === undefined ? {} : { signal }),
        ...(slowMethods.has(method) ? { timeoutMs: slowTimeoutMs } : {}),
      });
      return JSON.parse(Buffer.from(answer).toString()) as unknown;
    } catch (error) {
      throw errorOf(error);
    }
  }

  /** Lets go of those who are members no more, or have moved. */
  follow(nodes: Readonly<Record<NodeId, NodeInfo>>): void {
    for (const [id, peer] of this.#peers) {
      if (nodes[id]?.address !== peer.address) this.#drop(id, peer);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const [id, peer] of this.#peers) this.#drop(id, peer);
    await Promise.all(this.#closing);
  }

  #peer(id: NodeId): Peer {
    if (this.#isClosed) throw new KvError('KV_STOPPING', 'This member is stopping.');
    const address = this.#options.nodes()[id]?.address;
    const known = this.#peers.get(id);
    if (known !== undefined && known.address === address) return known;
    if (known !== undefined) this.#drop(id, known);
    if (address === undefined) {
      throw new KvError('KV_NO_LEADER', `The address of member ${id} is not known here.`);
    }
    const client = this.#dial(id, address);
    const peer = { address, client, channel: client.channel(memberChannelName) };
    this.#peers.set(id, peer);
    return peer;
  }

  #dial(id: NodeId, address: string): TcpClient {
    const { runtime, tls, dialer, callTimeoutMs } = this.#options;
    // Where ids are tied to certificates, the certificate must show the id and not the host.
    const named = tls?.nodeNames === 'certificate' ? withServerName(tls, id) : tls;
    try {
      return new TcpClient(address, {
        runtime,
        callTimeoutMs,
        ...(dialer === undefined ? {} : { sockets: dialer }),
        ...(named === undefined ? {} : { tls: named }),
      });
    } catch (error) {
      throw errorOf(error);
    }
  }

  #drop(id: NodeId, { client }: Peer): void {
    this.#peers.delete(id);
    const closing: Promise<void> = client
      .close()
      .catch(() => undefined) // Of no more use either way.
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}

/** The same options, also when what they say changes. */
function withServerName(tls: TlsOptions, serverName: string): TlsOptions {
  return Object.create(tls, { serverName: { value: serverName, enumerable: true } }) as TlsOptions;
}
