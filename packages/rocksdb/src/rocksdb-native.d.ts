// The parts of `rocksdb-native` that are used here. The package brings no types of its own.

declare module 'rocksdb-native' {
  class RocksDB {
    constructor(path: string, options?: RocksDB.Options);
    ready(): Promise<void>;
    get(key: Uint8Array): Promise<Buffer | null>;
    iterator(range: RocksDB.Range, options?: RocksDB.IteratorOptions): RocksDB.Pairs;
    read(options?: {
      readonly autoDestroy?: boolean;
      readonly capacity?: number;
    }): RocksDB.ReadBatch;
    write(options?: {
      readonly autoDestroy?: boolean;
      readonly capacity?: number;
    }): RocksDB.WriteBatch;
    /** A view of this moment, which stays as it is until it is closed. */
    snapshot(): RocksDB;
    /** Writes what is in memory into files, and makes those durable. */
    flush(): Promise<void>;
    close(): Promise<void>;
  }

  namespace RocksDB {
    interface Range {
      readonly gte: Uint8Array;
      readonly lt: Uint8Array;
    }

    interface Pair {
      readonly key: Buffer;
      readonly value: Buffer;
    }

    interface IteratorOptions {
      readonly reverse?: boolean;
      readonly limit?: number;
      /** Without them each value is `null`. */
      readonly values?: boolean;
      /** So many pairs are read at a time, off the main thread. Default 8. */
      readonly capacity?: number;
    }

    /** Reads that go to the disk together. Keys are referred to until they have settled. */
    interface ReadBatch {
      get(key: Uint8Array): Promise<Buffer | null>;
      tryFlush(): void;
    }

    /** A stream of pairs, in order of their keys. It has to be read to its end or destroyed. */
    interface Pairs extends AsyncIterable<Pair> {
      destroy(error?: Error): void;
    }

    /**
     * Keys and values are referred to, not copied, until `flush` has settled. What is no byte array
     * aborts the process, so it must be checked before.
     */
    interface WriteBatch {
      tryPut(key: Uint8Array, value: Uint8Array): void;
      tryDelete(key: Uint8Array): void;
      flush(): Promise<void>;
    }

    interface Options {
      readonly createIfMissing?: boolean;
      readonly maxOpenFiles?: number;
      readonly writeBufferSize?: number;
    }
  }

  export = RocksDB;
}
