export { type Key, type KeyRange, maxKeyBytes, maxValueBytes } from './keys.ts';
export {
  RocksState,
  type RocksStateOptions,
  type StateChange,
  type StateFilling,
  type StateMoment,
  type StatePageOptions,
} from './rocks-state.ts';
export { RocksStateMachine, type RocksStateMachineOptions } from './rocks-state-machine.ts';
export type { BatchView, Entry, StateView } from './views.ts';
