import { expect, test } from 'vitest';
import { loadRocks } from '../../src/store-rocks/load-rocks.ts';

test('without the package with RocksDB it says what to install, or what to do without', async () => {
  const missing = async (): Promise<never> => {
    throw Object.assign(new Error("Cannot find package '@quorate/rocksdb'"), {
      code: 'ERR_MODULE_NOT_FOUND',
    });
  };

  const loading = loadRocks(missing);

  await expect(loading).rejects.toThrow('npm install @quorate/rocksdb');
  await expect(loading).rejects.toThrow('--store memory');
});

test('what else goes wrong is told as it is', async () => {
  const broken = async (): Promise<never> => {
    throw new SyntaxError('Unexpected token');
  };

  await expect(loadRocks(broken)).rejects.toThrow('Unexpected token');
});
