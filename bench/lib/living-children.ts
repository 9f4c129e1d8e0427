import type { ChildProcess } from 'node:child_process';

/** The processes that this one has started and that live. */
const living = new Set<ChildProcess>();

export function trackChild(child: ChildProcess): void {
  living.add(child);
  child.once('exit', () => living.delete(child));
  child.once('error', () => living.delete(child));
}

/** Ends all of them in the middle of whatever they do. For a process that is about to end. */
export function killAllChildren(): void {
  for (const child of living) child.kill('SIGKILL');
}
