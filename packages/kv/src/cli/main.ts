#!/usr/bin/env node

/* The program `quorate`. What a command is made of is loaded only by whoever runs it. */

// By its default export: an older Node has not all of the names, and is to be told so below.
import module from 'node:module';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 13)) {
  process.stderr.write(
    `quorate: Node 22.13 or later is wanted, and this is ${process.version}.\n` +
      'Install a newer Node, and see by "node --version" that it is found first.\n',
  );
  process.exit(1);
}

// A command is over in the time that compiling it takes.
module.enableCompileCache();

// Node 22 calls its SQLite experimental, which is no business of whoever runs a command: the lock
// of a data folder is made of it, and nothing else.
const warn = process.emitWarning.bind(process) as (...args: unknown[]) => void;
process.emitWarning = (warning: string | Error, ...rest: unknown[]): void => {
  if (`${warning}`.startsWith('SQLite is an experimental feature')) return;
  warn(warning, ...rest);
};

const [command, ...rest] = process.argv.slice(2);

if (command === 'serve' || (command === 'help' && rest[0] === 'serve')) {
  const { serveCommand } = await import('./serve-command.ts');
  process.exit(await serveCommand(command === 'serve' ? rest : ['--help']));
}
const { runCommand } = await import('./run-command.ts');
process.exit(await runCommand(process.argv.slice(2)));
