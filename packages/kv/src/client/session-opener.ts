import type { KvError } from '../errors.ts';
import type { CallsHost } from './calls-host.ts';
import { asKvError, canRetry } from './failures.ts';
import { BackOff } from './pauses.ts';

/** How long one try to open a session may take. */
const openTimeoutMs = 2000;

interface OpenOptions {
  /** Whether somebody still waits for it. */
  readonly isWanted: () => boolean;
  readonly onOpen: (id: number) => void;
  /** A try failed; another one follows. */
  readonly onTry: (error: KvError) => void;
  /** It cannot be opened. */
  readonly onFail: (error: KvError) => void;
}

/**
 * Opens a session, once at a time, for as long as somebody waits. A try whose answer was lost
 * leaves a session behind that nobody uses and that expires.
 */
export class SessionOpener {
  readonly #host: CallsHost;
  #isOpening = false;

  constructor(host: CallsHost) {
    this.#host = host;
  }

  open(options: OpenOptions): void {
    if (this.#isOpening) return;
    this.#isOpening = true;
    void this.#open(options);
  }

  async #open({ isWanted, onOpen, onTry, onFail }: OpenOptions): Promise<void> {
    const { members, pauses, runtime } = this.#host;
    const backOff = new BackOff(runtime);
    while (isWanted()) {
      const member = members.leader();
      try {
        const id = await member.transport.cold('openSession', {}, { timeoutMs: openTimeoutMs });
        members.worked(member);
        this.#isOpening = false;
        onOpen(id);
        return;
      } catch (thrown) {
        const error = asKvError(thrown);
        members.failed(member, error);
        if (!canRetry(error)) {
          this.#isOpening = false;
          onFail(error);
          return;
        }
        onTry(error);
      }
      await pauses.pause(backOff.next());
    }
    this.#isOpening = false;
  }
}
