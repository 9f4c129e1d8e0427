import type { Logger } from 'quorate';
import type { KvMember, KvMemberOptions } from '../../../src/server/member.ts';
import type { KvAlertCode } from '../../../src/types.ts';
import { until } from '../../member/support/member-cluster.ts';

export const mib = 1024 * 1024;
export const plenty = 1000 * mib;
export const names = ['a', 'b', 'c'];

/** What a test does to the members: their disks, their clocks, and what they have logged. */
export class World {
  readonly free: Record<string, number> = {};
  readonly aheadMs: Record<string, number> = {};
  readonly lines: string[] = [];

  optionsOf(name: string): Partial<KvMemberOptions> {
    const log =
      (level: string) =>
      (fields: object, text: string): void => {
        const { alert, about } = fields as { alert?: string; about?: string };
        if (alert !== undefined) this.lines.push(`${name} ${level} ${alert} ${about}: ${text}`);
      };
    const logger: Logger = {
      debug: () => undefined,
      info: log('info'),
      warn: log('warn'),
      error: log('error'),
    };
    return {
      logger,
      alertCheckMs: 100,
      hashCheckMs: 100,
      disk: {
        segmentBytes: mib,
        lowBytes: 100 * mib,
        freeBytes: async () => this.free[name] ?? plenty,
      },
      wallClock: () => Date.now() + (this.aheadMs[name] ?? 0),
    };
  }

  linesOf(code: KvAlertCode): readonly string[] {
    return this.lines.filter((line) => line.includes(` ${code} `));
  }
}

export function alertsOf({ service }: KvMember): readonly string[] {
  return service.status().alerts.map(({ code, member }) => `${code} ${member}`);
}

export async function untilTold(
  members: readonly KvMember[],
  ...wanted: readonly string[]
): Promise<void> {
  const isTold = (member: KvMember): boolean =>
    wanted.every((alert) => alertsOf(member).includes(alert));
  await until(`${wanted.join()} is told`, () => members.every(isTold));
}

export async function untilOver(members: readonly KvMember[], code: KvAlertCode): Promise<void> {
  const isOver = (member: KvMember): boolean =>
    alertsOf(member).every((alert) => !alert.startsWith(`${code} `));
  await until(`${code} is over`, () => members.every(isOver));
}
