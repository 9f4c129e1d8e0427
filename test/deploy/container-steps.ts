/** One instruction of a file that a container is built by. */
export interface Step {
  readonly name: string;
  readonly text: string;
}

/** The instructions in their order, without comments; lines that go on are joined. */
export function stepsOf(containerfile: string): readonly Step[] {
  const lines = containerfile.split('\n').filter((line) => !line.startsWith('#'));
  return lines
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .flatMap((line) => {
      const [, name, text] = /^([A-Z]+) (.+)$/.exec(line.trim()) ?? [];
      return name === undefined || text === undefined ? [] : [{ name, text }];
    });
}

/** What the only instruction of this name says, or the last one, as in a container. */
export function textOf(steps: readonly Step[], name: string): string {
  const found = steps.findLast((step) => step.name === name);
  if (found === undefined) throw new Error(`The file has no ${name}.`);
  return found.text;
}

/** What stands in the form of JSON, as `ENTRYPOINT ["quorate"]`. */
export function wordsOf(text: string): readonly string[] {
  const json = text.slice(text.indexOf('['));
  return JSON.parse(json) as readonly string[];
}
