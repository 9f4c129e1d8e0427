// Members of the key-value server under chaos: they are killed, stopped, restarted and cut off
// while clients use them, and what the clients saw is checked. See docs/chaos.md.

import { randomBytes } from 'node:crypto';
import { type ChaosOptions, readChaosOptions } from '../../../quorate/test/chaos/options.ts';
import { runChaosProgram, runInFolder } from '../../../quorate/test/chaos/program.ts';
import { looking, UsageError } from '../../../quorate/test/command-line.ts';
import { type Breakage, breakageIn, breakageVariable } from './breakages.ts';
import { type KvChaosSummary, runKvChaos, shown } from './run.ts';

const usage = `npm run chaos -- --server kv                   30 seconds with a fresh seed
                --seconds S --seed X           the same faults at the same times; up to 1800 s
                --nodes N --clients C          3 to 9 members, 1 to 64 clients
                --keep DIR                     keeps logs, data and history there in any case`;
/** Every change is kept in memory. */
const maxSeconds = 1800;

async function main(signal: AbortSignal): Promise<number> {
  const options = readKvOptions(process.argv.slice(2));
  const breakage = await looking(() => breakageIn(process.env));
  const { keep, network: _, ...run } = options;
  const broken = breakage === undefined ? '' : `, broken on purpose: ${breakage}`;
  const size = `${run.seconds} s, ${run.nodes} members of the kv server`;
  return runInFolder({ keep, signal }, async (folder) => {
    console.log(`chaos seed ${run.seed}: ${size}${broken}`);
    const say = (line: string): void => console.log(line);
    const summary = await runKvChaos({ ...run, ...folder, say, signal });
    const command = commandFor(options, breakage);
    return {
      isBad: summary.findings.length > 0,
      linesOf: (directory) => {
        const kept = directory === undefined ? '' : ` -> kept in ${directory}`;
        return linesOf(summary, { kept, command });
      },
    };
  });
}

/** @throws {UsageError} that says what was wanted. */
function readKvOptions(args: readonly string[]): ChaosOptions {
  const at = args.indexOf('--server');
  const others = at < 0 ? args : args.toSpliced(at, 2);
  const options = readChaosOptions(others, randomBytes(8).toString('hex'));
  if (options.network !== 'tcp') {
    throw new UsageError('Members of the kv server speak TCP to each other; leave --network out.');
  }
  if (options.seconds > maxSeconds) {
    const { seconds } = options;
    throw new UsageError(
      `--seconds must be ${maxSeconds} at most with --server kv; got ${seconds}.`,
    );
  }
  return options;
}

function linesOf(
  { counts, faults, marks, leaderCount, revision, longestPauseMs, findings }: KvChaosSummary,
  { kept, command }: { readonly kept: string; readonly command: string },
): readonly string[] {
  const { done, refused, unknown } = counts;
  const lines = [
    `calls: ${done} ok, ${refused} refused, ${unknown} unknown, up to revision ${revision}`,
    `faults: ${shown(faults)}`,
    `terms with a leader: ${leaderCount}; ${shown(marks)}`,
    `longest time without an acknowledged write: ${(longestPauseMs / 1000).toFixed(1)} s`,
  ];
  const [first] = findings;
  if (first === undefined) {
    const verdict = 'linearizable, nothing lost, nothing done twice, watches whole, members agree';
    return [...lines, `CHAOS OK ${verdict}${kept}`];
  }
  const found = findings.map(({ code, text }) => `${code}: ${text}`);
  return [...lines, ...found, `CHAOS FAIL ${first.code}${kept}; again: ${command}`];
}

function commandFor(
  { seed, seconds, nodes, clients }: ChaosOptions,
  breakage: Breakage | undefined,
): string {
  const environment = breakage === undefined ? '' : `${breakageVariable}=${breakage} `;
  const counts = `--nodes ${nodes} --clients ${clients}`;
  return `${environment}npm run chaos -- --server kv --seconds ${seconds} ${counts} --seed ${seed}`;
}

await runChaosProgram(usage, main);
// Left to end by itself, Node closes what is still open, and has been seen to go round in circles.
process.stdout.write('', () => process.exit());
