import { Raft, type RaftRpc, type Storage } from 'quorate';
import { TcpNetwork, TcpServer } from 'quorate/network/tcp';
import { walStorage } from 'quorate/storage/wal';
import { FailedDials } from './failed-dials.ts';
import type { OpenedStore } from './machines.ts';
import { guardedRpc } from './membership-door.ts';
import { becomeVoter } from './membership-place.ts';
import type { KvRaft } from './node.ts';
import type { MemberSettings } from './options.ts';

/** What a member is made of below its own parts. */
export interface Opened {
  readonly storage: Storage;
  readonly server: TcpServer;
  readonly network: TcpNetwork;
  readonly raft: KvRaft;
  /** Where the others reach it. */
  readonly address: string;
  readonly kept: OpenedStore;
}

/** Opens all of it, or nothing: what was opened is closed again if something fails. */
export async function openMember(settings: MemberSettings, kept: OpenedStore): Promise<Opened> {
  const { directory, runtime, disk } = settings;
  const closers: (() => PromiseLike<void>)[] = [];
  try {
    const { segmentBytes } = disk;
    const storage = settings.storage ?? (await walStorage(directory, { runtime, segmentBytes }));
    closers.unshift(() => storage[Symbol.asyncDispose]());
    const server = await listen(settings);
    closers.unshift(() => server.close());
    const network = networkOf(settings);
    closers.unshift(() => network[Symbol.asyncDispose]());
    const address = settings.advertise ?? `${settings.listen.host}:${server.port}`;
    const parts = { storage, server, network, address, kept };
    return { ...parts, raft: await startRaft(settings, parts) };
  } catch (error) {
    for (const close of closers) await close();
    throw error;
  }
}

function listen({
  listen: where,
  tls,
  limits,
  runtime,
  sockets,
  logger,
}: MemberSettings): Promise<TcpServer> {
  return TcpServer.listen({
    ...where,
    runtime,
    maxConnections: limits.maxConnections,
    ...(tls === undefined ? {} : { tls }),
    ...(sockets === undefined ? {} : { sockets: sockets.acceptor }),
    onRefusal: ({ remote, reason }) => {
      logger.warn({ remote, reason: reason.message }, 'a caller was refused');
    },
  });
}

function networkOf({ tls, runtime, sockets, logger }: MemberSettings): TcpNetwork {
  const failedDials = new FailedDials(runtime, logger);
  return new TcpNetwork({
    runtime,
    onFailedDial: (failed) => failedDials.tell(failed),
    ...(tls === undefined ? {} : { tls }),
    ...(sockets === undefined ? {} : { sockets: sockets.dialer }),
  });
}

/** From here on the others can reach the node. */
async function startRaft(
  settings: MemberSettings,
  { storage, server, network, address, kept }: Omit<Opened, 'raft'>,
): Promise<KvRaft> {
  const { name, config, logger, runtime, join, voter, signal } = settings;
  const { machine: stateMachine } = kept;
  const options = { id: name, stateMachine, storage, network, config, logger, runtime };
  let raft: KvRaft | undefined;
  // Without an identity at the door: clients knock there as well. Each call of a member says whom
  // it means, and the node refuses what is not for it.
  const serve = (rpc: RaftRpc): void => {
    server.serve(guardedRpc(rpc, () => raft?.metrics.membership));
  };
  if (join === undefined) {
    raft = await Raft.start<Uint8Array, Uint8Array>(options);
    serve(raft.rpc);
    return raft;
  }
  raft = await Raft.join<Uint8Array, Uint8Array>({
    ...options,
    info: { address },
    seeds: join.map((seed) => ({ address: seed })),
    // First a place; whether it votes in the end, the cluster may know better.
    voter: false,
    serve,
    ...(signal === undefined ? {} : { signal }),
  });
  try {
    const until = signal ?? new AbortController().signal;
    if (voter) await becomeVoter(raft, { network, runtime, logger, address, signal: until });
    return raft;
  } catch (error) {
    await raft.close({ handOver: false });
    throw error;
  }
}
