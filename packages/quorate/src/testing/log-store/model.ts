import type { LogStore } from '../../contract/log-store.ts';
import type { Entry, Identity, LogId, LogIndex, Vote } from '../../core/types.ts';
import { at, command, identity, plainEntry } from './entries.ts';

/** All that a log store holds. */
export interface LogContent {
  readonly identity: Identity | undefined;
  readonly vote: Vote | undefined;
  readonly purged: LogId;
  readonly entries: readonly Entry[];
}

export type LogWrite =
  | { readonly type: 'saveIdentity'; readonly identity: Identity }
  | { readonly type: 'saveVote'; readonly vote: Vote }
  | { readonly type: 'append'; readonly entries: readonly Entry[] }
  | { readonly type: 'truncate'; readonly index: LogIndex }
  | { readonly type: 'purge'; readonly logId: LogId };

export const emptyContent: LogContent = {
  identity: undefined,
  vote: undefined,
  purged: at(0, 0),
  entries: [],
};

export function perform(store: LogStore, write: LogWrite): Promise<void> {
  switch (write.type) {
    case 'saveIdentity':
      return store.saveIdentity(write.identity);
    case 'saveVote':
      return store.saveVote(write.vote);
    case 'append':
      return store.append(write.entries);
    case 'truncate':
      return store.truncate(write.index);
    case 'purge':
      return store.purge(write.logId);
  }
}

/** What the store holds once the write is done: the contract, as short as it can be said. */
export function after(content: LogContent, write: LogWrite): LogContent {
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
    case 'purge':
      return afterPurge(content, write.logId);
  }
}

function afterPurge(content: LogContent, purged: LogId): LogContent {
  if (purged.index <= content.purged.index) return content;
  const agrees = content.entries.some(
    ({ logId }) => logId.index === purged.index && logId.term === purged.term,
  );
  const rest = content.entries.filter(({ logId }) => logId.index > purged.index);
  return { ...content, purged, entries: agrees ? rest : [] };
}

/** What a crash in the middle of the write may leave: the old, the new, or a part of an append. */
export function contentsDuring(content: LogContent, write: LogWrite): readonly LogContent[] {
  if (write.type !== 'append') return [content, after(content, write)];
  return [0, ...write.entries.map((_, position) => position + 1)].map((count) => ({
    ...content,
    entries: [...content.entries, ...write.entries.slice(0, count)],
  }));
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
export function drawWrite(content: LogContent, draw: Draw): LogWrite {
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

/** Mostly an entry that is there; now and then one beyond the last, as after a snapshot. */
function drawPurge(content: LogContent, draw: Draw): LogId {
  const last = lastOf(content);
  if (draw(5) === 0) return at(last.term + draw(2), last.index + draw(4));
  return content.entries[draw(content.entries.length + 1)]?.logId ?? content.purged;
}
