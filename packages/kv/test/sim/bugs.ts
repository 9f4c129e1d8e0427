import type { PlantedBug } from '../../../quorate/test/mutants/planted-bug.ts';

/** Bugs to plant into a copy of the server and the library; files are below `packages`. */
export const kvBugs: readonly Omit<PlantedBug, 'families'>[] = [
  {
    name: 'log-believed-unchecked',
    edits: [
      {
        file: 'quorate/src/storage/wal/format.ts',
        find: 'return records.length === head.length && crc32(records) === head.recordsCrc;',
        replace: 'return records.length === head.length;',
      },
    ],
  },
  {
    // Each of its four checks is enough.
    name: 'snapshot-believed-unchecked',
    edits: [
      {
        file: 'quorate/src/storage/snapshots/read-blocks.ts',
        find: 'viewOf(bytes).getUint32(length, true) === sealed(checksum, before.seal);',
        replace: 'before.seal !== undefined;',
      },
      {
        file: 'quorate/src/storage/snapshots/saved-snapshot.ts',
        find: 'return offset + content.length === size && checksum !== wanted;',
        replace: 'return offset + content.length === size && wanted < 0 * checksum;',
      },
      {
        file: 'kv/src/store/frame-reader.ts',
        find: 'if (found === wanted) return body;',
        replace: 'if (found !== undefined) return body;',
      },
      {
        file: 'kv/src/store/state-builder.ts',
        find: 'demand(found === this.#end?.hash,',
        replace: 'demand(found !== undefined,',
      },
    ],
  },
  {
    name: 'learner-counts-as-a-voter',
    edits: [
      {
        file: 'quorate/src/core/leader.ts',
        find: 'id === core.id ? core.durable : (progress.get(id)?.matchIndex ?? 0),\n  );\n  if (index <= core.committed',
        replace:
          'id === core.id ? core.durable : Math.max(...[...progress].filter(([one]) => one === id || !core.membership.voters.flat().includes(one)).map(([, one]) => one.matchIndex), 0),\n  );\n  if (index <= core.committed',
      },
    ],
  },
  {
    name: 'wiped-disk-takes-part',
    edits: [
      {
        file: 'quorate/src/node/identity-guard.ts',
        find: '    this.#reason = reason;\n    this.#host.quarantine(reason);',
        replace: '',
      },
      {
        file: 'quorate/src/node/rpc.ts',
        find: 'if (to?.incarnation !== undefined && to.incarnation !== self.incarnation) {',
        replace: 'if (to?.incarnation === self.node) {',
      },
    ],
  },
  {
    name: 'used-name-comes-back',
    edits: [
      {
        file: 'kv/src/server/member/membership-door.ts',
        find: 'if (known === undefined && formerNames(current).includes(id)) {',
        replace: "if (known === undefined && formerNames(current).includes('')) {",
      },
    ],
  },
  {
    name: 'learner-votes-by-itself',
    edits: [
      {
        file: 'kv/src/server/member/membership-place.ts',
        find: '  if (staysLearner(membership.nodes[id])) return true;\n',
        replace: '',
      },
      {
        file: 'kv/src/server/member/membership-place.ts',
        find: 'import { staysLearner }',
        replace: 'import type { staysLearner as _ }',
      },
    ],
  },
  {
    name: 'replaced-member-keeps-its-vote',
    edits: [
      {
        file: 'kv/src/server/member/membership.ts',
        find: 'new Set([...voters.filter((one) => one !== insteadOf), id]);',
        replace: 'new Set([...voters, id]);',
      },
    ],
  },
  {
    name: 'wrong-member-serves-on',
    edits: [
      {
        file: 'kv/src/server/member/member-service.ts',
        find: 'const { health, limits, store } = this.#options;\n    health.demandServing();',
        replace: 'const { limits, store } = this.#options;',
      },
    ],
  },
  {
    name: 'states-compared-by-revision-alone',
    edits: [
      {
        file: 'kv/src/server/member/state-checks.ts',
        find: 'return `${hash} at revision ${revision}`;',
        replace: "return `${hash === '' ? '' : 'some'} at revision ${revision}`;",
      },
    ],
  },
  {
    name: 'http-reads-do-not-wait',
    edits: [
      {
        file: 'kv/src/server/http/store-calls.ts',
        find: '  const request = rangeRequest(body);\n  if (body.serializable !== true) await service.barrier({ signal });',
        replace: '  const request = rangeRequest(body);\n  await Promise.resolve(signal);',
      },
    ],
  },
  {
    name: 'http-writes-lose-their-number',
    edits: [
      {
        file: 'kv/src/server/http/exchange.ts',
        find: "if (typeof id === 'number' && typeof sequence === 'number') return { id, sequence };",
        replace: "if (typeof id === 'number' && typeof sequence === 'number') return undefined;",
      },
    ],
  },
  {
    name: 'barrier-does-not-wait',
    edits: [
      {
        file: 'kv/src/server/member/member-service.ts',
        find: 'await this.#serving(() => this.#options.raft.readBarrier({ signal }));\n',
        replace: 'await Promise.resolve(signal);\n',
      },
    ],
  },
];
