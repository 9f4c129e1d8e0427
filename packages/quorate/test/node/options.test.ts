import { describe, expect, test } from 'vitest';
import type { RaftOptions } from '../../src/node/options.ts';
import { checkOptions, completeConfig, defaultConfig } from '../../src/node/options.ts';

describe('the configuration', () => {
  test('is the default where nothing is said', () => {
    expect(completeConfig()).toEqual(defaultConfig);
    expect(completeConfig({ heartbeatMs: 20 })).toEqual({ ...defaultConfig, heartbeatMs: 20 });
  });

  test('takes an option that is undefined as one that is absent', () => {
    const config = { callTimeoutMs: undefined } as unknown as { callTimeoutMs: number };

    expect(completeConfig(config)).toEqual(defaultConfig);
  });

  test('may keep no log behind a snapshot, and leave entries and bandwidth without a bound', () => {
    const config = {
      keepBytes: 0,
      snapshotAfterEntries: Infinity,
      snapshotBytesPerSecond: Infinity,
    };

    expect(completeConfig(config)).toEqual({ ...defaultConfig, ...config });
  });

  test.each<[object, string]>([
    [{ heartbeat: 5 }, 'config.heartbeat is not an option; the options are heartbeatMs,'],
    [{ heartbeatMs: 0 }, 'config.heartbeatMs must be a number of milliseconds above 0; it is 0.'],
    [{ heartbeatMs: '50' }, 'config.heartbeatMs must be a number of milliseconds above 0'],
    [{ callTimeoutMs: Number.NaN }, 'config.callTimeoutMs must be a number of milliseconds'],
    [{ callTimeoutMs: Infinity }, 'config.callTimeoutMs must be a number of milliseconds'],
    [
      { heartbeatMs: 200 },
      'config.heartbeatMs must be at most half of electionTimeoutMs.min (300), so that one lost heartbeat costs no leader; it is 200.',
    ],
    [
      { electionTimeoutMs: { min: 300, max: 300 } },
      'config.electionTimeoutMs.max must be above min (300), so that split votes end; it is 300.',
    ],
    [
      { electionTimeoutMs: { min: 300 } },
      'config.electionTimeoutMs.max must be a number of milliseconds above 0; it is undefined.',
    ],
    [
      { maxInflightAppends: 0 },
      'config.maxInflightAppends must be a whole number above 0; it is 0.',
    ],
    [{ maxAppendBytes: 1.5 }, 'config.maxAppendBytes must be a whole number above 0; it is 1.5.'],
    [{ maxPendingBytes: -1 }, 'config.maxPendingBytes must be a whole number above 0'],
    [{ maxPendingWrites: -1 }, 'config.maxPendingWrites must be a whole number above 0'],
    [{ maxWaitingCalls: -1 }, 'config.maxWaitingCalls must be a whole number above 0'],
    [{ maxSessions: 0 }, 'config.maxSessions must be a whole number above 0'],
    [{ maxSessionBytes: 0.5 }, 'config.maxSessionBytes must be a whole number above 0'],
    [{ sessionWindow: 0 }, 'config.sessionWindow must be a whole number above 0'],
    [{ tailCacheBytes: -1 }, 'config.tailCacheBytes must be a whole number above 0'],
    [{ snapshotAfterBytes: 0 }, 'config.snapshotAfterBytes must be a whole number above 0'],
    [{ snapshotAfterEntries: 0 }, 'config.snapshotAfterEntries must be a whole number above 0'],
    [{ snapshotAfterEntries: '5' }, 'config.snapshotAfterEntries must be a whole number above 0'],
    [{ keepBytes: -1 }, 'config.keepBytes must be a whole number of bytes, 0 or above; it is -1.'],
    [{ keepBytes: 0.5 }, 'config.keepBytes must be a whole number of bytes, 0 or above'],
    [{ maxSnapshotTransfers: 0 }, 'config.maxSnapshotTransfers must be a whole number above 0'],
    [{ maxSnapshotTransfers: Infinity }, 'config.maxSnapshotTransfers must be a whole number'],
    [{ snapshotBytesPerSecond: 0 }, 'config.snapshotBytesPerSecond must be a whole number above 0'],
    [{ readTimeoutMs: 0 }, 'config.readTimeoutMs must be a number of milliseconds above 0'],
    [{ snapshotStallMs: 0 }, 'config.snapshotStallMs must be a number of milliseconds above 0'],
    [{ snapshotStallMs: Infinity }, 'config.snapshotStallMs must be a number of milliseconds'],
  ])('%j is refused with the option, the value and the rule', (config, message) => {
    expect(() => completeConfig(config)).toThrow(RangeError);
    expect(() => completeConfig(config)).toThrow(message);
  });
});

describe('the options', () => {
  const good = { id: 'a', stateMachine: {}, storage: {}, network: {} };

  test.each<[object, string]>([
    [{ id: '' }, 'options.id must be a string that is not empty; it is .'],
    [{ id: 1 }, 'options.id must be a string that is not empty; it is 1.'],
    [{ stateMachine: undefined }, 'options.stateMachine must be an object; it is undefined.'],
    [{ storage: null }, 'options.storage must be an object; it is null.'],
    [{ network: 'tcp' }, 'options.network must be an object; it is tcp.'],
  ])('%j is refused', (wrong, message) => {
    const options = { ...good, ...wrong } as unknown as RaftOptions<unknown, unknown>;

    expect(() => checkOptions(options)).toThrow(TypeError);
    expect(() => checkOptions(options)).toThrow(message);
  });
});
