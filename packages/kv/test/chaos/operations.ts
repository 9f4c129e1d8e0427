import { leading } from '../../../quorate/test/chaos/schedule.ts';
import { type BackupParts, Backups } from './backups.ts';
import { lowDisk } from './disks.ts';
import type { Signals } from './lanes.ts';
import { Membership } from './membership.ts';
import type { Operation } from './plan.ts';
import { restart } from './restarts.ts';
import { restoreBeside } from './second-cluster.ts';
import { pause } from './workers.ts';

const leaderMs = 4000;
const lookMs = 50;

/** Does what is planned to be done to the cluster beside the faults. */
export class Operations {
  readonly #parts: BackupParts;
  readonly #membership: Membership;
  readonly #backups: Backups;

  constructor(parts: BackupParts) {
    this.#parts = parts;
    this.#membership = new Membership(parts);
    this.#backups = new Backups(parts);
  }

  /** Whether it came about. */
  async carryOut(operation: Operation, signals: Signals): Promise<boolean> {
    if ('victim' in operation && operation.victim === leading) await this.#leaderSoon(signals);
    switch (operation.type) {
      case 'replace':
        return this.#membership.replace(operation, signals);
      case 'grow and shrink':
        return this.#membership.growAndShrink(operation, signals);
      case 'backup':
        return this.#backups.save(operation, signals);
      case 'restore':
        return restoreBeside({ ...this.#parts, backups: this.#backups }, operation, signals);
      case 'low disk':
      case 'low disks':
        return lowDisk(this.#parts, operation, signals);
      default:
        return restart(this.#parts.cluster, operation, signals);
    }
  }

  /** What is meant for the leader is to strike one; without one, another would be struck. */
  async #leaderSoon({ halt }: Signals): Promise<void> {
    const { cluster } = this.#parts;
    const until = performance.now() + leaderMs;
    while (cluster.leader === undefined && performance.now() < until && !halt.aborted) {
      await pause(lookMs, halt);
    }
  }

  /** What is left to be judged. */
  finish(): Promise<void> {
    return this.#backups.finish();
  }
}
