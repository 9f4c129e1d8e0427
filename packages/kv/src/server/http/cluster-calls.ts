import { type Answer, type Call, jsonAnswer } from './call.ts';

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

export async function leaderTransfer({ service, json, signal }: Call): Promise<Answer> {
  const { to } = (json ?? {}) as { readonly to?: string };
  await service.transferLeadership(to, { signal });
  return jsonAnswer({ leader: service.status().leader });
}
