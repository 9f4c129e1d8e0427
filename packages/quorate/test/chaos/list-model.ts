import type { ClientOperation, SequentialModel } from '../../src/testing.ts';

export type ListInput =
  | { readonly type: 'append'; readonly piece: string }
  | { readonly type: 'get' };

/** What was got; nothing for an `append`. */
export type ListOutput = string | undefined;
export type ListOperation = ClientOperation<ListInput, ListOutput>;

/** Something was appended after all that was ever got. */
const beyond = -1;

/**
 * A list to which pieces are appended, each once, and of which `history` is all that is known. It
 * is judged as a list of texts would be, and much faster: since what is appended stays, everything
 * that was got must be a beginning of the longest thing that was got. So it is enough to know how
 * much of that is there, and no other order of the appends is worth a try.
 */
export function listModel(
  history: readonly ListOperation[],
): SequentialModel<number, ListInput, ListOutput> {
  const pieces = longestGot(history);
  const texts = pieces.map((_, at) => pieces.slice(0, at + 1).join(''));
  const seen = new Set(pieces);
  const textAt = (state: number): string => {
    return state === beyond ? 'more than anybody got' : (texts[state - 1] ?? '');
  };
  return {
    init: () => 0,
    step: (state, input) => {
      if (input.type === 'get') return { state, output: textAt(state) };
      if (state !== beyond && pieces[state] === input.piece) {
        return { state: state + 1, output: undefined };
      }
      const isLast = state === beyond || state === pieces.length;
      if (isLast && !seen.has(input.piece)) return { state: beyond, output: undefined };
      return { state, output: 'another place than was got' };
    },
    describeInput: (input) => (input.type === 'get' ? 'get' : `append ${input.piece}`),
    describeOutput: (output) => (output === undefined ? 'done' : endOf(output)),
    describeState: (state) => endOf(textAt(state)),
  };
}

/**
 * Settles the appends of unknown outcome. Those that nobody saw may as well never have come, and
 * are left out. The others took effect before the first `get` that shows them had its answer.
 */
export function settled(history: readonly ListOperation[]): readonly ListOperation[] {
  const seenAt = new Map<string, number>();
  const gets = history.filter((operation) => operation.input.type === 'get');
  gets.sort((one, other) => (one.returnedAt ?? Infinity) - (other.returnedAt ?? Infinity));
  for (const { output, returnedAt } of gets) {
    if (returnedAt === undefined) continue;
    for (const piece of piecesOf(output ?? '')) {
      if (!seenAt.has(piece)) seenAt.set(piece, returnedAt);
    }
  }
  return history.flatMap((operation): readonly ListOperation[] => {
    const { input, calledAt, client, returnedAt } = operation;
    if (returnedAt !== undefined) return [operation];
    const at = input.type === 'append' ? seenAt.get(input.piece) : undefined;
    if (at === undefined) return [];
    // Seen before it was called: that stands for itself.
    if (at <= calledAt) return [operation];
    // Its client went on meanwhile, so that in this picture another one waited for it.
    const waiter = `${client} at ${calledAt}`;
    return [{ client: waiter, input, calledAt, returnedAt: at, output: undefined }];
  });
}

function longestGot(history: readonly ListOperation[]): readonly string[] {
  const got = history.flatMap(({ output }) => output ?? []);
  return piecesOf(got.reduce((one, other) => (other.length > one.length ? other : one), ''));
}

/** Each piece ends with a semicolon. */
export function piecesOf(text: string): readonly string[] {
  return text.match(/[^;]+;/g) ?? [];
}

/** Of a long list, only the end tells states apart. */
function endOf(text: string): string {
  return JSON.stringify(text.length > 50 ? `...${text.slice(-50)}` : text);
}
