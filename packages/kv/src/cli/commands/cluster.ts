import type { Command } from 'commander';

import type { CliContext } from '../context.ts';
import { addDemoCommand } from './demo-command.ts';
import { addMemberCommands } from './member-commands.ts';
import { addStatusCommand } from './status-command.ts';
import { addTopCommand } from './top-command.ts';

/** Everything about the members of a cluster, and a cluster to try it out. */
export function addClusterCommands(program: Command, context: CliContext): void {
  addMemberCommands(program, context);
  addStatusCommand(program, context);
  addTopCommand(program, context);
  addDemoCommand(program, context);
}
