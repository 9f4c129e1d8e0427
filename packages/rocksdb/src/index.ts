export { type Key, type KeyRange, maxKeyBytes, maxValueBytes } from './keys.ts';
export { RocksStateMachine, type RocksStateMachineOptions } from './rocks-state-machine.ts';
export type { BatchView, Entry, StateView } from './views.ts';
