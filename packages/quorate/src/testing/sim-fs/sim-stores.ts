import { type CrashEnumeration, enumerateCrashes } from './enumerate-crashes.ts';
import type { Fault } from './faults.ts';
import { SimFs } from './sim-fs.ts';

/** The hooks of the suites for a store on simulated files, as far as any store has them. */
export interface SimStores<Store> {
  /** Opens an empty store on files of its own. */
  readonly open: () => Promise<Store>;
  /** Cuts the power and opens what is durable for sure. */
  readonly reopen: (store: Store) => Promise<Store>;
  /** Opens the files of a store a second time. */
  readonly openTwice: (store: Store) => Promise<Store>;
  /** Makes the next write fail on the files of a store, or the next call that the fault tells. */
  readonly failWrite: (store: Store, code: Fault['code'], fault?: Partial<Fault>) => void;
  /** Runs `work` step by step and checks the states of `enumerateCrashes`; returns how many. */
  readonly powerCut: (
    work: (store: Store) => Promise<void>,
    check: (store: Store) => Promise<void>,
  ) => Promise<number>;
  /** The files that a store is on. */
  readonly filesOf: (store: Store) => SimFs;
}

type Bounds = Pick<
  CrashEnumeration<AsyncDisposable>,
  'seed' | 'maxStatesPerStep' | 'recoveryEvery' | 'capacityBytes'
>;

/** Opens stores on simulated files, and remembers which are whose. */
export function simStores<Store extends AsyncDisposable>(
  open: (files: SimFs) => Promise<Store>,
  bounds: Bounds = {},
): SimStores<Store> {
  const filesByStore = new WeakMap<object, SimFs>();
  const openOn = async (files: SimFs): Promise<Store> => {
    const store = await open(files);
    filesByStore.set(store, files);
    return store;
  };
  const filesOf = (store: Store): SimFs => {
    const files = filesByStore.get(store);
    if (files === undefined) throw new TypeError('The store was opened by somebody else.');
    return files;
  };
  return {
    open: () => openOn(new SimFs()),
    reopen: (store) => openOn(filesOf(store).crash()),
    openTwice: (store) => openOn(filesOf(store)),
    failWrite: (store, code, fault = {}) =>
      void filesOf(store).fail({ type: 'write', code, ...fault }),
    powerCut: async (work, check) => {
      let hasBegun = false;
      const begin = (store: Store): Promise<void> => {
        hasBegun = true;
        return work(store);
      };
      // Until the work begins there is nothing to be right about but that the store opens.
      const checkWork = async (store: Store): Promise<void> => {
        if (hasBegun) await check(store);
      };
      const { states } = await enumerateCrashes({
        ...bounds,
        open: openOn,
        work: begin,
        check: checkWork,
      });
      return states;
    },
    filesOf,
  };
}
