import type { Finding } from './findings.ts';
import type { Witness } from './witness.ts';

/** What came of a run. */
export interface ChaosSummary {
  readonly seconds: number;
  readonly counts: { readonly ok: number; readonly failed: number; readonly unknown: number };
  readonly keyCount: number;
  /** How often each kind of fault and of change happened. */
  readonly faults: ReadonlyMap<string, number>;
  readonly longestPauseMs: number;
  readonly witness: Pick<
    Witness,
    'leaderCount' | 'snapshotsBuilt' | 'snapshotsReceived' | 'comparedChains'
  >;
  readonly findings: readonly Finding[];
}

/** The summary for people; the last line is the verdict. */
export function summaryLines(
  { counts, keyCount, faults, longestPauseMs, witness, findings }: ChaosSummary,
  { command, directory }: { readonly command: string; readonly directory: string | undefined },
): readonly string[] {
  const { leaderCount, snapshotsBuilt, snapshotsReceived, comparedChains } = witness;
  const kinds = [...faults].map(([kind, count]) => `${kind} ${count}`);
  const pause = (longestPauseMs / 1000).toFixed(1);
  const kept = directory === undefined ? '' : ` -> kept in ${directory}`;
  const lines = [
    `operations: ${counts.ok} ok, ${counts.failed} failed, ${counts.unknown} unknown, on ${keyCount} keys`,
    `faults and changes: ${kinds.join(', ') || 'none'}`,
    `terms with a leader: ${leaderCount}; snapshots: ${snapshotsBuilt} built, ${snapshotsReceived} received; states compared: ${comparedChains}`,
    `longest time without an acknowledged write: ${pause} s`,
  ];
  const [first] = findings;
  if (first === undefined) {
    const verdict = 'linearizable, nothing lost, nothing done twice, all nodes agree';
    return [...lines, `CHAOS OK ${verdict}${kept}`];
  }
  const found = shortestOfEach(findings).map(({ code, text }) => `${code}: ${text}`);
  return [...lines, ...found, `CHAOS FAIL ${first.code}${kept}; again: ${command}`];
}

/** One of each kind, the one that is said in the fewest words. */
function shortestOfEach(findings: readonly Finding[]): readonly Finding[] {
  const shortest = new Map<string, Finding>();
  for (const finding of findings) {
    const { code, text } = finding;
    if (text.length < (shortest.get(code)?.text.length ?? Infinity)) shortest.set(code, finding);
  }
  return [...shortest.values()];
}
