import {
  type ClientOperation,
  checkLinearizable,
  drawHistory,
  type RegisterInput,
  registerModel,
  type SequentialModel,
} from '../../src/testing.ts';
import { countPrefix, registerPrefix } from './clients.ts';
import type { Finding } from './findings.ts';
import type { Done } from './history.ts';
import { type ListInput, type ListOutput, listModel, piecesOf, settled } from './list-model.ts';

/** Of the model, for one key; a history of a few hundred operations takes some thousands. */
const maxSteps = 5_000_000;

/** What is said about the history of one key. */
export interface KeyVerdict {
  readonly findings: readonly Finding[];
  /** A picture of the history, if it is not linearizable. */
  readonly picture?: () => string;
}

/** Checks all that was done under one key. */
export function judgeKey(key: string, all: readonly Done[]): KeyVerdict {
  const findings = judgeEffects(key, all);
  if (findings.length > 0 || key.startsWith(countPrefix)) return { findings };
  return key.startsWith(registerPrefix) ? judgeRegister(key, all) : judgeList(key, all);
}

/** The same without the order in which things happened: takes no time. */
export function judgeEffects(key: string, all: readonly Done[]): readonly Finding[] {
  if (key.startsWith(countPrefix)) return judgeCount(key, all);
  return key.startsWith(registerPrefix) ? [] : judgePieces(key, all);
}

function judgeRegister(key: string, all: readonly Done[]): KeyVerdict {
  const history = all.flatMap((done) => clientOperation(done, registerInput(done), valueOf(done)));
  return judge(key, history, registerModel<string>());
}

function judgeList(key: string, all: readonly Done[]): KeyVerdict {
  const history = all.flatMap((done) => {
    const output = done.operation.type === 'get' ? String(valueOf(done) ?? '') : undefined;
    return clientOperation<ListInput, ListOutput>(done, listInput(done), output);
  });
  return judge(key, settled(history), listModel(history));
}

function judge<State, Input, Output>(
  key: string,
  history: readonly ClientOperation<Input, Output>[],
  model: SequentialModel<State, Input, Output>,
): KeyVerdict {
  const verdict = checkLinearizable(history, model, { maxSteps });
  const text = `${key}: ${verdict.text}`;
  switch (verdict.type) {
    case 'linearizable':
      return { findings: [] };
    case 'unknown':
      return { findings: [{ code: 'undecided', text }] };
    case 'not-linearizable': {
      const picture = (): string => drawHistory(history, model, verdict, { title: key });
      return { findings: [{ code: 'not-linearizable', text }], picture };
    }
  }
}

function registerInput({ operation }: Done): RegisterInput<string> {
  switch (operation.type) {
    case 'get':
      return { type: 'read' };
    case 'put':
      return { type: 'write', value: operation.value };
    case 'cas':
      return { type: 'compareAndSet', expected: operation.from, value: operation.value };
    default:
      throw new TypeError(`A register takes no ${operation.type}.`);
  }
}

function listInput({ operation }: Done): ListInput {
  switch (operation.type) {
    case 'get':
      return { type: 'get' };
    case 'append':
      return { type: 'append', piece: operation.value };
    default:
      throw new TypeError(`A list takes no ${operation.type}.`);
  }
}

/** Nothing of what failed, or of a read that nobody answered. */
function clientOperation<Input, Output>(
  { client, calledAt, returnedAt, answer, operation }: Done,
  input: Input,
  output: Output,
): ClientOperation<Input, Output>[] {
  if (answer.outcome === 'ok') return [{ client, input, calledAt, returnedAt, output }];
  if (answer.outcome === 'failed' || operation.type === 'get') return [];
  return [{ client, input, calledAt }];
}

function valueOf({ answer }: Done): string | boolean | undefined {
  const value = answer.outcome === 'ok' ? answer.value : undefined;
  return typeof value === 'number' ? String(value) : value;
}

/**
 * The counts that one client was answered, one after the other: each of its acknowledged additions
 * counts once, and each of unknown outcome once or never. `get`s come after all of them.
 */
export function judgeCount(key: string, all: readonly Done[]): readonly Finding[] {
  const findings: Finding[] = [];
  let acknowledged = 0;
  let unknown = 0;
  let highest = 0;
  for (const { operation, answer } of all) {
    if (answer.outcome === 'unknown' && operation.type === 'add') unknown += 1;
    if (answer.outcome !== 'ok') continue;
    const isAddition = operation.type === 'add';
    if (isAddition) acknowledged += 1;
    const count = Number(answer.value ?? 0);
    const least = isAddition ? highest + 1 : Math.max(highest, acknowledged);
    const most = acknowledged + unknown;
    if (count < Math.max(least, acknowledged) || count > most) {
      const range = `${Math.max(least, acknowledged)} to ${most}`;
      const text =
        `${key}: ${operation.type} was answered ${count} after ${acknowledged} acknowledged ` +
        `additions and ${unknown} of unknown outcome; ${range} is possible.`;
      findings.push({ code: 'not-exactly-once', text });
    }
    highest = Math.max(highest, count);
  }
  return findings;
}

/** What the last read of a list shows: every acknowledged text once, and no refused one. */
export function judgePieces(key: string, all: readonly Done[]): readonly Finding[] {
  const last = all.findLast(
    ({ operation, answer }) => operation.type === 'get' && answer.outcome === 'ok',
  );
  if (last === undefined) return [];
  const counts = new Map<string, number>();
  for (const piece of piecesOf(String(valueOf(last) ?? ''))) {
    counts.set(piece, (counts.get(piece) ?? 0) + 1);
  }
  const findings: Finding[] = [];
  for (const { operation, answer, returnedAt } of all) {
    if (operation.type !== 'append') continue;
    const { value } = operation;
    const count = counts.get(value) ?? 0;
    if (answer.outcome === 'ok' && returnedAt < last.calledAt && count === 0) {
      findings.push({ code: 'lost-write', text: `${key}: ${value} was acknowledged and is gone.` });
    }
    if (answer.outcome === 'failed' && count > 0) {
      const text = `${key}: ${value} is there, though it was refused: ${answer.reason}`;
      findings.push({ code: 'refused-write-took-effect', text });
    }
    if (count > 1) {
      findings.push({ code: 'repeated-write', text: `${key}: ${value} is there ${count} times.` });
    }
  }
  return findings;
}
