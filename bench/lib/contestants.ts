import type { Contestant } from './contestant.ts';
import { EtcdContestant } from './etcd/etcd-contestant.ts';
import { findEtcd, NoEtcdError } from './etcd/etcd-program.ts';
import { nothingToCompareExitCode } from './exit-codes.ts';
import { QuorateContestant } from './quorate-contestant.ts';

/**
 * Makes those that are compared, each anew as often as it is asked for.
 *
 * Resolves with `undefined` if there is no etcd; then it has said what is missing, and the process
 * will end with `nothingToCompareExitCode`.
 */
export async function contestants(options: {
  readonly mayInstall: boolean;
  readonly connections: number;
}): Promise<readonly (() => Contestant)[] | undefined> {
  try {
    const program = await findEtcd(options);
    return [() => new EtcdContestant(program, options.connections), () => new QuorateContestant()];
  } catch (error) {
    if (!(error instanceof NoEtcdError)) throw error;
    console.error(error.message);
    process.exitCode = nothingToCompareExitCode;
    return undefined;
  }
}
