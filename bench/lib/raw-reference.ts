import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { ChildProgram } from './child-program.ts';
import { writeFor } from './closed-loop.ts';
import { GroupCommit } from './group-commit.ts';
import { RawLog } from './raw-log.ts';
import { Samples } from './samples.ts';

const mebibyte = 1024 * 1024;

export interface RawTrip {
  /** One durable write of so many bytes. */
  readonly writeMs: number;
  /** There and back over TCP on the loopback interface, to another process. */
  readonly tripMs: number;
  /** The one, and then the other. */
  readonly bothMs: number;
}

/**
 * What any replicated log pays at least for one write: it is durable in one place, and one message
 * goes to another process and back. Medians.
 */
export class RawReference implements AsyncDisposable {
  readonly #echo: ChildProgram;
  readonly #socket: Socket;
  readonly #log: RawLog;
  readonly #folder: string;
  /** Made when they are needed, and used again. */
  readonly #logs: RawLog[] = [];

  static async open(folder: string): Promise<RawReference> {
    const log = await RawLog.create(path.join(folder, 'raw'), 64 * mebibyte);
    const echo = await ChildProgram.start('echo-program.ts', {});
    const port = (await echo.ask('port')) as number;
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new RawReference(folder, { log, echo, socket });
  }

  private constructor(
    folder: string,
    { log, echo, socket }: { log: RawLog; echo: ChildProgram; socket: Socket },
  ) {
    this.#folder = folder;
    this.#log = log;
    this.#echo = echo;
    this.#socket = socket;
  }

  async trip(seconds: number, bytes: number): Promise<RawTrip> {
    const message = new Uint8Array(bytes).fill(7);
    const [writes, trips, both] = [new Samples(), new Samples(), new Samples()];
    const end = performance.now() + seconds * 1000;
    for (let began = performance.now(); began < end; ) {
      await this.#log.append([message]);
      const durable = performance.now();
      await this.#echoed(message);
      const now = performance.now();
      writes.add(durable - began);
      trips.add(now - durable);
      both.add(now - began);
      began = now;
    }
    return {
      writeMs: writes.percentile(0.5),
      tripMs: trips.percentile(0.5),
      bothMs: both.percentile(0.5),
    };
  }

  /** MB/s of `logs` raw logs at once, each with its writers, all together divided by `logs`. */
  async throughput(
    logs: number,
    { seconds, writers, valueBytes }: { seconds: number; writers: number; valueBytes: number },
  ): Promise<number> {
    const value = new Uint8Array(valueBytes).fill(7);
    while (this.#logs.length < logs) {
      const file = path.join(this.#folder, `raw-${this.#logs.length}`);
      this.#logs.push(await RawLog.create(file, 128 * mebibyte));
    }
    const all = this.#logs.slice(0, logs);
    const rounds = await Promise.all(
      all.map((log) => {
        const commit = new GroupCommit((count) =>
          log.append(Array.from({ length: count }, () => value)),
        );
        return writeFor(seconds, writers, () => commit.append());
      }),
    );
    const perSecond = rounds.reduce((sum, round) => sum + round.perSecond, 0) / logs;
    return (perSecond * valueBytes) / 1e6;
  }

  async #echoed(message: Uint8Array): Promise<void> {
    const answered = new Promise<void>((resolve) => {
      let missing = message.length;
      const take = (chunk: Buffer): void => {
        missing -= chunk.length;
        if (missing > 0) return;
        this.#socket.off('data', take);
        resolve();
      };
      this.#socket.on('data', take);
    });
    this.#socket.write(message);
    await answered;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    for (const log of [this.#log, ...this.#logs]) await log[Symbol.asyncDispose]();
    await this.#echo.kill();
  }
}
