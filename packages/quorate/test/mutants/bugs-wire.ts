import type { PlantedBug } from './planted-bug.ts';

/** Bugs in `quorate/network/tcp`; half of the runs of the simulator go over it. */
export const wireBugs: readonly PlantedBug[] = [
  {
    name: 'answers-matched-by-their-order',
    families: [99],
    edits: [
      {
        file: 'network/tcp/link.ts',
        find: 'if (call !== undefined) this.settle(call, frame.body);',
        replace:
          'const [first] = [...this.#calls.values()].filter((one) => one.sentAt >= 0); if (first !== undefined) this.settle(first, frame.body);',
      },
    ],
  },
  {
    name: 'calls-sent-again-over-the-next-connection',
    families: [80],
    edits: [
      { file: 'network/tcp/link.ts', find: '    call.body = noBody;\n', replace: '' },
      {
        file: 'network/tcp/link.ts',
        find: "this.#endAll(sent, 'lost its connection', reason);",
        replace:
          'void reason; for (const call of sent) { call.sentAt = -1; this.#waiting.add(call); }',
      },
    ],
  },
  {
    name: 'speaker-not-said-to-the-next-connection',
    families: [37, 84],
    edits: [
      {
        file: 'network/tcp/link.ts',
        find: '    this.#from = undefined;\n    this.#to = undefined;\n    this.#sendWaiting();',
        replace: '    this.#sendWaiting();',
      },
    ],
  },
  {
    name: 'half-open-connection-kept',
    families: [84],
    edits: [
      {
        file: 'network/tcp/connection.ts',
        find: 'if (silentMs >= deadAfterMs && !this.#isPaused) {',
        replace: 'if (silentMs >= deadAfterMs && this.#isPaused) {',
      },
    ],
  },
  {
    name: 'timer-of-a-link-left-after-close',
    families: [83],
    edits: [
      {
        file: 'network/tcp/link.ts',
        find: "    await this.#dialing.close(unreachable('This side', 'closed the connection'));\n    this.#timer?.cancel();",
        replace:
          "    await this.#dialing.close(unreachable('This side', 'closed the connection'));",
      },
    ],
  },
];
