import type { Identity } from '../../core/types.ts';
import type { Speaker } from './handshake-messages.ts';

/** Whether both say the same; nearly always they are the same object. */
export function isSameFrom(one: Identity | undefined, two: Identity | undefined): boolean {
  if (one === two) return true;
  if (one === undefined || two === undefined) return false;
  return (
    one.node === two.node &&
    one.incarnation === two.incarnation &&
    one.starts === two.starts &&
    one.cluster === two.cluster &&
    one.run === two.run &&
    isSameList(one.formerly, two.formerly)
  );
}

export function isSameTo(one: Speaker['to'], two: Speaker['to']): boolean {
  if (one === two) return true;
  if (one === undefined || two === undefined) return false;
  return one.node === two.node && one.incarnation === two.incarnation;
}

function isSameList(
  one: readonly string[] | undefined,
  two: readonly string[] | undefined,
): boolean {
  if (one === two) return true;
  if (one === undefined || two === undefined || one.length !== two.length) return false;
  return one.every((item, index) => item === two[index]);
}
