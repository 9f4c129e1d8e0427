import { configDefaults, defineConfig } from 'vitest/config';

/** Tests that start processes or listen on ports: each file gets its own worker. */
const processTests = '**/*.process.test.ts';

const conditions = ['quorate-source'];
const resolve = { conditions };
const ssr = { resolve: { conditions, externalConditions: conditions } };

export default defineConfig({
  resolve,
  ssr,
  test: {
    projects: [
      {
        resolve,
        ssr,
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: [...configDefaults.exclude, processTests],
          pool: 'forks',
          isolate: false,
          maxWorkers: 2,
          testTimeout: 30_000,
        },
      },
      {
        resolve,
        ssr,
        test: {
          name: 'process',
          include: [processTests],
          exclude: configDefaults.exclude,
          pool: 'forks',
          isolate: true,
          maxWorkers: 1,
          testTimeout: 60_000,
        },
      },
    ],
  },
});
