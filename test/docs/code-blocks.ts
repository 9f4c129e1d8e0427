import type { ProjectFile } from '../tidy/project-files.ts';

/** A TypeScript block of a page. */
export type CodeBlock = {
  readonly page: string;
  /** The line of the opening fence. */
  readonly line: number;
  readonly fileName: string;
  readonly code: string;
  /** Whether the block is marked as a whole program, as in "```ts run". */
  readonly isProgram: boolean;
  /** What the program prints, if a "```text output" block comes next in the page. */
  readonly output: string | undefined;
};

/** A block of a page, of whatever language. */
export type Fence = { readonly info: string; readonly line: number; readonly body: string };

/** The "```ts" blocks of a page, in order. Blocks of other languages are left alone. */
export function codeBlocksIn(page: ProjectFile): readonly CodeBlock[] {
  const fences = fencesIn(page.text);
  return fences.flatMap((fence, index) => {
    const [language, mark] = fence.info.split(/\s+/);
    if (language !== 'ts') return [];
    const next = fences[index + 1];
    const isProgram = mark === 'run';
    return [
      {
        page: page.path,
        line: fence.line,
        fileName: `${page.path.replaceAll(/[^a-zA-Z0-9]/g, '-')}-line-${fence.line}.ts`,
        code: fence.body,
        isProgram,
        output: isProgram && next?.info === 'text output' ? next.body : undefined,
      },
    ];
  });
}

export function fencesIn(text: string): readonly Fence[] {
  const fences: Fence[] = [];
  let open: { info: string; line: number; lines: string[] } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^```(.*)$/.exec(line);
    if (open === undefined) {
      if (fence !== null) open = { info: fence[1]?.trim() ?? '', line: index + 1, lines: [] };
    } else if (fence === null) {
      open.lines.push(line);
    } else {
      fences.push({ info: open.info, line: open.line, body: `${open.lines.join('\n')}\n` });
      open = undefined;
    }
  }
  return fences;
}
