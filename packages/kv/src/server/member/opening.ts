import { Raft, type RaftRpc, type Storage } from 'quorate';
import { TcpNetwork, TcpServer } from 'quorate/network/tcp';
import { walStorage } from 'quorate/storage/wal';
import type { KvStateMachine } from '../../store/machine.ts';
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
}

/** Opens all of it, or nothing: what was opened is closed again if something fails. */
export async function openMember(
  settings: MemberSettings,
  machine: KvStateMachine,
): Promise<Opened> {
  const { directory, runtime } = settings;
  const closers: (() => PromiseLike<void>)[] = [];
  try {
    const storage = settings.storage ?? (await walStorage(directory, { runtime }));
    closers.unshift(() => storage[Symbol.asyncDispose]());
    const server = await listen(settings);
    closers.unshift(() => server.close());
    const network = networkOf(settings);
    closers.unshift(() => network[Symbol.asyncDispose]());
    const address = settings.advertise ?? `${settings.listen.host}:${server.port}`;
    const raft = await startRaft(settings, machine, { storage, server, network, address });
    return { storage, server, network, raft, address };
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

function networkOf({ tls, runtime, sockets }: MemberSettings): TcpNetwork {
  return new TcpNetwork({
    runtime,
    ...(tls === undefined ? {} : { tls }),
    ...(sockets === undefined ? {} : { sockets: sockets.dialer }),
  });
}

/** From here on the others can reach the node. */
async function startRaft(
  settings: MemberSettings,
  stateMachine: KvStateMachine,
  { storage, server, network, address }: Omit<Opened, 'raft'>,
): Promise<KvRaft> {
  const { name, config, logger, runtime, join, voter, signal } = settings;
  const options = { id: name, stateMachine, storage, network, config, logger, runtime };
  // Without an identity at the door: who joins knows an address only, and no name to ask for. Each
  // call says whom it means, and the node refuses what is not for it.
  const serve = (rpc: RaftRpc): void => server.serve(rpc);
  const raft =
    join === undefined
      ? await Raft.start<Uint8Array, Uint8Array>(options)
      : await Raft.join<Uint8Array, Uint8Array>({
          ...options,
          info: { address },
          seeds: join.map((seed) => ({ address: seed })),
          voter,
          serve,
          ...(signal === undefined ? {} : { signal }),
        });
  if (join === undefined) serve(raft.rpc);
  return raft;
}
