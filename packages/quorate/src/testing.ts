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
