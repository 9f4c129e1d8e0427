import assert from 'node:assert/strict';
import { StoppedError } from '../../src/errors.ts';
import { encodeCommand, jsonCodec } from '../../src/node/codec.ts';
import { completeConfig, type RaftConfig } from '../../src/node/options.ts';
import { openSession, type Session } from '../../src/node/session.ts';
import { Sessions } from '../../src/node/sessions.ts';
import type { PendingWrite } from '../../src/node/writes.ts';
import { settle, VirtualRuntime } from './virtual-runtime.ts';

type Outcome = number | Error;

/** Sessions whose node and cluster the test plays. */
export class SessionsUnderTest {
  readonly runtime = new VirtualRuntime();
  readonly sessions: Sessions;
  readonly sent: PendingWrite[] = [];
  readonly turnedAway: Error[] = [];
  stopped: Error | undefined = undefined;
  #index = 10;

  constructor(config: Partial<RaftConfig> = {}) {
    this.sessions = new Sessions({
      config: completeConfig({ heartbeatMs: 10, ...config }),
      runtime: this.runtime,
      encode: (command) => encodeCommand(jsonCodec, command),
      demandRunning: () => {
        if (this.stopped !== undefined) throw this.stopped;
      },
      turnedAway: (error) => void this.turnedAway.push(error),
      write: (write) => void this.sent.push(write),
    });
  }

  async open(): Promise<Session<unknown, unknown>> {
    const opening = openSession<unknown, unknown>(this.sessions, undefined);
    await settle();
    this.answer(0);
    return opening;
  }

  /** Answers the write that was sent first and is not answered. */
  answer(outcome: Outcome): void {
    const write = this.sent.shift();
    if (write === undefined) throw new Error('Nothing was sent.');
    this.#index += 1;
    if (outcome instanceof Error) write.reject(outcome);
    else write.resolve({ logId: { term: 1, index: this.#index }, response: outcome });
  }

  /** The numbers of what was sent and is not answered. */
  get numbers(): (number | undefined)[] {
    return this.sent.map(({ data }) => data.session?.sequence);
  }

  stop(): void {
    this.stopped = new StoppedError('The node was closed.');
    this.sessions.stop(this.stopped);
  }

  /** Lets a pause pass, however long it is. */
  async pause(): Promise<void> {
    await settle();
    assert.equal(this.runtime.timerCount, 1);
    await this.runtime.advance(600);
    await settle();
  }
}
