import { Command, type CommanderError } from 'commander';

import { addGlobalConnectionFlags, globalValueFlags, takeGlobalFlags } from './connect.ts';
import type { CliContext } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { CliExit, CliFailure } from './failure.ts';
import { print } from './output.ts';

/**
 * What `quorate` can do, as commander knows it: the command that is called, or all of them if none
 * that is known is.
 */
export async function buildProgram(context: CliContext): Promise<Command> {
  const program = new Command('quorate');
  program
    .usage('COMMAND [options]')
    .description('A replicated key-value server with the data model of etcd, and its tools.')
    .option('--version', 'print the version')
    .helpOption('-h, --help', 'print this, or the help of a command')
    .helpCommand('help [command]', 'print the help of a command')
    .exitOverride()
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
      outputError: (text, write) => write(asFailure(text)),
      getOutHelpWidth: () => context.columns,
      getErrHelpWidth: () => context.columns,
      getOutHasColors: () => context.useColor,
      getErrHasColors: () => false,
    });
  addGlobalConnectionFlags(program);
  program.hook('preAction', async (_, command) => {
    await printVersionIfAsked(program, context);
    takeGlobalFlags(program, command);
  });
  addServe(program);
  for (const { load } of calledModules(context.args)) (await load())(program, context);
  addAfterHelp(program);
  return program;
}

type AddCommands = (program: Command, context: CliContext) => void;

interface CommandModule {
  /** The commands that it adds. */
  readonly names: readonly string[];
  readonly load: () => Promise<AddCommands>;
}

/** In the order of the help. Only that of the command that is called is loaded. */
export const commandModules: readonly CommandModule[] = [
  {
    names: ['get'],
    load: async () => (await import('./commands/get-command.ts')).addGetCommand,
  },
  {
    names: ['put'],
    load: async () => (await import('./commands/put-command.ts')).addPutCommand,
  },
  {
    names: ['del'],
    load: async () => (await import('./commands/del-command.ts')).addDelCommand,
  },
  {
    names: ['txn'],
    load: async () => (await import('./commands/txn-command.ts')).addTxnCommand,
  },
  {
    names: ['watch'],
    load: async () => (await import('./commands/watch-command.ts')).addWatchCommand,
  },
  {
    names: ['lease'],
    load: async () => (await import('./commands/lease-commands.ts')).addLeaseCommands,
  },
  {
    names: ['lock'],
    load: async () => (await import('./commands/lock-command.ts')).addLockCommand,
  },
  {
    names: ['elect'],
    load: async () => (await import('./commands/elect-command.ts')).addElectCommand,
  },
  {
    names: ['compact'],
    load: async () => (await import('./commands/compact-command.ts')).addCompactCommand,
  },
  {
    names: ['hash'],
    load: async () => (await import('./commands/hash-command.ts')).addHashCommand,
  },
  {
    names: ['member', 'status', 'top', 'demo'],
    load: async () => (await import('./commands/cluster.ts')).addClusterCommands,
  },
  {
    names: ['snapshot', 'backup'],
    load: async () => (await import('./commands/snapshot.ts')).addSnapshotCommands,
  },
  {
    names: ['log', 'recover'],
    load: async () => (await import('./commands/log.ts')).addLogCommands,
  },
  {
    names: ['bench'],
    load: async () => (await import('./commands/bench-command.ts')).addBenchCommand,
  },
  {
    names: ['completion'],
    load: async () => (await import('./completion.ts')).addCompletionCommand,
  },
];

/** The modules of the command that these arguments call, or all if they call none that is known. */
function calledModules(args: readonly string[]): readonly CommandModule[] {
  const word = firstWord(args);
  // It tells of all of them.
  if (word === 'completion') return commandModules;
  const called = commandModules.filter(({ names }) => word !== undefined && names.includes(word));
  return called.length === 0 ? commandModules : called;
}

/** The first argument that is neither a flag nor the value of one. */
function firstWord(args: readonly string[]): string | undefined {
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] ?? '';
    if (!arg.startsWith('-')) return arg;
    if (globalValueFlags.has(arg)) at += 1;
  }
  return undefined;
}

/** It reads its options itself, before this program is even built; here it is for the help. */
function addServe(program: Command): void {
  program
    .command('serve')
    .summary('run one member of a cluster')
    .description('Runs one member of a key-value cluster; see quorate serve --help.')
    .allowUnknownOption()
    .allowExcessArguments()
    .action(() => {
      throw new CliFailure('serve must be the first word of its command line.', {
        exitCode: exitCodes.usage,
        advice: 'Put its options behind it; see quorate serve --help.',
      });
    });
}

function addAfterHelp(program: Command): void {
  program.addHelpText(
    'after',
    `
Examples:
  # A member for trying it out, and a key in it.
  $ quorate serve --name a --data data/a
  $ quorate put greeting hello
  $ quorate get greeting

The members to ask are named by --endpoints or QUORATE_ENDPOINTS, 127.0.0.1:7001 by default.
Exit codes: 0 done, 1 failed, 2 wrong command line, 3 no member answered, 4 refused, 5 not found.`,
  );
}

async function printVersionIfAsked(program: Command, context: CliContext): Promise<void> {
  if (program.getOptionValue('version') !== true) return;
  await printVersion(context);
  throw new CliExit(exitCodes.well);
}

export async function printVersion(context: CliContext): Promise<void> {
  const { packageVersion } = await import('../server/member/status.ts');
  await print(context, `${packageVersion()}\n`);
}

/** `error: unknown option '--jsn'`, as this program says that something is wrong. */
function asFailure(text: string): string {
  const message = text.replace(/^error: /, '').trimEnd();
  return `quorate: ${message}\nSee quorate --help, or --help of the command.\n`;
}

/** What commander ends with: help that was asked for is no failure, all else is a wrong call. */
export function exitCodeOf(error: CommanderError): number {
  return error.exitCode === 0 ? exitCodes.well : exitCodes.usage;
}
