export type { CheckBounds } from './testing/linearizability/budget.ts';
export type { Contradiction } from './testing/linearizability/contradiction.ts';
export { type DrawingOptions, drawHistory } from './testing/linearizability/drawing.ts';
export {
  type ClientOperation,
  HistoryRecorder,
  type OpenCall,
} from './testing/linearizability/history.ts';
export {
  type KeyValueInput,
  type KeyValueModel,
  type KeyValueOperation,
  type KeyValueOutput,
  keyValueModel,
} from './testing/linearizability/key-value-model.ts';
export type { SequentialModel, Step } from './testing/linearizability/model.ts';
export {
  type RegisterInput,
  type RegisterModel,
  type RegisterOperation,
  type RegisterOutput,
  type RegisterValue,
  registerModel,
} from './testing/linearizability/register-model.ts';
export type { DeadEnd, Placed } from './testing/linearizability/search.ts';
export { checkLinearizable, type LinearizabilityVerdict } from './testing/linearizability.ts';
export type { LogStoreSuiteOptions } from './testing/log-store/options.ts';
export { logStoreSuite } from './testing/log-store-suite.ts';
export type {
  NetworkSuiteOptions,
  NetworkUnderTest,
  StrangeTarget,
} from './testing/network/options.ts';
export { networkSuite } from './testing/network-suite.ts';
export type { RecoverySuiteOptions } from './testing/recovery/options.ts';
export { recoverySuite } from './testing/recovery-suite.ts';
export { type CrashEnumeration, enumerateCrashes } from './testing/sim-fs/enumerate-crashes.ts';
export { SimFs } from './testing/sim-fs/sim-fs.ts';
export { type SimStores, simStores } from './testing/sim-fs/sim-stores.ts';
export type { SnapshotStoreSuiteOptions } from './testing/snapshot-store/options.ts';
export { snapshotStoreSuite } from './testing/snapshot-store-suite.ts';
export type { StateMachineSuiteOptions } from './testing/state-machine/options.ts';
export { stateMachineSuite } from './testing/state-machine-suite.ts';
export type { TestFunction } from './testing/suite.ts';
