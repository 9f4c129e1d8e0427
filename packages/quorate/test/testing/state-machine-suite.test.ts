import { describe, expect, test } from 'vitest';
import type { Committed, StateMachine } from '../../src/contract/state-machine.ts';
import { stateMachineSuite } from '../../src/testing/state-machine-suite.ts';
import { CollectedCases } from './collected-cases.ts';

/** Appends a word under a key, and answers with all words there. */
interface Say {
  readonly key: string;
  readonly word: string;
}

class WordBook implements StateMachine<Say, string> {
  words = new Map<string, string>();

  apply(batch: readonly Committed<Say>[]): string[] {
    return batch.map(({ command }) => this.say(command));
  }

  say({ key, word }: Say): string {
    const words = `${this.words.get(key) ?? ''} ${word}`;
    this.words.set(key, words);
    return words;
  }

  async snapshot(): Promise<Iterable<Uint8Array> | AsyncIterable<Uint8Array>> {
    return [...this.words].map((pair) => Buffer.from(`${JSON.stringify(pair)}\n`));
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    const lines = Buffer.concat(parts).toString().split('\n').filter(Boolean);
    this.words = new Map(lines.map((line) => JSON.parse(line) as [string, string]));
  }

  validate(_command: Say): void {}
}

class AnswersBackwards extends WordBook {
  override apply(batch: readonly Committed<Say>[]): string[] {
    return super.apply(batch).toReversed();
  }
}

class AnswersOnce extends WordBook {
  override apply(batch: readonly Committed<Say>[]): string[] {
    return super.apply(batch).slice(-1);
  }
}

let machines = 0;

class DiffersByMachine extends WordBook {
  readonly #number = (machines += 1);

  override say(command: Say): string {
    return `${super.say(command)} ${this.#number}`;
  }
}

class SnapshotsNothing extends WordBook {
  override async snapshot(): Promise<Uint8Array[]> {
    return [];
  }
}

class Merges extends WordBook {
  override async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const old = this.words;
    await super.restore(chunks);
    this.words = new Map([...old, ...this.words]);
  }
}

class IsNotFrozen extends WordBook {
  override async snapshot(): Promise<AsyncIterable<Uint8Array>> {
    const { words } = this;
    return (async function* () {
      for (const pair of words) yield Buffer.from(`${JSON.stringify(pair)}\n`);
    })();
  }
}

class TrustsChunks extends WordBook {
  override async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.words = new Map();
    for await (const chunk of chunks) {
      const [key, words] = JSON.parse(String(Buffer.from(chunk))) as [string, string];
      this.words.set(key, words);
    }
  }
}

class AppliesWhenValidating extends WordBook {
  override validate(command: Say): void {
    this.say(command);
  }
}

class SnapshotEmptiesIt extends WordBook {
  override async snapshot(): Promise<Iterable<Uint8Array> | AsyncIterable<Uint8Array>> {
    const chunks = await super.snapshot();
    this.words = new Map();
    return chunks;
  }
}

const commands: readonly Say[] = ['a', 'b', 'a', 'c', 'b', 'a', 'd', 'a'].map((key, position) => ({
  key,
  word: `word-${position}`,
}));

describe('a state machine in memory', () => {
  stateMachineSuite({
    test,
    commands,
    open: async () => new WordBook(),
    stateOf: (machine) => (machine as WordBook).words,
  });
});

const broken: readonly (readonly [string, new () => WordBook, string])[] = [
  ['answers backwards', AnswersBackwards, 'however commands are batched'],
  ['answers a batch once', AnswersOnce, 'however commands are batched'],
  ['differs from machine to machine', DiffersByMachine, 'the same commands give the same state'],
  ['puts nothing into its snapshot', SnapshotsNothing, 'a snapshot that is restored'],
  ['merges what it restores', Merges, 'restore replaces the whole state'],
  ['is not frozen', IsNotFrozen, 'what is applied after snapshot resolved'],
  ['is not frozen half-way', IsNotFrozen, 'what is applied between two chunks'],
  ['takes chunks as they were made', TrustsChunks, 'a snapshot arrives as well in chunks'],
  ['applies when it validates', AppliesWhenValidating, 'looking at commands with validate'],
  ['is empty after a snapshot', SnapshotEmptiesIt, 'making a snapshot changes nothing'],
];

describe('the suite for state machines', () => {
  test.each(broken)('notices a machine that %s', async (_mistake, Machine, noticedBy) => {
    const cases = new CollectedCases((collect) =>
      stateMachineSuite({ test: collect, commands, open: async () => new Machine() }),
    );

    expect(await cases.failureOf(noticedBy)).toBeInstanceOf(Error);
  });

  test('wants enough commands to cut in two', () => {
    expect(() =>
      stateMachineSuite({ test, commands: commands.slice(3, 6), open: async () => new WordBook() }),
    ).toThrow('The suite wants at least 4 commands; got 3.');
  });
});
