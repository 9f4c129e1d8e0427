import { readFileSync } from 'node:fs';

import { helpText } from '../server/config/help.ts';
import { readConfig } from '../server/config/read-config.ts';
import { exitCodes } from './exit-codes.ts';

/** Runs `quorate serve` with its own reader of options, which reads files as well. */
export async function serveCommand(args: readonly string[]): Promise<number> {
  const readFile = (file: string): string => readFileSync(file, 'utf8');
  const read = readConfig({ args, folder: process.cwd(), readFile });
  switch (read.type) {
    case 'help':
      process.stdout.write(helpText());
      return exitCodes.well;
    case 'version': {
      const { packageVersion } = await import('../server/member/status.ts');
      process.stdout.write(`${packageVersion()}\n`);
      return exitCodes.well;
    }
    case 'wrong':
      process.stderr.write(`${read.problems.join('\n')}\n\nSee quorate serve --help.\n`);
      return exitCodes.usage;
    case 'run':
      return (await import('../server/run-member.ts')).runMember(read.config);
  }
}
