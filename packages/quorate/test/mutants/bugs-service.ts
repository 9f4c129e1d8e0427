import type { PlantedBug } from './planted-bug.ts';

/** Bugs in what callers see: writes, reads, sessions, and whose disk counts. */
export const serviceBugs: readonly PlantedBug[] = [
  {
    name: 'session-table-not-in-the-snapshot',
    families: [80],
    edits: [{ file: 'node/machine.ts', find: 'yield* sessions;', replace: '' }],
  },
  {
    name: 'session-table-not-restored',
    families: [80],
    edits: [{ file: 'node/machine.ts', find: 'this.#sessions = sessions;', replace: '' }],
  },
  {
    name: 'repeats-known-by-their-number-alone',
    families: [80],
    edits: [
      {
        file: 'node/session-table.ts',
        find: 'const known = session.responses.get(sequence);',
        replace:
          'const known = [...this.#sessions.values()].find((one) => one.responses.has(sequence))?.responses.get(sequence);',
      },
    ],
  },
  {
    name: 'repeated-write-applied-again',
    families: [80, 81],
    edits: [
      {
        file: 'node/session-table.ts',
        find: "if (known !== undefined) return { type: 'repeated', kept: known };",
        replace: '',
      },
    ],
  },
  {
    name: 'sessions-expire-by-what-one-node-has-seen',
    families: [80],
    edits: [
      {
        file: 'node/session-table.ts',
        find: 'if (this.#sessions.size <= maxSessions) return;',
        replace: 'if (this.#sessions.size <= maxSessions + (this.#tally.refused % 2)) return;',
      },
    ],
  },
  {
    name: 'write-that-may-be-logged-is-passed-on-again',
    families: [80],
    edits: [
      {
        file: 'node/forwarding.ts',
        find: 'if (!mayRepeat || runtime.now() >= passed.until) {',
        replace: 'if (runtime.now() >= passed.until) {',
      },
    ],
  },
  {
    name: 'unknown-outcome-told-as-a-failure',
    families: [80, 83],
    edits: [
      {
        file: 'node/writes.ts',
        find: 'another leader may commit it.`;\n      write.reject(new LeadershipLostError(message, { logId, maybeApplied: true }));',
        replace:
          'another leader may commit it.`;\n      write.reject(new LeadershipLostError(message, { logId, maybeApplied: false }));',
      },
    ],
  },
  {
    name: 'writers-forgotten-when-leadership-is-lost',
    families: [83],
    edits: [
      {
        file: 'node/driver.ts',
        find: 'this.#effects.onLeadershipLost(Math.min(state.committed, kept));',
        replace: '',
      },
    ],
  },
  {
    name: 'read-answered-before-its-index-is-applied',
    families: [75, 82],
    edits: [
      {
        file: 'node/reads.ts',
        find: 'if (index <= this.#applied) this.#resolve(readers, index);',
        replace: 'if (index <= this.#applied + 1) this.#resolve(readers, index);',
      },
    ],
  },
  {
    name: 'late-reader-gets-the-answer-to-an-earlier-question',
    families: [74, 76],
    edits: [
      {
        file: 'node/follower-reads.ts',
        find: 'if (this.#timer === undefined) this.#next();',
        replace:
          'if (this.#asked !== undefined) { this.#asked = Object.assign(this.#asked, { turns: [...this.#asked.turns, ...this.#waiting] }); this.#waiting = []; } else if (this.#timer === undefined) this.#next();',
      },
    ],
  },
  {
    name: 'wiped-disk-takes-part',
    families: [68, 44],
    edits: [
      {
        file: 'node/identity-guard.ts',
        find: '    this.#reason = reason;\n    this.#host.quarantine(reason);',
        replace: '',
      },
      {
        file: 'node/rpc.ts',
        find: 'if (to?.incarnation !== undefined && to.incarnation !== self.incarnation) {',
        replace: 'if (to?.incarnation === self.node) {',
      },
    ],
  },
  {
    name: 'applied-past-what-was-read',
    families: [81],
    edits: [
      {
        file: 'node/applier.ts',
        find: '    this.#applied = last;\n    this.#options.onApplied(',
        replace:
          '    this.#applied = commands.length > 2 ? { ...last, index: Math.min(this.#target, last.index + 1) } : last;\n    this.#options.onApplied(',
      },
    ],
  },
];
