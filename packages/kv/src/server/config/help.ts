import { options } from './options.ts';

/** What `quorate serve --help` prints. */
export function helpText(): string {
  const flags = options.flatMap(({ flag, means, default: byDefault }) =>
    flag === undefined
      ? []
      : [
          [
            `--${flag.name} ${flag.value}`,
            `${plain(means)} Default: ${plain(byDefault)}.`,
          ] as const,
        ],
  );
  const rows = [
    ['--config FILE', 'Read options from a file in YAML or JSON; flags win over it.'],
    ...flags,
    ['--set NAME=VALUE', 'Set any option by its name in the file; may come several times.'],
    ['-h, --help', 'Print this.'],
    ['--version', 'Print the version.'],
  ] as const;
  const width = Math.max(...rows.map(([flag]) => flag.length));
  const lines = rows.map(([flag, means]) => `  ${flag.padEnd(width)}  ${means}`);
  return `Usage: quorate serve --name NAME --data DIR [options]

Runs one member of a key-value cluster. It ends by SIGTERM or SIGINT: the leadership is handed
over, running requests are answered, and the exit code is 0. It is 1 after a failure, and 2 if
the options are wrong.

Options:
${lines.join('\n')}

Examples:
  # One member alone, for trying it out.
  quorate serve --name a --data data/a

  # One of three; the other two are started likewise.
  quorate serve --name a --data data/a --listen 10.0.0.1:7001 --http 10.0.0.1:8001 \\
    --peers a=10.0.0.1:7001,b=10.0.0.2:7001,c=10.0.0.3:7001

  # A fourth, which joins them.
  quorate serve --name d --data data/d --listen 10.0.0.4:7001 --join 10.0.0.1:7001,10.0.0.2:7001

  # From a file, with more to say on the command line.
  quorate serve --config quorate.yaml --log-level debug --set limits.maxValueBytes=4MiB

All options with their names in the file are in docs/kv-config.md.
`;
}

/** Without the marks of a page. */
function plain(text: string): string {
  return text.replaceAll('`', '');
}
