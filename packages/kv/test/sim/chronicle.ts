import { byteString } from '../../src/bytes.ts';
import type { KvStore } from '../../src/store/store.ts';
import type { KeyValue, KvEvent, Revision } from '../../src/types.ts';
import type { Change } from '../checks/watches.ts';
import { KvViolation } from './violation.ts';

export interface ChronicleOptions {
  /** A change that no member had applied before. */
  readonly onChange: (change: Change) => void;
}

/**
 * All that ever happened, as the first member that applied it has it. Every other one, and every
 * other life of the same one, must have the same.
 */
export class Chronicle {
  readonly changes: Change[] = [];
  /** The newest revision that a member has applied. */
  revision: Revision = 1;
  /** The newest one that a member has compacted. */
  compacted: Revision = 0;
  /** The pairs that there are at `revision`. */
  readonly #pairs = new Map<string, KeyValue>();
  readonly #onChange: (change: Change) => void;

  constructor({ onChange }: ChronicleOptions) {
    this.#onChange = onChange;
  }

  /**
   * Notes what the store of a member has applied since it had come to `seen`; returns how far it
   * has come now.
   *
   * @throws {KvViolation} if it is not what others have applied.
   */
  look(member: string, store: KvStore, seen: Revision): Revision {
    const { revision, compactedRevision } = store;
    this.compacted = Math.max(this.compacted, compactedRevision);
    if (revision < seen) {
      throw new KvViolation('members', `Member ${member} went back from ${seen} to ${revision}.`);
    }
    const from = Math.max(seen, compactedRevision) + 1;
    if (from > this.revision + 1) {
      const what = `revisions ${this.revision + 1} to ${from - 1}, before they were seen`;
      throw new KvViolation('compaction', `Member ${member} has compacted ${what}.`);
    }
    for (let at = from; at <= revision; at += 1) this.#see(member, store, at);
    return revision;
  }

  at(revision: Revision): Change | undefined {
    return this.changes[revision - 2];
  }

  #see(member: string, store: KvStore, revision: Revision): void {
    const stored = store.changesAt(revision) ?? [];
    const known = this.at(revision);
    const events = stored.map((one) => store.eventOf(one, { previous: false }));
    if (events.length === 0) {
      throw new KvViolation('members', `Member ${member} has no change at revision ${revision}.`);
    }
    if (known === undefined) {
      const change = { revision, events: events.map((event) => this.#withPrevious(event)) };
      this.changes.push(change);
      this.revision = revision;
      this.#onChange(change);
      return;
    }
    const [ours, theirs] = [known.events.map(textOf).join(), events.map(textOf).join()];
    if (ours === theirs) return;
    const text = `At revision ${revision} member ${member} has ${theirs}; another has ${ours}.`;
    throw new KvViolation('members', text);
  }

  /** A store may have forgotten by now what was before. */
  #withPrevious(event: KvEvent): KvEvent {
    const { type, kv } = event;
    const key = byteString(kv.key);
    const previous = this.#pairs.get(key);
    if (type === 'put') this.#pairs.set(key, kv);
    else this.#pairs.delete(key);
    return previous === undefined ? event : { ...event, previous };
  }
}

function textOf({ type, kv }: KvEvent): string {
  const { createRevision, modRevision, version, lease } = kv;
  const numbers = `${createRevision}/${modRevision} version ${version} lease ${lease}`;
  return `${type} ${byteString(kv.key)}=${byteString(kv.value)} (${numbers})`;
}
