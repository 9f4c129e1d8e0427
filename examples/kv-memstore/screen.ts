/** Where the table goes: a terminal, or a file or pipe. `process.stdout` is one. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** A view in two parts; the second changes rarely. */
export interface View {
  readonly table: readonly string[];
  readonly commands: readonly string[];
}

/**
 * Shows the newest view: a terminal redraws it in place; elsewhere the parts that changed are
 * printed anew, without escape codes.
 */
export class Screen {
  readonly #output: Output;
  #shown: View | undefined;

  constructor(output: Output) {
    this.#output = output;
  }

  show(view: View): void {
    const changed = changedLines(this.#shown, view);
    if (changed.length === 0) return;

    const isTerminal = this.#output.isTTY === true;
    const text = isTerminal
      ? `${this.#eraseCode()}${joinLines(viewLines(view))}`
      : joinLines(changed);
    this.#output.write(text);
    this.#shown = view;
  }

  /** Says something that stays, above the view. */
  say(line: string): void {
    if (this.#output.isTTY !== true || this.#shown === undefined) {
      this.#output.write(`${line}\n`);
      return;
    }
    const view = joinLines(viewLines(this.#shown));
    this.#output.write(`${this.#eraseCode()}${line}\n${view}`);
  }

  /** Leaves the view where it is: what comes later goes below it. */
  leave(): void {
    this.#shown = undefined;
  }

  /** Moves to the first row of the view on screen and clears from there. */
  #eraseCode(): string {
    if (this.#shown === undefined) return '';
    return `\u001B[${countRows(viewLines(this.#shown), this.#output.columns)}F\u001B[J`;
  }
}

/** Rows on a terminal so wide: a long line takes more than one. */
function countRows(lines: readonly string[], columns: number | undefined): number {
  const width = columns === undefined || columns === 0 ? 80 : columns;
  const rows = lines.map((line) => Math.max(1, Math.ceil(line.length / width)));
  return rows.reduce((sum, count) => sum + count, 0);
}

function changedLines(shown: View | undefined, view: View): string[] {
  const isChanged = (part: keyof View): boolean =>
    shown === undefined || joinLines(shown[part]) !== joinLines(view[part]);

  const table = isChanged('table') || isChanged('commands') ? ['', ...view.table] : [];
  const commands = isChanged('commands') ? ['', ...view.commands] : [];
  return [...table, ...commands];
}

function viewLines({ table, commands }: View): string[] {
  return ['', ...table, '', ...commands];
}

function joinLines(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}
