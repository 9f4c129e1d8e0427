import type { ClientOperation } from '../../src/testing/linearizability/history.ts';
import type {
  KeyValueInput,
  KeyValueOperation,
} from '../../src/testing/linearizability/key-value-model.ts';
import { keyValueModel } from '../../src/testing/linearizability/key-value-model.ts';
import type { SequentialModel } from '../../src/testing/linearizability/model.ts';
import type {
  RegisterInput,
  RegisterOperation,
} from '../../src/testing/linearizability/register-model.ts';
import { registerModel } from '../../src/testing/linearizability/register-model.ts';
import { SeededRandom } from '../../src/testing/sim-fs/random.ts';

// Good histories by construction: one copy is asked one thing after another, each at some moment
// between the call and the return.

export interface HistoryShape {
  readonly clients: number;
  readonly operations: number;
  /** One in so many clients never hears what became of its call. Default: none. */
  readonly unknownOneIn?: number;
}

/** Every value is written once. */
export function goodRegisterHistory(
  seed: string,
  shape: HistoryShape,
): readonly RegisterOperation<number>[] {
  const random = new SeededRandom(seed);
  let lastValue = 0;
  const draw = (state: number | undefined): RegisterInput<number> => {
    const chance = random.below(10);
    if (chance < 5) return { type: 'read' };
    lastValue += 1;
    if (chance < 8) return { type: 'write', value: lastValue };
    const guess = random.below(lastValue + 1);
    const expected = random.below(3) === 0 ? guess : (state ?? 0);
    return { type: 'compareAndSet', expected, value: lastValue };
  };
  return goodHistory(registerModel<number>({ initial: 0 }), { random, draw, shape });
}

/** Every text is put or appended once, and none is part of another. */
export function goodKeyValueHistory(
  seed: string,
  shape: HistoryShape & { readonly keys: number; readonly puts?: 'none' },
): readonly KeyValueOperation[] {
  const random = new SeededRandom(seed);
  let texts = 0;
  const draw = (): KeyValueInput => {
    const key = `k${random.below(shape.keys)}`;
    const chance = random.below(20);
    if (chance < 9) return { type: 'get', key };
    texts += 1;
    const type = chance === 19 && shape.puts === undefined ? 'put' : 'append';
    return { type, key, value: `<${texts}>` };
  };
  const stores = wholeStore();
  return goodHistory(stores, { random, draw, shape });
}

/** All keys at once, since one clock runs over all of them. */
function wholeStore(): SequentialModel<ReadonlyMap<string, string>, KeyValueInput, KeyValueOutput> {
  const one = keyValueModel();
  return {
    init: () => new Map(),
    step: (state, input) => {
      const step = one.step(state.get(input.key) ?? '', input);
      return { state: new Map(state).set(input.key, step.state), output: step.output };
    },
  };
}

type KeyValueOutput = KeyValueOperation['output'];

interface Making<State, Input> {
  readonly random: SeededRandom;
  readonly draw: (state: State) => Input;
  readonly shape: HistoryShape;
}

interface Running<Input, Output> {
  readonly client: number;
  readonly input: Input;
  readonly calledAt: number;
  readonly done?: { readonly output: Output };
}

function goodHistory<State, Input, Output>(
  model: SequentialModel<State, Input, Output>,
  { random, draw, shape }: Making<State, Input>,
): readonly ClientOperation<Input, Output>[] {
  const history: ClientOperation<Input, Output>[] = [];
  let running: Running<Input, Output>[] = [];
  let state = model.init('');
  let clock = 0;
  let started = 0;
  while (started < shape.operations || running.length > 0) {
    const client = random.below(shape.clients);
    const mine = running.find((one) => one.client === client);
    clock += 1;
    if (mine === undefined) {
      if (started >= shape.operations) continue;
      started += 1;
      running.push({ client, input: draw(state), calledAt: clock });
      continue;
    }
    running = running.filter((one) => one !== mine);
    const { input, calledAt } = mine;
    const call = { client, input, calledAt };
    const isLost = shape.unknownOneIn !== undefined && random.below(shape.unknownOneIn) === 0;
    if (mine.done !== undefined) {
      history.push({ ...call, returnedAt: clock, output: mine.done.output });
    } else if (isLost && random.below(2) === 0) {
      history.push(call);
    } else {
      const step = model.step(state, input);
      state = step.state;
      if (isLost) history.push(call);
      else running.push({ ...call, done: { output: step.output } });
    }
  }
  return history.sort((left, right) => left.calledAt - right.calledAt);
}
