import assert from 'node:assert/strict';
import type { LogStore, LogWrite } from '../../contract/log-store.ts';
import type { Entry, Identity, LogId, LogIndex, Vote } from '../../core/types.ts';
import { at, command, identity, plainEntry } from './entries.ts';

/** All that a log store holds. */
export interface LogContent {
  readonly identity: Identity | undefined;
  readonly vote: Vote | undefined;
  readonly purged: LogId;
  readonly entries: readonly Entry[];
}

/** One call that writes. */
export type StoreWrite =
  | { readonly type: 'saveIdentity'; readonly identity: Identity }
  | { readonly type: 'saveVote'; readonly vote: Vote }
  | { readonly type: 'append'; readonly entries: readonly Entry[] }
  | { readonly type: 'truncate'; readonly index: LogIndex }
  | { readonly type: 'write'; readonly write: LogWrite }
  | { readonly type: 'purge'; readonly logId: LogId };

export const emptyContent: LogContent = {
  identity: undefined,
  vote: undefined,
  purged: at(0, 0),
  entries: [],
};

/** What a store refuses at once is a promise that rejects here, as it mostly is there. */
export async function perform(store: LogStore, write: StoreWrite): Promise<void> {
  switch (write.type) {
    case 'saveIdentity':
      return store.saveIdentity(write.identity);
    case 'saveVote':
      return store.saveVote(write.vote);
    case 'append':
      return store.append(write.entries);
    case 'truncate':
      return store.truncate(write.index);
    case 'write':
      return store.write?.(write.write) ?? assert.fail('The store has no `write`.');
    case 'purge':
      return store.purge(write.logId);
  }
}

/** What the store holds once the write is done: the contract, as short as it can be said. */
export function after(content: LogContent, write: StoreWrite): LogContent {
  const { entries } = content;
  switch (write.type) {
    case 'saveIdentity':
      return { ...content, identity: write.identity };
    case 'saveVote':
      return { ...content, vote: write.vote };
    case 'append':
      return { ...content, entries: [...entries, ...write.entries] };
    case 'truncate':
      return { ...content, entries: entries.filter(({ logId }) => logId.index <= write.index) };
    case 'write':
      return singlesOf(write.write).reduce(after, content);
    case 'purge':
      return afterPurge(content, write.logId);
  }
}

/** The single calls that a write of several parts stands for, in their order. */
export function singlesOf(write: LogWrite): readonly StoreWrite[] {
  const { vote, truncate, append } = write;
  const singles: StoreWrite[] = [];
  if (write.identity !== undefined) {
    singles.push({ type: 'saveIdentity', identity: write.identity });
  }
  if (vote !== undefined) singles.push({ type: 'saveVote', vote });
  if (truncate !== undefined) singles.push({ type: 'truncate', index: truncate });
  if (append !== undefined) singles.push({ type: 'append', entries: append });
  return singles;
}

function afterPurge(content: LogContent, purged: LogId): LogContent {
  if (purged.index <= content.purged.index) return content;
  const agrees = content.entries.some(
    ({ logId }) => logId.index === purged.index && logId.term === purged.term,
  );
  const rest = content.entries.filter(({ logId }) => logId.index > purged.index);
  return { ...content, purged, entries: agrees ? rest : [] };
}

/**
 * What a crash in the middle of the write may leave: the old, the new, a part of an append, or the
 * first of several parts.
 */
export function contentsDuring(content: LogContent, write: StoreWrite): readonly LogContent[] {
  if (write.type === 'write') return contentsDuringAll(content, singlesOf(write.write));
  if (write.type !== 'append') return [content, after(content, write)];
  return [0, ...write.entries.map((_, position) => position + 1)].map((count) => ({
    ...content,
    entries: [...content.entries, ...write.entries.slice(0, count)],
  }));
}

function contentsDuringAll(
  content: LogContent,
  singles: readonly StoreWrite[],
): readonly LogContent[] {
  const contents = [content];
  let before = content;
  for (const single of singles) {
    contents.push(...contentsDuring(before, single));
    before = after(before, single);
  }
  return contents;
}

/** Reads everything there is. */
export async function contentOf(store: LogStore): Promise<LogContent> {
  const { purged, last } = await store.state();
  const entries = await store.read(purged.index + 1, last.index + 1);
  return {
    identity: await store.readIdentity(),
    vote: await store.readVote(),
    purged,
    entries: entries.map(plainEntry),
  };
}

export function lastOf({ purged, entries }: LogContent): LogId {
  return entries.at(-1)?.logId ?? purged;
}

type Draw = (below: number) => number;

/** Whole numbers from 0 up to `below` (exclusive), the same ones for the same seed. */
export function drawFrom(seed: number): Draw {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

/** A write that the library could ask for when the store holds `content`. */
export function drawWrite(content: LogContent, draw: Draw): StoreWrite {
  const last = lastOf(content);
  const term = Math.max(last.term, content.vote?.term ?? 1);
  const kind = draw(16);
  if (kind === 0) return { type: 'saveIdentity', identity: { ...identity, starts: draw(100) } };
  if (kind <= 2) {
    return { type: 'saveVote', vote: { term: term + draw(2), votedFor: 'abc'[draw(4)] } };
  }
  if (kind <= 4) {
    const index = content.purged.index + draw(last.index - content.purged.index + 1);
    return { type: 'truncate', index };
  }
  if (kind <= 6) return { type: 'purge', logId: drawPurge(content, draw) };
  const count = draw(6);
  const entries = Array.from({ length: count }, (_, position) =>
    command(last.index + 1 + position, term, new Uint8Array(draw(3000)).fill(draw(256))),
  );
  return { type: 'append', entries };
}

/** A write of several parts that the library could ask for when the store holds `content`. */
export function drawGroup(content: LogContent, draw: Draw): StoreWrite {
  const write: { -readonly [Name in keyof LogWrite]: LogWrite[Name] } = {};
  const { purged } = content;
  const last = lastOf(content);
  let { index } = last;
  const term = Math.max(last.term, content.vote?.term ?? 1) + draw(2);
  if (draw(8) === 0) write.identity = { ...identity, starts: draw(100) };
  if (draw(2) === 0) write.vote = { term, votedFor: 'abc'[draw(4)] };
  if (draw(2) === 0) {
    write.truncate = purged.index + draw(index - purged.index + 3);
    index = Math.min(index, write.truncate);
  }
  if (draw(4) > 0) {
    write.append = Array.from({ length: draw(5) }, (_, position) =>
      command(index + 1 + position, term, new Uint8Array(draw(3000)).fill(draw(256))),
    );
  }
  return { type: 'write', write };
}

/** Mostly an entry that is there; now and then one beyond the last, as after a snapshot. */
function drawPurge(content: LogContent, draw: Draw): LogId {
  const last = lastOf(content);
  if (draw(5) === 0) return at(last.term + draw(2), last.index + draw(4));
  return content.entries[draw(content.entries.length + 1)]?.logId ?? content.purged;
}
