import { type ChannelContext, ChannelError, type ChannelHandler } from 'quorate/network/tcp';
import { KvError } from '../../errors.ts';
import { errorOf } from '../../protocol/failures.ts';
import { JsonFields } from '../../protocol/json-fields.ts';
import { memberAddFrom, memberPromoteFrom, memberRemoveFrom } from '../../protocol/membership.ts';
import type { Mark } from '../../store/machine.ts';
import type { LeaseId } from '../../types.ts';
import type { MemberReport } from '../alerts/member-reports.ts';
import type { LeaseCalls, TimeToLiveAnswer } from './lease-calls.ts';
import { type MemberMethod, maxIdsPerCall } from './member-calls.ts';
import type { MembershipCalls } from './membership.ts';

export interface HashAnswer {
  /** Absent if the place of the log is not remembered here, or not reached yet. */
  readonly mark?: Mark;
  readonly applied: number;
}

/** What another member may ask of this one. */
export interface MemberAnswers {
  readonly leases: Pick<LeaseCalls, 'keepAliveHere' | 'timeToLiveHere'>;
  /** Also while this member is out of service: the others want to know why. */
  hashAt(index: number): HashAnswer;
  transferLeadership(to: string | undefined, signal: AbortSignal): Promise<void>;
  /** How this member is, for the leader, whose news come with the question. */
  report(news: unknown): MemberReport;
  readonly membership: Pick<MembershipCalls, 'addHere' | 'promoteHere' | 'removeHere'>;
  /** @throws {KvError} if the caller is no member. */
  demandMember(context: ChannelContext): void;
}

/** Answers the other members: JSON there and back, a method and its parameters. */
export function memberHandler(answers: MemberAnswers): ChannelHandler {
  return {
    async call(request, context) {
      try {
        answers.demandMember(context);
        const { method, params } = readRequest(request);
        const answer = await answerTo(answers, method, params, context.signal);
        return Buffer.from(JSON.stringify(answer));
      } catch (error) {
        const { code, message, details } = errorOf(error);
        throw new ChannelError(code, message, { details });
      }
    },
  };
}

async function answerTo(
  answers: MemberAnswers,
  method: MemberMethod,
  params: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<unknown> {
  switch (method) {
    case 'keepAlive':
      return { ttls: await answers.leases.keepAliveHere(idsOf(params['ids'])) };
    case 'timeToLive':
      return answers.leases.timeToLiveHere(countOf('id', params['id']), {
        keys: params['keys'] === true,
      }) satisfies Promise<TimeToLiveAnswer>;
    case 'hashAt':
      return answers.hashAt(countOf('index', params['index']));
    case 'transferLeadership': {
      const { to } = params;
      if (to !== undefined && typeof to !== 'string') throw invalid('to', 'a name', to);
      await answers.transferLeadership(to, signal);
      return {};
    }
    case 'report':
      return answers.report(params);
    case 'memberAdd':
      return answers.membership.addHere(memberAddFrom(fieldsOf(params)), { signal });
    case 'memberPromote':
      return answers.membership.promoteHere(memberPromoteFrom(fieldsOf(params)), { signal });
    case 'memberRemove':
      return answers.membership.removeHere(memberRemoveFrom(fieldsOf(params)), { signal });
    default:
      throw invalid('method', 'one that members have', method satisfies never);
  }
}

function fieldsOf(params: object): JsonFields {
  return new JsonFields(params, 'A call between members');
}

function readRequest(request: Uint8Array): {
  readonly method: MemberMethod;
  readonly params: Readonly<Record<string, unknown>>;
} {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(request).toString());
  } catch (cause) {
    const message = 'A call between members must be JSON. Run the same version on all of them.';
    throw new KvError('KV_INVALID', message, { cause });
  }
  if (!isRecord(json)) throw invalid('the call', '{ method, params }', json);
  const { method, params } = json;
  if (!isRecord(params)) throw invalid('params', 'an object', params);
  // What is no method is refused where they are told apart.
  return { method: method as MemberMethod, params };
}

function idsOf(ids: unknown): readonly LeaseId[] {
  if (!Array.isArray(ids) || ids.length > maxIdsPerCall) {
    throw invalid('ids', `a list of at most ${maxIdsPerCall} leases`, typeof ids);
  }
  return ids.map((id) => countOf('a lease', id));
}

function countOf(what: string, value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw invalid(what, 'a whole number', value);
}

function invalid(what: string, wanted: string, came: unknown): KvError {
  const message = `In a call between members, ${what} must be ${wanted}; it is ${String(came)}.`;
  return new KvError('KV_INVALID', message);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
