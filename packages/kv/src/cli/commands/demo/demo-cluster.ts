import { rmSync } from 'node:fs';

import { exitCodes } from '../../exit-codes.ts';
import { CliFailure } from '../../failure.ts';
import { DemoMember } from './demo-member.ts';
import type { Place } from './places.ts';

export interface DemoClusterOptions {
  readonly places: readonly Place[];
  readonly folder: string;
  /** Deleted with the cluster. */
  readonly isTemporary: boolean;
  /** A member has ended, by whoever's hand. */
  readonly onExit: (member: DemoMember, how: string) => void;
}

/** The members of a demo. Nothing of them is left when this process has ended, however it ends. */
export class DemoCluster {
  readonly members: readonly DemoMember[];
  readonly #options: DemoClusterOptions;
  #isStopping = false;
  readonly #onProcessExit = (): void => this.#clear();

  constructor(options: DemoClusterOptions) {
    const { places, folder } = options;
    this.#options = options;
    this.members = places.map(
      (place) =>
        new DemoMember({
          place,
          places,
          folder,
          onExit: (member, how) => {
            if (!this.#isStopping) options.onExit(member, how);
          },
        }),
    );
    process.once('exit', this.#onProcessExit);
  }

  get addresses(): readonly string[] {
    return this.members.map(({ address }) => address);
  }

  get runningCount(): number {
    return this.members.filter(({ isRunning }) => isRunning).length;
  }

  start(): void {
    for (const member of this.members) member.start();
  }

  /** @throws {CliFailure} if a member has ended that was just started. */
  demandAll(): void {
    const gone = this.members.find(({ isRunning }) => !isRunning);
    if (gone === undefined) return;
    throw new CliFailure(`member ${gone.name} could not be started: ${gone.lastWords()}`, {
      exitCode: exitCodes.failed,
      advice: `Its whole log is ${gone.logFile}${this.#options.isTemporary ? ' with --keep' : ''}.`,
    });
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.members.map((member) => member.stop()));
    process.removeListener('exit', this.#onProcessExit);
    this.#clear();
  }

  #clear(): void {
    for (const member of this.members) member.kill();
    const { isTemporary, folder } = this.#options;
    if (isTemporary) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
