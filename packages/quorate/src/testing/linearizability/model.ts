import { inspect, isDeepStrictEqual } from 'node:util';

import type { ClientOperation } from './history.ts';

/** What one operation does to a state when nothing else happens at the same time. */
export interface Step<State, Output> {
  readonly state: State;
  readonly output: Output;
}

/** A state, told once, that operations wait for. */
export interface Need<State, Input, Output> {
  readonly state: State;
  /** Operations of known outcome that fit in no other state. */
  readonly by: readonly ClientOperation<Input, Output>[];
  /** All operations that can lead to it from any other state. */
  readonly from: readonly ClientOperation<Input, Output>[];
}

/**
 * What the clients talk to, as one copy that does one thing after another: the same state and
 * input always give the same next state and output, as in a replicated state machine.
 */
export interface SequentialModel<State, Input, Output> {
  /** The state before the first operation. */
  init(partition: string): State;
  /** Must not change `state`. */
  step(state: State, input: Input): Step<State, Output>;
  /**
   * Equal for two states exactly if no operation could tell them apart. Needed unless every state
   * is a string, number, bigint, boolean or undefined.
   */
  stateKey?(state: State): string;
  /** Whether a client may have seen `seen` where the model answers `output`. Default: equality. */
  accepts?(output: Output, seen: Output): boolean;
  /**
   * The name of the part of the state that the operation reads and changes. Parts are checked one
   * by one, which is much faster. Default: all is one part.
   */
  partition?(input: Input): string;
  /**
   * Those of `unknown` that an operation of `known` may show to have happened, each with its input;
   * the others need not be tried. Where two inputs make no difference to anything that was seen,
   * both may be given one of them, and are tried one after the other only. Neither may ever turn a
   * good history bad or a bad one good. Default: all of them, as they are.
   */
  visible?(
    unknown: readonly ClientOperation<Input, Output>[],
    known: readonly ClientOperation<Input, Output>[],
  ): ReadonlyMap<ClientOperation<Input, Output>, Input>;
  /**
   * The states without which some operations of known outcome could not have seen what they saw.
   * With them the search sees at once when such a state is gone for good. Default: none.
   */
  needs?(
    operations: readonly ClientOperation<Input, Output>[],
  ): readonly Need<State, Input, Output>[];
  /** For people, as short as can be: `write 3`. */
  describeInput?(input: Input): string;
  describeOutput?(output: Output, input: Input): string;
  describeState?(state: State): string;
}

/** A model whose optional parts are filled in, for one partition. */
export interface FullModel<State, Input, Output> {
  readonly initial: State;
  /** Goes into a Map. */
  readonly stateKey: (state: State) => unknown;
  readonly step: (state: State, input: Input) => Step<State, Output>;
  readonly accepts: (output: Output, seen: Output) => boolean;
  readonly input: (input: Input) => string;
  readonly output: (output: Output, input: Input) => string;
  readonly state: (state: State) => string;
}

export function fillIn<State, Input, Output>(
  model: SequentialModel<State, Input, Output>,
  partition: string,
): FullModel<State, Input, Output> {
  return {
    initial: model.init(partition),
    stateKey: (state) => model.stateKey?.(state) ?? keyOfPrimitive(state),
    step: (state, input) => checkStep(model.step(state, input)),
    accepts: (output, seen) => model.accepts?.(output, seen) ?? isSame(output, seen),
    input: (input) => shorten(model.describeInput?.(input) ?? inLine(input)),
    output: (output, input) => shorten(model.describeOutput?.(output, input) ?? inLine(output)),
    state: (state) => shorten(model.describeState?.(state) ?? inLine(state)),
  };
}

function isSame(left: unknown, right: unknown): boolean {
  return Object.is(left, right) || isDeepStrictEqual(left, right);
}

function keyOfPrimitive(state: unknown): unknown {
  // A Map holds the two zeros for the same, which `accepts` does not.
  if (Object.is(state, -0)) return '\0-0';
  if (typeof state !== 'object' && typeof state !== 'function') return state;
  throw new TypeError(
    `The model's states are of type ${typeof state}; give the model a \`stateKey\` that tells ` +
      'them apart.',
  );
}

function checkStep<State, Output>(step: Step<State, Output>): Step<State, Output> {
  if (typeof step === 'object' && step !== null && 'state' in step && 'output' in step) return step;
  throw new TypeError(
    `\`step\` of the model must return { state, output }; it returned ${inLine(step)}.`,
  );
}

const maxShownCharacters = 60;

/** A long value keeps its start and its end, where appended values differ. */
function shorten(text: string): string {
  if (text.length <= maxShownCharacters) return text;
  const half = maxShownCharacters / 2;
  return `${text.slice(0, half)}…${text.slice(-half)}`;
}

function inLine(value: unknown): string {
  return inspect(value, { breakLength: Number.POSITIVE_INFINITY, compact: true, depth: 4 });
}
