import type { Contestant } from './contestant.ts';
import { EtcdContestant } from './etcd/etcd-contestant.ts';
import { EtcdContestantHttp } from './etcd/etcd-contestant-http.ts';
import { findEtcd, NoEtcdError } from './etcd/etcd-program.ts';
import { nothingToCompareExitCode } from './exit-codes.ts';
import { KvContestant } from './kv-contestant.ts';
import { KvContestantHttp } from './kv-contestant-http.ts';
import { QuorateContestant } from './quorate-contestant.ts';

/** `bench`: the benches' own server, made of the library alone. `kv`: the key-value server. */
const serverNames = ['bench', 'kv'] as const;
const protocolNames = ['native', 'http'] as const;

/** Which server of Quorate's is compared, and what both speak with their clients. */
export interface Comparison {
  readonly server: (typeof serverNames)[number];
  readonly protocol: (typeof protocolNames)[number];
}

/** @throws {RangeError} if there is no such server or protocol. */
export function readComparison(server: string, protocol = 'native'): Comparison {
  const found = {
    server: oneOf('server', serverNames, server),
    protocol: oneOf('protocol', protocolNames, protocol),
  };
  if (found.server === 'kv' || found.protocol === 'native') return found;
  throw new RangeError("The benches' own server speaks no HTTP: say --server kv, or nothing.");
}

function oneOf<Name extends string>(option: string, names: readonly Name[], name: string): Name {
  const found = names.find((one) => one === name);
  if (found !== undefined) return found;
  throw new RangeError(`--${option} must be one of ${names.join(', ')}; it is "${name}".`);
}

/**
 * Makes those that are compared, each anew as often as it is asked for.
 *
 * Resolves with `undefined` if there is no etcd; then it has said what is missing, and the process
 * will end with `nothingToCompareExitCode`.
 */
export async function contestants(options: {
  readonly mayInstall: boolean;
  readonly connections: number;
  readonly comparison?: Comparison;
}): Promise<readonly (() => Contestant)[] | undefined> {
  try {
    const program = await findEtcd(options);
    const { server, protocol } = options.comparison ?? { server: 'kv', protocol: 'native' };
    if (protocol === 'http') {
      return [() => new EtcdContestantHttp(program), () => new KvContestantHttp()];
    }
    return [
      () => new EtcdContestant(program, options.connections),
      () => (server === 'kv' ? new KvContestant() : new QuorateContestant()),
    ];
  } catch (error) {
    if (!(error instanceof NoEtcdError)) throw error;
    console.error(error.message);
    process.exitCode = nothingToCompareExitCode;
    return undefined;
  }
}
