import { crashChoices } from './crash-choices.ts';
import type { SimOperation } from './faults.ts';
import { OperationGate } from './operation-gate.ts';
import { SeededRandom } from './random.ts';
import { SimFs } from './sim-fs.ts';
import type { CrashChoice, Unsettled } from './unsettled.ts';

export interface CrashEnumeration<Store extends AsyncDisposable> {
  /** Opens the store that is on these files, or a new one. */
  readonly open: (files: SimFs) => Promise<Store>;
  /** Uses the store, and notes in its closure what the store has acknowledged. */
  readonly work: (store: Store) => Promise<void>;
  /**
   * Throws if the store, opened on what a power cut left, breaks a promise. While it runs the
   * workload stands still, so that what it noted is what was acknowledged at that moment.
   */
  readonly check: (store: Store, state: CrashState) => Promise<void>;
  /** What is drawn is drawn from this. Default `'1'`. */
  readonly seed?: string;
  /** The most states between two operations; of more, a sample is taken. Default 500. */
  readonly maxStatesPerStep?: number;
  /** The power is cut again during the recovery of each so many states. Default 50. */
  readonly recoveryEvery?: number;
  /** How much room the files have. Default: there is no end. */
  readonly capacityBytes?: number;
}

/** What a power cut left, once the store has been opened on it. */
export interface CrashState {
  /** The files; the store in hand is open on them. */
  readonly files: SimFs;
  /** How many states came before it. */
  readonly number: number;
}

export interface EnumeratedCrashes {
  /** How many different states were checked. */
  readonly states: number;
  /** At how many moments of the workload the power was cut. */
  readonly steps: number;
  /** How many of the states come from a second power cut, during the recovery from a first. */
  readonly recoveryStates: number;
}

/** In how many ways each operation of a recovery is cut short. */
const maxStatesPerRecoveryStep = 8;

/**
 * Runs a workload on a store and cuts the power before, during and after every operation on its
 * files, in every way that the rules of `SimFs` allow, as far as `maxStatesPerStep` reaches. On
 * each state that is left the store is opened anew and checked. States equal to one that was
 * checked at the same moment are left out. The same seed gives the same states.
 *
 * @throws what `open` and `check` throw on a state, with the state in the message.
 */
export function enumerateCrashes<Store extends AsyncDisposable>(
  enumeration: CrashEnumeration<Store>,
): Promise<EnumeratedCrashes> {
  return new Enumerator(enumeration).run();
}

/** A moment at which the power is cut. */
interface Moment {
  readonly files: SimFs;
  readonly underWay: readonly SimOperation[];
  /** The moment of the first cut, if this is in the recovery from it. */
  readonly after?: string;
}

class Enumerator<Store extends AsyncDisposable> {
  readonly #enumeration: CrashEnumeration<Store>;
  readonly #random: SeededRandom;
  readonly #maxStatesPerStep: number;
  readonly #recoveryEvery: number;
  /** The states checked since the workload went on last. */
  #seen = new Set<string>();
  #states = 0;
  #steps = 0;
  #recoveryStates = 0;

  constructor(enumeration: CrashEnumeration<Store>) {
    this.#enumeration = enumeration;
    this.#random = new SeededRandom(enumeration.seed ?? '1');
    this.#maxStatesPerStep = enumeration.maxStatesPerStep ?? 500;
    this.#recoveryEvery = enumeration.recoveryEvery ?? 50;
  }

  async run(): Promise<EnumeratedCrashes> {
    const { capacityBytes } = this.#enumeration;
    const gate = new OperationGate();
    const files = new SimFs({
      hold: gate.hold,
      ...(capacityBytes === undefined ? {} : { capacityBytes }),
    });
    const atStep = (): Promise<void> => this.#cutPower({ files, underWay: gate.held });
    await gate.drive(this.#work(files), { random: this.#random, atStep });
    await atStep();
    return { states: this.#states, steps: this.#steps, recoveryStates: this.#recoveryStates };
  }

  async #work(files: SimFs): Promise<void> {
    // No `await using`: Node 22 cannot parse it in a source that is not built.
    const store = await this.#enumeration.open(files);
    try {
      await this.#enumeration.work(store);
    } finally {
      await store[Symbol.asyncDispose]();
    }
  }

  /** Checks the states that a power cut can leave at this moment. */
  async #cutPower(moment: Moment): Promise<void> {
    this.#seen = new Set();
    this.#steps += 1;
    const unsettled = moment.files.unsettled();
    const bounds = { random: this.#random, limit: this.#maxStatesPerStep };
    for (const choice of crashChoices(unsettled, bounds)) {
      const isNew = await this.#examine(moment, unsettled, choice);
      if (isNew && this.#states % this.#recoveryEvery === 0) {
        await this.#cutPowerInRecovery(moment, unsettled, choice);
      }
    }
  }

  async #cutPowerInRecovery(
    moment: Moment,
    first: Unsettled,
    firstChoice: CrashChoice,
  ): Promise<void> {
    const gate = new OperationGate();
    const files = moment.files.crash(first, firstChoice, { hold: gate.hold });
    const after = describe(moment, first, firstChoice);
    const bounds = { random: this.#random, limit: maxStatesPerRecoveryStep };
    const atStep = async (): Promise<void> => {
      const unsettled = files.unsettled();
      for (const choice of crashChoices(unsettled, bounds)) {
        const second = { files, underWay: gate.held, after };
        if (await this.#examine(second, unsettled, choice)) this.#recoveryStates += 1;
      }
    };
    const opening = this.#enumeration.open(files);
    const store = await gate.drive(opening, { random: this.#random, atStep });
    gate.open();
    await store[Symbol.asyncDispose]();
  }

  /** Returns whether the state is new. */
  async #examine(moment: Moment, unsettled: Unsettled, choice: CrashChoice): Promise<boolean> {
    const files = moment.files.crash(unsettled, choice);
    const digest = files.digest();
    if (this.#seen.has(digest)) return false;
    this.#seen.add(digest);
    const state = { files, number: this.#states };
    this.#states += 1;
    try {
      const store = await this.#enumeration.open(files);
      try {
        await this.#enumeration.check(store, state);
      } finally {
        await store[Symbol.asyncDispose]();
      }
    } catch (cause) {
      const seed = this.#enumeration.seed ?? '1';
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(
        `Crash state ${state.number} of seed ${seed}, with the power cut ` +
          `${describe(moment, unsettled, choice)}: ${reason}`,
        { cause },
      );
    }
    return true;
  }
}

function describe(moment: Moment, { items }: Unsettled, choice: CrashChoice): string {
  const underWay = moment.underWay.map(describeOperation).join(' and ');
  const decided = items.map((item, at) => {
    const what =
      item.type === 'name'
        ? [item.change.removed, item.change.added?.path].filter(Boolean).join(' to ')
        : item.type === 'size'
          ? 'size'
          : `sector ${item.number}`;
    const tear = choice.tear?.item === at ? ` torn at byte ${choice.tear.bytes}` : '';
    return `${what}: version ${choice.versions[at] ?? 0} of ${item.count - 1}${tear}`;
  });
  const during = underWay === '' ? 'with nothing under way' : `during ${underWay}`;
  const after = moment.after === undefined ? '' : ` of the recovery from a cut ${moment.after}`;
  return `${during}${after} (${decided.join(', ') || 'nothing to lose'})`;
}

function describeOperation({ type, path, position, length }: SimOperation): string {
  const where = position === undefined ? '' : ` at ${position}`;
  return `${type} ${path}${where}${length === undefined ? '' : ` of ${length} bytes`}`;
}
