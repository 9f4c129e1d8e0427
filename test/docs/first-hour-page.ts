import type { ProjectFile } from '../tidy/project-files.ts';
import { fencesIn } from './code-blocks.ts';

/** A "```sh run" block of a page: what a reader pastes into a shell. */
export interface ShellBlock {
  readonly page: string;
  /** The line of the opening fence. */
  readonly line: number;
  readonly script: string;
  /** What it prints, if a "```text output" block comes next. */
  readonly output: string | undefined;
  /** Marked as "fails": some command of it ends with another code than 0, as the page says. */
  readonly fails: boolean;
  /** Marked as "until": the page tells the reader to look again until it is so. */
  readonly isRepeated: boolean;
}

const marks = new Set(['run', 'until', 'fails']);

/** The blocks of a page that are for a shell, in order. */
export function shellBlocksIn(page: ProjectFile): readonly ShellBlock[] {
  const fences = fencesIn(page.text);
  return fences.flatMap((fence, index) => {
    const [language, ...words] = fence.info.split(/\s+/);
    if (language !== 'sh') return [];
    const unknown = words.find((word) => !marks.has(word));
    if (unknown !== undefined || !words.includes('run')) {
      throw new Error(
        `${page.path}:${fence.line}: a block of this page is "sh run", with "until" or "fails" ` +
          `behind it; got "${fence.info}".`,
      );
    }
    const next = fences[index + 1];
    return [
      {
        page: page.path,
        line: fence.line,
        script: fence.body,
        output: next?.info === 'text output' ? next.body : undefined,
        fails: words.includes('fails'),
        isRepeated: words.includes('until'),
      },
    ];
  });
}

/** What may be another one each time, and the name that stands for it in a comparison. */
const varying: readonly (readonly [RegExp, string])[] = [
  [/\b(?:[0-9a-f]{32}|[0-9a-f]{16})\b/g, 'HASH'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z/g, 'TIME'],
  [/\b\d+(?:\.\d+)? (?:B|KiB|MiB|GiB|TiB)(?!\w)/g, 'SIZE'],
  [/made by \w+ at/g, 'made by SOMEBODY at'],
  [/^TIME \w /g, 'TIME SOMEBODY '],
  // Who leads, and how many elections that took. A member that does not answer has neither.
  [/^(\w+) (?:leader|follower) \d+ /g, '$1 ROLE TERM '],
  [/^(\w+) (?:leader|voter) (?=127)/g, '$1 ROLE '],
];

/** What a shell says by itself of a process that somebody has killed. */
const obituary = /: line \d+: +\d+ (?:Killed|Terminated) /;

/**
 * Compares what was printed with what the page shows: `undefined` if they agree, else both as they
 * were compared. Columns may be wider, and "..." in the page stands for anything on a line.
 */
export function differenceFrom(
  shown: string,
  printed: string,
): { readonly page: readonly string[]; readonly printed: readonly string[] } | undefined {
  const wanted = linesOf(shown);
  const found = linesOf(printed);
  const fits =
    wanted.length === found.length &&
    wanted.every((line, at) => patternOf(line).test(found[at] ?? '')) &&
    leadersIn(shown) === leadersIn(printed);
  return fits ? undefined : { page: wanted, printed: found };
}

function linesOf(text: string): readonly string[] {
  return text
    .trim()
    .split('\n')
    .filter((line) => !obituary.test(line))
    .map((line) => {
      const narrow = line.trim().replaceAll(/\s+/g, ' ');
      return varying.reduce((rest, [pattern, name]) => rest.replaceAll(pattern, name), narrow);
    });
}

function patternOf(line: string): RegExp {
  const parts = line
    .split('...')
    .map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join('.*')}$`);
}

/** Roles are compared by their number alone. */
function leadersIn(text: string): number {
  return [...text.matchAll(/^\w+ +leader /gm)].length;
}

/** The ports that the blocks name; a demo at one has some that follow, and HTTP 1000 further on. */
export const pagePorts: readonly number[] = [7001, 7002, 7003, 7004, 7101, 7102, 7103].flatMap(
  (port) => [port, port + 1000],
);

/** The same text with its ports moved, so that it may run where the ones of the page are taken. */
export function withPortsMoved(text: string, by: number): string {
  const moved = new Map(pagePorts.map((port) => [`${port}`, `${port + by}`]));
  return text.replaceAll(/\b\d{4}\b/g, (number) => moved.get(number) ?? number);
}

/** Undoes it in what was printed. */
export function withPortsMovedBack(text: string, by: number): string {
  const back = new Map(pagePorts.map((port) => [`${port + by}`, `${port}`]));
  return text.replaceAll(/\b\d{5}\b/g, (number) => back.get(number) ?? number);
}
