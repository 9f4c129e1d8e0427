import type { PlantedBug } from './planted-bug.ts';

/** Bugs in building, sending, storing and restoring snapshots. */
export const snapshotBugs: readonly PlantedBug[] = [
  {
    name: 'snapshot-tells-of-an-older-membership',
    families: [65, 67],
    edits: [
      {
        file: 'node/applier.ts',
        find: 'this.#membership = { ...payload.membership, logId };',
        replace: '',
      },
    ],
  },
  {
    name: 'membership-of-a-restored-snapshot-forgotten',
    families: [65, 67],
    edits: [{ file: 'node/applier.ts', find: 'this.#membership = meta.membership;', replace: '' }],
  },
  {
    name: 'snapshot-covers-what-was-applied-after-it',
    families: [53, 55],
    edits: [
      {
        file: 'node/applier.ts',
        find: 'resolve({ ...(await machine.snapshot(membership)), lastLogId, membership });',
        replace:
          'const index = Math.min(this.#target, lastLogId.index + 1);\n          resolve({ ...(await machine.snapshot(membership)), lastLogId: { ...lastLogId, index }, membership });',
      },
    ],
  },
  {
    name: 'snapshot-not-synced',
    families: [50],
    edits: [
      {
        file: 'storage/snapshots/block-writer.ts',
        find: 'if (!this.#options.unsafeNoSync) await this.#file.sync();',
        replace: '',
      },
    ],
  },
  {
    name: 'name-of-a-snapshot-not-synced',
    families: [50],
    edits: [
      {
        file: 'storage/snapshots/snapshot-directory.ts',
        find: '      await this.sync();\n    } catch (error) {\n      await this.remove(target);',
        replace: '    } catch (error) {\n      await this.remove(target);',
      },
    ],
  },
  {
    name: 'log-purged-before-the-snapshot-is-saved',
    families: [50, 51],
    edits: [
      {
        file: 'node/snapshotter.ts',
        find: '    try {\n      await store.save(meta, content());',
        replace:
          '    try {\n      this.#options.onBuilt(meta, lastLogId.index);\n      await store.save(meta, content());',
      },
    ],
  },
  {
    name: 'older-snapshot-replaces-the-newer',
    families: [53],
    edits: [
      {
        file: 'storage/snapshots/file-snapshot-store.ts',
        find: 'return meta.lastLogId.index < (this.#current?.index ?? 0);',
        replace: 'return meta.lastLogId.index < 0;',
      },
      {
        file: 'node/snapshot-receiver.ts',
        find: 'if (!this.#options.isAhead(rpc.meta)) {',
        replace: 'if (rpc.meta.lastLogId.index < 0) {',
      },
    ],
  },
  {
    name: 'start-does-not-restore-the-newer-snapshot',
    families: [51, 82],
    edits: [
      {
        file: 'node/recovery.ts',
        find: '    await machine.restore(snapshot.chunks(), snapshot.meta);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'start-keeps-a-log-that-contradicts-the-snapshot',
    families: [56, 57],
    edits: [
      {
        file: 'node/recovery.ts',
        find: 'if (termIn(scan, ends, covered.index) === covered.term) return found;',
        replace:
          'if (ends.last.index >= covered.index || termIn(scan, ends, covered.index) === covered.term) return found;',
      },
    ],
  },
  {
    name: 'place-of-a-sender-never-given-back',
    families: [59, 60],
    edits: [
      {
        file: 'node/snapshot-sender.ts',
        find: '      place.leave();\n      await kept?.return?.();',
        replace: '      await kept?.return?.();',
      },
    ],
  },
  {
    name: 'install-never-ends-for-the-snapshotter',
    families: [52, 59],
    edits: [
      {
        file: 'node/engine.ts',
        find: '      snapshotter.endInstall();\n      resolve();',
        replace: '      resolve();',
      },
    ],
  },
  {
    name: 'snapshot-goes-on-in-the-wrong-place',
    families: [52],
    edits: [
      {
        file: 'node/snapshot-receiver.ts',
        find: 'if (receiver.offset !== rpc.offset) {',
        replace: 'if (receiver.offset > rpc.offset + rpc.size) {',
      },
      {
        file: 'storage/snapshots/file-snapshot-store.ts',
        find: 'if (part.whole.size !== whole.size || part.whole.checksum !== whole.checksum) {',
        replace: 'if (part.whole.size !== whole.size) {',
      },
    ],
  },
  {
    name: 'log-in-memory-kept-under-a-snapshot',
    families: [56],
    edits: [
      {
        file: 'node/driver.ts',
        find: 'all: this.#core.state.last.index === action.logId.index,',
        replace: 'all: false,',
      },
    ],
  },
];
