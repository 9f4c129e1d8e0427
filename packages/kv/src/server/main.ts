#!/usr/bin/env node

import { readFileSync } from 'node:fs';

import { helpText } from './config/help.ts';
import { suggestion } from './config/nearest.ts';
import { readConfig } from './config/read-config.ts';

/* The program `quorate`. What a member is made of is loaded only by whoever runs one. */

const exitCodes = { well: 0, usage: 2 } as const;

const usage = `Usage: quorate COMMAND

Commands:
  serve      Run one member of a key-value cluster; see quorate serve --help

  --help     Print this
  --version  Print the version
`;

async function main([command, ...args]: readonly string[]): Promise<number> {
  switch (command) {
    case 'serve':
      return runServe(args);
    case '--version':
      return printVersion();
    case '--help':
    case '-h':
    case 'help':
      return print(usage);
    case undefined:
      process.stderr.write(usage);
      return exitCodes.usage;
    default: {
      const hint = suggestion(command, ['serve', '--help', '--version']);
      process.stderr.write(`There is no command "${command}"${hint}.\n\n${usage}`);
      return exitCodes.usage;
    }
  }
}

function print(text: string): number {
  process.stdout.write(text);
  return exitCodes.well;
}

async function printVersion(): Promise<number> {
  const { packageVersion } = await import('./member/status.ts');
  return print(`${packageVersion()}\n`);
}

async function runServe(args: readonly string[]): Promise<number> {
  const readFile = (file: string): string => readFileSync(file, 'utf8');
  const read = readConfig({ args, folder: process.cwd(), readFile });
  switch (read.type) {
    case 'help':
      return print(helpText());
    case 'version':
      return printVersion();
    case 'wrong':
      process.stderr.write(`${read.problems.join('\n')}\n\nSee quorate serve --help.\n`);
      return exitCodes.usage;
    case 'run':
      return (await import('./run-member.ts')).runMember(read.config);
  }
}

process.exit(await main(process.argv.slice(2)));
