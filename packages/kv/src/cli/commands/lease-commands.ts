import { type Command, Option } from 'commander';

import {
  addConnectionFlags,
  type ConnectionFlags,
  spanFrom,
  wholeFrom,
  withClient,
  withWriter,
} from '../connect.ts';
import type { CliContext } from '../context.ts';
import { bytesJson, counted, printEither, printJson, printLine } from '../output.ts';
import { untilAborted } from './hold.ts';
import { addBytesFlags, type BytesFlags, usage } from './keys.ts';
import { inLine } from './pairs.ts';

export function addLeaseCommands(program: Command, context: CliContext): void {
  const lease = program
    .command('lease')
    .summary('leases: keys that live as long as somebody asks for it')
    .description('Grants leases, keeps them alive, ends them, and looks at them.')
    .addHelpText(
      'after',
      `
Examples:
  $ quorate lease grant 30
  $ quorate lease grant 30 --id 1000
  $ quorate put workers/1 here --lease 1000
  $ quorate lease keep-alive 1000`,
    );
  addGrant(lease, context);
  addRevoke(lease, context);
  addKeepAlive(lease, context);
  addTimeToLive(lease, context);
  addList(lease, context);
}

interface GrantFlags extends ConnectionFlags {
  readonly id?: number;
}

function addGrant(lease: Command, context: CliContext): void {
  const command = lease
    .command('grant')
    .description(
      'Grants a lease of so many whole seconds, and prints its id. Nobody keeps it alive.',
    )
    .argument('<ttl>', 'seconds, as 30, or a duration, as 5m or 30d', secondsFrom)
    .addOption(
      new Option('--id <id>', 'take this id; without it, the store chooses').argParser(wholeFrom),
    );
  addConnectionFlags(command)
    .addHelpText('after', examples('grant 30', 'grant 5m --id 1000'))
    .action(async (ttl: number, flags: GrantFlags) => {
      const { id } = flags;
      if (id === 0) throw usage('--id wants at least 1.', 'Leave it out to have one chosen.');
      const { signal } = context;
      const granted = await withWriter(context, flags, (client) =>
        client.grantLease(ttl, { id, signal }),
      );
      const about = { id: granted.id, ttl: granted.ttlSeconds };
      const line = `${about.id} (TTL ${about.ttl} s)`;
      await printEither(context, flags, { value: about, line });
    });
}

function addRevoke(lease: Command, context: CliContext): void {
  const command = lease
    .command('revoke')
    .description('Ends a lease, and deletes its keys.')
    .argument('<id>', 'as lease list has it', wholeFrom);
  addConnectionFlags(command)
    .addHelpText('after', examples('revoke 1000'))
    .action(async (id: number, flags: ConnectionFlags) => {
      const { signal } = context;
      await withWriter(context, flags, async (client) => {
        // It says so if there is no such lease, which a client takes for revoked.
        const { keys } = await client.leaseTimeToLive(id, { keys: true, signal });
        await client.revokeLease(id, { signal });
        const line = `revoked, with ${counted(keys.length, 'key')}`;
        await printEither(context, flags, { value: { id, deleted: keys.length }, line });
      });
    });
}

interface KeepAliveFlags extends ConnectionFlags {
  readonly once?: boolean;
}

function addKeepAlive(lease: Command, context: CliContext): void {
  const command = lease
    .command('keep-alive')
    .description('Keeps a lease alive until ctrl-C, or gives it its whole time again once.')
    .argument('<id>', 'as lease list has it', wholeFrom)
    .option('--once', 'give it its whole time again, and end');
  addConnectionFlags(command)
    .addHelpText('after', examples('keep-alive 1000', 'keep-alive 1000 --once'))
    .action(async (id: number, flags: KeepAliveFlags) => {
      await withWriter(context, flags, async (client) => {
        const kept = await client.lease(id, { signal: context.signal });
        const line = `${id} kept alive (TTL ${kept.ttlSeconds} s)`;
        await printEither(context, flags, { value: { id, ttl: kept.ttlSeconds }, line });
        if (flags.once === true) return;
        await untilAborted(AbortSignal.any([context.signal, kept.signal]));
        context.signal.throwIfAborted();
        throw kept.signal.reason;
      });
    });
}

interface TimeToLiveFlags extends ConnectionFlags, BytesFlags {
  readonly keys?: boolean;
}

function addTimeToLive(lease: Command, context: CliContext): void {
  const command = lease
    .command('timetolive')
    .description('Prints how long a lease still lives.')
    .argument('<id>', 'as lease list has it', wholeFrom)
    .option('--keys', 'print too which keys are attached to it');
  addBytesFlags(command);
  addConnectionFlags(command)
    .addHelpText('after', examples('timetolive 1000 --keys'))
    .action(async (id: number, flags: TimeToLiveFlags) => {
      const { signal } = context;
      const withKeys = flags.keys === true;
      const found = await withClient(context, flags, (client) =>
        client.leaseTimeToLive(id, { keys: withKeys, signal }),
      );
      const { ttl, remaining } = found;
      if (flags.json === true) {
        const keys = withKeys ? { keys: found.keys.map((key) => bytesJson(key)) } : {};
        await printJson(context, { id, ttl, remaining, ...keys });
        return;
      }
      await printLine(context, `${id} lives for ${remaining.toFixed(1)} s of ${ttl} s`);
      for (const key of found.keys) await printLine(context, inLine(key, flags));
    });
}

function addList(lease: Command, context: CliContext): void {
  addConnectionFlags(lease.command('list').description('Prints the ids of all leases.'))
    .addHelpText('after', examples('list'))
    .action(async (flags: ConnectionFlags) => {
      const { signal } = context;
      const leases = await withClient(context, flags, (client) => client.leases({ signal }));
      if (flags.json === true) await printJson(context, { leases });
      else for (const id of leases) await printLine(context, `${id}`);
    });
}

function examples(...commands: readonly string[]): string {
  return `\nExamples:\n${commands.map((one) => `  $ quorate lease ${one}`).join('\n')}`;
}

/** A bare number means seconds, of which there are whole ones only. */
function secondsFrom(text: string): number {
  return /^\d+$/.test(text) ? wholeFrom(text) : Math.ceil(spanFrom(text) / 1000);
}
