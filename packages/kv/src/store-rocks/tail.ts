import type { Revision } from '../types.ts';
import type { Change, ChangedRevision } from './draft.ts';

/** Memory of a change beside its bytes, roughly. */
const changeBytes = 300;

/** The newest changes, in memory; what is older is on the disk. */
export class Tail {
  readonly #mostBytes: number;
  readonly #revisions: (ChangedRevision | undefined)[] = [];
  /** How many of them have been let go of. */
  #gone = 0;
  #next: Revision;
  #bytes = 0;

  constructor(next: Revision, mostBytes: number) {
    this.#next = next;
    this.#mostBytes = mostBytes;
  }

  /** The oldest revision that it has, or the next one. */
  get from(): Revision {
    return this.#next - (this.#revisions.length - this.#gone);
  }

  get byteLength(): number {
    return this.#bytes;
  }

  /** What `revision` changed, unless it is not here. */
  at(revision: Revision): readonly Change[] | undefined {
    const place = this.#revisions.length - (this.#next - revision);
    return place < this.#gone ? undefined : this.#revisions[place]?.changes;
  }

  push(changed: ChangedRevision): void {
    this.#revisions.push(changed);
    this.#next = changed.revision + 1;
    this.#bytes += bytesOfAll(changed);
  }

  /** Lets go of the oldest ones until there is room. */
  trim(): void {
    for (let at = this.#gone; at < this.#revisions.length; at += 1) {
      if (this.#bytes <= this.#mostBytes) break;
      this.#bytes -= bytesOfAll(this.#revisions[at] as ChangedRevision);
      this.#revisions[at] = undefined;
      this.#gone = at + 1;
    }
    if (this.#gone < 1024 || this.#gone * 2 < this.#revisions.length) return;
    this.#revisions.splice(0, this.#gone);
    this.#gone = 0;
  }
}

function bytesOfAll({ changes }: ChangedRevision): number {
  let bytes = 0;
  for (const { key, version, before } of changes) {
    bytes += changeBytes + key.length + version.value.length + (before?.value.length ?? 0);
  }
  return bytes;
}
