import type { NodeId } from '../../src/core/types.ts';
import type {
  Acceptor,
  Dialer,
  Listener,
  ListenerHandler,
  SocketHandler,
} from '../../src/network/tcp/sockets.ts';
import type { SimProcess } from './process.ts';
import { type PipeWorld, WirePipe } from './wire-pipe.ts';
import { WireSocket } from './wire-socket.ts';

export interface WireNetOptions extends PipeWorld {
  /** The machine of a node that is down is there and refuses connections. */
  readonly refuses: boolean;
  /** The process behind an address, if one lives there. */
  readonly processAt: (address: NodeId) => SimProcess | undefined;
  /** Whoever has dialled writes this. */
  readonly onWrite: (wire: Wire, bytes: Uint8Array) => void;
}

/** One connection. */
export interface Wire {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly dialled: SimProcess;
  readonly near: WireSocket;
}

/** The only port there is; whose it is, the host says. */
export const wirePort = 1;
const windows: readonly number[] = [262_144, 262_144, 65_536, 16_384];
/** A dial that gets no answer is repeated after this time, twice as long each time. */
const dialAgainMs = 200;
const maxDials = 5;

/** Connections between the processes of all nodes, over the links of the world. */
export class WireNet {
  /** The connection of which a process is being given bytes. */
  delivering: Wire | undefined = undefined;
  readonly #options: WireNetOptions;
  readonly #listeners = new Map<SimProcess, ListenerHandler>();
  readonly #sockets = new Map<SimProcess, Set<WireSocket>>();

  constructor(options: WireNetOptions) {
    this.#options = options;
  }

  /** The sockets of a process. */
  socketsOf(id: NodeId, process: SimProcess): Dialer & Acceptor {
    this.#sockets.set(process, new Set());
    process.onDeath(() => {
      this.#listeners.delete(process);
      const isTold = this.#options.refuses;
      for (const socket of [...this.#socketsOf(process)]) socket.die({ isTold });
      this.#sockets.delete(process);
    });
    return {
      isSecure: false,
      dial: ({ host }, handler) => this.#dial({ from: id, to: host, dialled: process }, handler),
      listen: async (_, handler): Promise<Listener> => {
        this.#listeners.set(process, handler);
        return {
          port: wirePort,
          close: async () => {
            this.#listeners.delete(process);
          },
        };
      },
    };
  }

  #socketsOf(process: SimProcess): Set<WireSocket> {
    return this.#sockets.get(process) ?? new Set();
  }

  #socket(process: SimProcess, remote: string, whose: () => Wire, isNear: boolean): WireSocket {
    const { choices, queue, onWrite } = this.#options;
    const socket = new WireSocket({
      process,
      remote,
      choices,
      queue,
      onWrite: (bytes) => {
        if (isNear) onWrite(whose(), bytes);
      },
      delivering: (deliver) => {
        this.delivering = isNear ? undefined : whose();
        try {
          deliver();
        } finally {
          this.delivering = undefined;
        }
      },
      onClosed: () => this.#socketsOf(process).delete(socket),
      isMachineThere: () => {
        const { from, to } = whose();
        return this.#isMachineThere(isNear ? from : to);
      },
    });
    this.#socketsOf(process).add(socket);
    return socket;
  }

  #isMachineThere(address: NodeId): boolean {
    return this.#options.refuses || this.#options.processAt(address) !== undefined;
  }

  #dial(ends: Omit<Wire, 'near'>, handler: SocketHandler): WireSocket {
    const { links, choices, countFault } = this.#options;
    const { to, dialled } = ends;
    const near = this.#socket(dialled, `${to}:${wirePort}`, () => wire, true);
    const wire: Wire = { ...ends, near };
    near.handler = handler;
    // Who has lost much may as well be refused by a crowd, or never get an answer.
    const how = links.faults.lossPerMille > 0 ? choices.choose('net.wireDial', 12) : 0;
    if (how >= 10) countFault('net.wire dial');
    if (how === 11) return near;
    if (how === 10) dialled.yieldToIo(() => near.break('ECONNREFUSED'));
    else this.#knock(wire, 1);
    return near;
  }

  #knock(wire: Wire, tries: number): void {
    const { links, queue } = this.#options;
    const { from, to, near } = wire;
    if (!near.isOpen) return;
    const again = (): void => {
      if (tries === maxDials) near.break('ETIMEDOUT');
      else queue.after(dialAgainMs * 2 ** (tries - 1), () => this.#knock(wire, tries + 1));
    };
    links.cross(from, to, {
      kind: 'identify',
      arrive: () => {
        if (near.isOpen && !this.#accept(wire)) again();
      },
      lose: again,
      fail: () => near.break('ECONNRESET'),
    });
  }

  /** `false`: nobody is there, not even to say so. */
  #accept(wire: Wire): boolean {
    const { links, processAt } = this.#options;
    const { from, to, near } = wire;
    const process = processAt(to);
    const listener = process === undefined ? undefined : this.#listeners.get(process);
    if (process !== undefined && listener !== undefined) {
      const far = this.#join(wire, process);
      process.enter(() => {
        // Both may be gone by now; the listener hears of it by its handler all the same.
        if (!this.#listeners.has(process)) return far.destroy();
        far.handler = listener.onSocket({ socket: far });
        far.deliver();
      });
      return true;
    }
    if (!this.#isMachineThere(to)) return false;
    const arrive = (): void => near.break('ECONNREFUSED');
    links.cross(to, from, { kind: 'identify', arrive, lose: () => {}, isAnswer: true });
    return true;
  }

  #join(wire: Wire, process: SimProcess): WireSocket {
    const { choices, links } = this.#options;
    const { from, to, near } = wire;
    const far = this.#socket(process, `${from}:0`, () => wire, false);
    const drawn = choices.choose('net.wireWindow', windows.length);
    const windowBytes = windows[drawn] as number;
    const there = this.#pipe({ from, to, isAnswer: false, windowBytes }, near, far);
    const back = this.#pipe({ from: to, to: from, isAnswer: true, windowBytes }, far, near);
    const { wires } = links.of(from, to);
    const broken = {
      isOpen: () => near.isOpen || far.isOpen,
      break: ({ isTold }: { readonly isTold: boolean }) => {
        wires.delete(broken);
        if (!isTold) {
          there.isVoid = true;
          return;
        }
        near.break('ECONNRESET');
        far.break('ECONNRESET');
      },
    };
    for (const old of wires) if (!old.isOpen()) wires.delete(old);
    wires.add(broken);
    back.open();
    return far;
  }

  #pipe(
    ends: { from: NodeId; to: NodeId; isAnswer: boolean; windowBytes: number },
    sender: WireSocket,
    receiver: WireSocket,
  ): WirePipe {
    const pipe = new WirePipe(this.#options, {
      ...ends,
      onItem: (item) => receiver.take(item),
      onSent: () => sender.sent(),
      onBroken: (code) => sender.break(code),
    });
    sender.out = pipe;
    receiver.in = pipe;
    return pipe;
  }
}
