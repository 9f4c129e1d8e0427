import { describe, expect, test } from 'vitest';
import { OverloadedError } from '../../../src/errors.ts';
import { Connection, type ConnectionOwner } from '../../../src/network/tcp/connection.ts';
import { type Frame, frame, frameTypes } from '../../../src/network/tcp/frame.ts';
import type { Socket } from '../../../src/network/tcp/sockets.ts';
import { WireRuntime } from './fake-sockets.ts';

const limits = { maxBodyBytes: 10_000, maxQueuedBytes: 1000, pingAfterMs: 100, deadAfterMs: 300 };

/** A socket that takes what the test lets it take. */
class TestSocket implements Socket {
  readonly remote = 'the peer';
  readonly writes: Buffer[] = [];
  readonly did: string[] = [];
  bufferedBytes = 0;
  isFull = false;

  write(buffers: readonly Uint8Array[]): boolean {
    this.writes.push(Buffer.concat(buffers));
    if (this.isFull) this.bufferedBytes += this.writes.at(-1)?.length ?? 0;
    return !this.isFull;
  }

  pause(): void {
    this.did.push('pause');
  }

  resume(): void {
    this.did.push('resume');
  }

  end(): void {
    this.did.push('end');
  }

  destroy(): void {
    this.did.push('destroy');
  }
}

class TestOwner implements ConnectionOwner {
  readonly frames: Frame[] = [];
  readonly reasons: Error[] = [];
  drains = 0;
  closes = 0;

  onOpen(): void {}
  onFrame(one: Frame): void {
    this.frames.push(one);
  }
  onDrain(): void {
    this.drains += 1;
  }
  onEnd(reason: Error): void {
    this.reasons.push(reason);
  }
  onClosed(): void {
    this.closes += 1;
  }
}

function connected(): {
  runtime: WireRuntime;
  socket: TestSocket;
  owner: TestOwner;
  connection: Connection;
} {
  const runtime = new WireRuntime();
  const socket = new TestSocket();
  const owner = new TestOwner();
  const connection = new Connection(owner, runtime, limits);
  connection.attach(socket);
  connection.onOpen();
  connection.welcome();
  return { runtime, socket, owner, connection };
}

const chunk = { type: frameTypes.chunk, group: 0, call: 1 };

function framed(type: number): Uint8Array {
  return Buffer.concat(frame({ type, group: 0, call: 0 }, []));
}

describe('a connection', () => {
  test('writes all frames of one turn at once', async () => {
    const { runtime, socket, connection } = connected();

    for (let sent = 0; sent < 10; sent += 1) connection.send(chunk, [new Uint8Array(5)]);
    expect(socket.writes).toEqual([]);
    await runtime.advance(0);

    expect(socket.writes.map(({ length }) => length)).toEqual([10 * (16 + 5)]);
  });

  test('gathers frames while the socket is full, and writes them when it has room', async () => {
    const { runtime, socket, connection } = connected();
    socket.isFull = true;
    connection.send(chunk);
    await runtime.advance(0);
    for (let sent = 0; sent < 3; sent += 1) {
      connection.send(chunk);
      await runtime.advance(0);
    }
    expect([socket.writes.length, connection.queuedBytes]).toEqual([1, 4 * 16]);

    socket.bufferedBytes = 0;
    connection.onDrain();

    expect(socket.writes.map(({ length }) => length)).toEqual([16, 48]);
  });

  test('tells that there is room again, also when the socket took all at once', async () => {
    const { runtime, owner, connection } = connected();
    connection.send(chunk, [new Uint8Array(2000)]);
    expect(connection.isClogged).toBe(true);

    await runtime.advance(0);

    expect([connection.isClogged, owner.drains]).toEqual([false, 1]);
  });

  test('asks a peer that is silent, and gives it up in the end', async () => {
    const { runtime, socket, owner } = connected();

    await runtime.advance(150);
    expect(socket.writes).toEqual([framed(frameTypes.ping)]);
    await runtime.advance(160);

    expect(owner.reasons.map(({ message }) => message)).toEqual([
      'the peer was silent for 300 ms.',
    ]);
    expect([socket.did, runtime.timerCount]).toEqual([['destroy'], 0]);
  });

  test('answers who asks, and tells unasked that it is there', async () => {
    const { runtime, socket, owner, connection } = connected();
    connection.onData(framed(frameTypes.ping));
    await runtime.advance(0);
    expect(socket.writes).toEqual([framed(frameTypes.pong)]);

    for (let ms = 0; ms < 1000; ms += 50) {
      connection.onData(framed(frameTypes.chunk));
      await runtime.advance(50);
    }

    expect(owner.reasons).toEqual([]);
    expect(socket.writes.length).toBeGreaterThan(8);
    expect(socket.writes.every((bytes) => bytes.equals(framed(frameTypes.pong)))).toBe(true);
  });

  test('a goodbye is the last that is written, and its socket may linger for a while', async () => {
    const { runtime, socket, owner, connection } = connected();

    connection.sayGoodbye(new OverloadedError('Full.'));
    connection.send(chunk);
    await runtime.advance(500);

    expect(socket.writes).toHaveLength(1);
    expect(socket.writes[0]?.[8]).toBe(frameTypes.goodbye);
    expect(socket.did).toEqual(['resume', 'end']);
    expect(owner.reasons).toHaveLength(1);
    await runtime.advance(600);
    expect(socket.did).toEqual(['resume', 'end', 'destroy']);
    connection.onClose(undefined);
    expect([owner.closes, owner.reasons.length, runtime.timerCount]).toEqual([1, 1, 0]);
  });

  test('what comes after a broken frame is not looked at', async () => {
    const { owner, connection } = connected();
    connection.onData(Buffer.concat([framed(frameTypes.chunk), Buffer.alloc(32)]));

    connection.onData(framed(frameTypes.chunk));

    expect(owner.frames).toHaveLength(1);
    expect(owner.reasons).toHaveLength(1);
  });

  test('a goodbye that came is the reason of the end', () => {
    const { socket, owner, connection } = connected();
    const far = connected();
    far.connection.sayGoodbye(new OverloadedError('Full.'));

    connection.onData(far.socket.writes[0] ?? new Uint8Array(0));

    expect(owner.reasons).toMatchObject([{ code: 'RAFT_OVERLOADED', message: 'Full.' }]);
    expect(socket.did).toEqual(['destroy']);
  });
});
