import { RocksStateMachine } from '@quorate/rocksdb';
import { stateMachineSuite } from 'quorate/testing';
import { afterAll, describe, test } from 'vitest';
import { Machines, type Say, stateOf, type Words } from './words.ts';

const machines = new Machines();
afterAll(() => machines[Symbol.asyncDispose]());

function words(machine: object): Words {
  if (machine instanceof RocksStateMachine) return machine;
  throw new Error('The machine was not opened by this test.');
}

const commands: readonly Say[] = [
  { type: 'say', key: 'a', word: 'one' },
  { type: 'say', key: 'b', word: 'two' },
  { type: 'say', key: 'a', word: 'three' },
  { type: 'count', from: 'a' },
  { type: 'forget', key: 'b' },
  { type: 'say', key: 'c', word: 'x'.repeat(100_000) },
  { type: 'count', from: 'b' },
  { type: 'say', key: 'a', word: 'four' },
];

describe('a state machine in RocksDB', () => {
  stateMachineSuite<Say, string>({
    test,
    commands,
    open: () => machines.open(),
    stateOf: (machine) => stateOf(words(machine)),
    durable: {
      reopen: (machine) => machines.reopen(words(machine)),
      afterCrash: (machine) => machines.afterCrash(machine),
    },
  });
});
