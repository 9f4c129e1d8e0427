import type { MemberAddRequest } from '../../types.ts';
import { type Answer, type Call, isSet, jsonAnswer } from './call.ts';

/* What `undefined` is absent from JSON by itself. */

export function status({ service }: Call): Answer {
  return jsonAnswer(service.status());
}

export function members({ service }: Call): Answer {
  return jsonAnswer({ members: service.status().members });
}

export function hash({ service }: Call): Answer {
  const { revision, hash: found } = service.hash();
  return jsonAnswer({ revision, hash: found });
}

export async function memberAdd({ service, json, signal }: Call): Promise<Answer> {
  return jsonAnswer(await service.memberAdd(json as MemberAddRequest, { signal }));
}

export async function memberPromote({ service, parameters, json, signal }: Call): Promise<Answer> {
  const request = {
    ...(json as { readonly insteadOf?: string } | undefined),
    id: nameOf(parameters),
  };
  return jsonAnswer(await service.memberPromote(request, { signal }));
}

export async function memberRemove(call: Call): Promise<Answer> {
  const { service, parameters, signal } = call;
  const request = { id: nameOf(parameters), force: isSet(call, 'force') };
  return jsonAnswer(await service.memberRemove(request, { signal }));
}

/** What its schema says is a string. */
function nameOf(parameters: Call['parameters']): string {
  return String(parameters['id']);
}

export async function leaderTransfer({ service, json, signal }: Call): Promise<Answer> {
  const { to } = (json ?? {}) as { readonly to?: string };
  await service.transferLeadership(to, { signal });
  return jsonAnswer({ leader: service.status().leader });
}
