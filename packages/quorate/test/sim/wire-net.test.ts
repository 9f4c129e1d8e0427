import { expect, test } from 'vitest';
import type { Socket, SocketHandler } from '../../src/network/tcp/sockets.ts';
import { SeededChoices } from './choices.ts';
import { EventQueue } from './event-queue.ts';
import { Links } from './links.ts';
import { SimProcess } from './process.ts';
import { WireNet } from './wire-net.ts';

/** One end, as its owner sees it. */
class Watched implements SocketHandler {
  readonly got: Uint8Array[] = [];
  isOpen = false;
  drains = 0;
  ends: (string | undefined)[] = [];

  onOpen(): void {
    this.isOpen = true;
  }

  onData(chunk: Uint8Array): void {
    this.got.push(chunk);
  }

  onDrain(): void {
    this.drains += 1;
  }

  onClose(error: (Error & { code?: string }) | undefined): void {
    this.ends.push(error?.code ?? error?.message);
  }

  get bytes(): Buffer {
    return Buffer.concat(this.got);
  }
}

function setUp(seed: string, { refuses = true } = {}) {
  const queue = new EventQueue();
  const choices = new SeededChoices(seed);
  const links = new Links({ queue, choices, delayMs: 2, ordered: false });
  const processes = new Map(
    ['a', 'b'].map((node) => [node, new SimProcess({ node, life: 1, queue, choices, rate: 1 })]),
  );
  const faults = new Map<string, number>();
  const net = new WireNet({
    links,
    queue,
    choices,
    refuses,
    countFault: (kind) => faults.set(kind, (faults.get(kind) ?? 0) + 1),
    processAt: (id) => {
      const process = processes.get(id);
      return process?.isDead === false ? process : undefined;
    },
    onWrite: () => {},
  });
  const [a, b] = [...processes.values()] as [SimProcess, SimProcess];
  const sockets = { a: net.socketsOf('a', a), b: net.socketsOf('b', b) };
  const far: { socket: Socket; seen: Watched }[] = [];
  void sockets.b.listen(
    {},
    {
      onSocket: ({ socket }) => {
        const seen = new Watched();
        far.push({ socket, seen });
        return seen;
      },
      onFailedArrival: () => {},
    },
  );
  const dial = (): { socket: Socket; seen: Watched } => {
    const seen = new Watched();
    return { socket: sockets.a.dial({ host: 'b', port: 1 }, seen), seen };
  };
  const run = (ms: number): void => {
    const end = queue.now + ms;
    for (let next = queue.take(end); next !== undefined; next = queue.take(end)) next();
    queue.now = end;
  };
  return { links, a, b, far, dial, run, faults };
}

test.each(Array.from({ length: 30 }, (_, seed) => `bytes ${seed}`))(
  'what is written comes once and in order, in pieces of any size, or the connection ends (%s)',
  (seed) => {
    const { links, far, dial, run } = setUp(seed);
    const near = dial();
    run(500);
    expect(near.seen.isOpen).toBe(true);
    links.faults.lossPerMille = 200;
    const sent: Uint8Array[] = [];
    for (let at = 0; at < 200; at += 1) {
      const bytes = Uint8Array.from({ length: 1 + ((at * 37) % 900) }, (_, byte) => byte + at);
      near.socket.write([bytes.subarray(0, 1), bytes.subarray(1)]);
      sent.push(bytes);
      run(1);
    }
    links.faults.lossPerMille = 0;
    run(20_000);

    const whole = Buffer.concat(sent);
    const { bytes, got } = (far[0] as (typeof far)[0]).seen;
    expect(bytes.length).toBeLessThanOrEqual(whole.length);
    const wrong = bytes.filter((byte, at) => byte !== whole[at]).length;
    // Each flip changes one byte, and a connection that goes on has lost none.
    expect(wrong).toBeLessThan(10);
    expect(near.seen.ends.length > 0 || bytes.length === whole.length).toBe(true);
    expect(got.length).not.toBe(sent.length);
  },
);

test('a reader that pauses makes the writer wait, and wakes it when it goes on', () => {
  const { far, dial, run } = setUp('slow');
  const near = dial();
  run(100);
  const [there] = far as [(typeof far)[0]];
  there.socket.pause();

  const rooms = Array.from({ length: 100 }, () => near.socket.write([new Uint8Array(10_000)]));
  run(1000);

  expect([rooms[0], rooms.at(-1)]).toEqual([true, false]);
  expect(near.socket.bufferedBytes).toBeGreaterThan(500_000);
  expect(there.seen.got).toEqual([]);
  there.socket.resume();
  run(5000);
  expect([near.socket.bufferedBytes, near.seen.drains]).toEqual([0, 1]);
  expect(there.seen.bytes.length).toBe(1_000_000);
});

test('one who ends has everything delivered first, and both are closed', () => {
  const { far, dial, run } = setUp('end');
  const near = dial();
  run(100);

  near.socket.write([new Uint8Array(100_000)]);
  near.socket.end();
  run(1000);

  const [there] = far as [(typeof far)[0]];
  expect(there.seen.bytes.length).toBe(100_000);
  expect([near.seen.ends, there.seen.ends]).toEqual([[undefined], [undefined]]);
});

test('behind a cut nothing comes, and after a while the writer hears that it broke', () => {
  const { links, far, dial, run } = setUp('cut');
  const near = dial();
  run(100);
  links.of('a', 'b').isCut = true;

  near.socket.write([new Uint8Array(10)]);
  run(2000);
  expect(near.seen.ends).toEqual([]);
  run(5000);

  expect(near.seen.ends).toEqual(['ETIMEDOUT']);
  expect((far[0] as (typeof far)[0]).seen.got).toEqual([]);
});

test('a short cut only delays', () => {
  const { links, far, dial, run } = setUp('short');
  const near = dial();
  run(100);
  links.of('a', 'b').isCut = true;
  near.socket.write([Uint8Array.of(1, 2, 3)]);
  run(300);
  links.of('a', 'b').isCut = false;
  run(1000);

  expect([...(far[0] as (typeof far)[0]).seen.bytes]).toEqual([1, 2, 3]);
});

test('a process that dies takes its sockets with it: its machine says so, or nothing does', () => {
  for (const refuses of [true, false]) {
    const { b, dial, run } = setUp('death', { refuses });
    const near = dial();
    run(100);

    b.kill();
    near.socket.write([Uint8Array.of(1)]);
    run(1000);
    const late = dial();
    run(1000);

    expect(near.seen.ends).toEqual(refuses ? ['ECONNRESET'] : []);
    expect(late.seen.ends).toEqual(refuses ? ['ECONNREFUSED'] : []);
    run(20_000);
    expect(late.seen.ends).toEqual([refuses ? 'ECONNREFUSED' : 'ETIMEDOUT']);
  }
});

test('a link that breaks ends its connections for both sides, or leaves them half open', () => {
  for (const isTold of [true, false]) {
    const { links, far, dial, run } = setUp('reset');
    const near = dial();
    run(100);
    const [there] = far as [(typeof far)[0]];

    links.of('a', 'b').reset({ isTold });
    near.socket.write([Uint8Array.of(1)]);
    there.socket.write([Uint8Array.of(2)]);
    run(30_000);

    expect(near.seen.ends).toEqual(isTold ? ['ECONNRESET'] : []);
    expect(there.seen.ends).toEqual(isTold ? ['ECONNRESET'] : []);
    expect(there.seen.got).toEqual([]);
    expect([...near.seen.bytes]).toEqual(isTold ? [] : [2]);
  }
});
