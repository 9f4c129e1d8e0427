import { KvError } from '../../errors.ts';
import type { Compare, Revision } from '../../types.ts';
import type { Parameters } from './router.ts';

/** What `If-Match` and `If-None-Match` demand of a key, as comparisons of a transaction. */
export function comparesOf(key: Uint8Array, parameters: Parameters): readonly Compare[] {
  const { 'If-Match': match, 'If-None-Match': noneMatch } = parameters;
  const compares: Compare[] = [];
  if (typeof match === 'string') {
    compares.push(
      match === '*'
        ? { key, target: 'version', result: 'greater', number: 0 }
        : { key, target: 'mod', result: 'equal', number: revisionOf(match) },
    );
  }
  if (typeof noneMatch === 'string') {
    compares.push(
      noneMatch === '*'
        ? { key, target: 'version', result: 'equal', number: 0 }
        : { key, target: 'mod', result: 'notEqual', number: revisionOf(noneMatch) },
    );
  }
  return compares;
}

/** Whether a key that was last changed at `modRevision` is the one that the caller has. */
export function isUnchanged(modRevision: Revision, { 'If-None-Match': tag }: Parameters): boolean {
  return tag === '*' || (typeof tag === 'string' && revisionOf(tag) === modRevision);
}

export function entityTag(modRevision: Revision): string {
  return `"${modRevision}"`;
}

/** The tag has the form that its schema demands. */
function revisionOf(tag: string): Revision {
  const revision = Number(/\d+/.exec(tag)?.[0]);
  if (Number.isSafeInteger(revision)) return revision;
  throw new KvError('KV_INVALID', `${tag} is larger than a revision can be.`);
}

/** The key is not as the headers want it; `modRevision` is 0 if it is not there. */
export function conditionFailed(modRevision: Revision): KvError {
  const found = modRevision === 0 ? 'is not there' : `was last changed at revision ${modRevision}`;
  return new KvError('KV_CONDITION', `The headers want the key otherwise: it ${found}.`, {
    details: { modRevision },
  });
}
