import { describe, expect, test } from 'vitest';
import { stateMachineSuite } from '../../src/testing/state-machine-suite.ts';
import type { TestFunction } from '../../src/testing/suite.ts';
import { brokenDurableMachines } from './broken-durable-state-machines.ts';
import { CollectedCases } from './collected-cases.ts';
import { DurableWordBook, type Say } from './durable-state-machine.ts';

const commands: readonly Say[] = ['a', 'b', 'a', 'c', 'b', 'a', 'd', 'a'].map((key, position) => ({
  key,
  word: `word-${position}`,
}));

function runSuite(register: TestFunction, Machine: new () => DurableWordBook): void {
  stateMachineSuite<Say, string>({
    test: register,
    commands,
    open: async () => new Machine(),
    stateOf: (machine) => wordBook(machine).disk.content.words,
    durable: {
      reopen: async (machine) => {
        const book = wordBook(machine);
        if ('isClosed' in book) book.isClosed = true;
        return book.onDisk(book.disk.content);
      },
      afterCrash: async (machine) => {
        const book = wordBook(machine);
        return book.onDisk(book.disk.content);
      },
    },
  });
}

function wordBook(machine: object): DurableWordBook {
  if (machine instanceof DurableWordBook) return machine;
  throw new Error('The machine was not opened by this test.');
}

describe('a state machine with a disk', () => {
  runSuite(test, DurableWordBook);
});

describe('the suite for state machines with a disk', () => {
  test.each(brokenDurableMachines)('notices one that %s', async (_mistake, Machine, noticedBy) => {
    const cases = new CollectedCases((collect) => runSuite(collect, Machine));

    expect(await cases.failureOf(noticedBy)).toBeInstanceOf(Error);
  });

  test('has every case of machines without a disk as well', () => {
    const plain = new CollectedCases((collect) =>
      stateMachineSuite({ test: collect, commands, open: async () => new WithoutDisk() }),
    );

    const durable = new CollectedCases((collect) => runSuite(collect, DurableWordBook));

    expect(durable.names).toEqual(expect.arrayContaining(plain.names));
    expect(durable.names.length).toBeGreaterThan(plain.names.length);
  });

  test('disposes of the machines that a case has opened, also when it fails', async () => {
    let open = 0;
    class Disposable extends DurableWordBook implements AsyncDisposable {
      constructor(...disk: ConstructorParameters<typeof DurableWordBook>) {
        super(...disk);
        open += 1;
      }

      async [Symbol.asyncDispose](): Promise<void> {
        open -= 1;
      }
    }
    class Failing extends Disposable {
      override apply(): Promise<never> {
        return Promise.reject(new Error('It cannot.'));
      }
    }

    for (const Machine of [Disposable, Failing]) {
      const cases = new CollectedCases((collect) => runSuite(collect, Machine));
      const failed = await cases.failures();
      expect(failed.length > 0).toBe(Machine === Failing);
      expect(open).toBe(0);
    }
  });
});

class WithoutDisk {
  apply(): string[] {
    return [];
  }

  async snapshot(): Promise<Uint8Array[]> {
    return [];
  }

  async restore(): Promise<void> {}
}
