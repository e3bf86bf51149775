import { configDefaults, defineConfig } from 'vitest/config'

/** Projects with a database; which PostgreSQL, and how durable, tests/db/setup.ts tells by the project's name. */
const withDatabase = { globalSetup: 'tests/db/setup.ts', testTimeout: 20_000, hookTimeout: 30_000 }

export default defineConfig({
  test: {
    environment: 'node',
    maxWorkers: 2,
    teardownTimeout: 60_000,
    projects: [
      { test: { name: 'unit', include: ['tests/unit/**/*.spec.ts'] } },
      { test: { ...withDatabase, name: 'house', include: ['tests/house/**/*.spec.ts'] } },
      { test: { ...withDatabase, name: 'db18', include: ['tests/db/**/*.spec.ts'] } },
      // What is the same program, or a walk at random, whichever PostgreSQL it runs on: doing it once is enough.
      { test: { ...withDatabase, name: 'db15', include: ['tests/db/**/*.spec.ts'], exclude: [...configDefaults.exclude, 'tests/db/{embedded,cli}/**', 'tests/db/**/{random,model,import-random}.spec.ts'] } },
      {
        test: {
          ...withDatabase,
          name: 'long',
          include: ['tests/long/**/*.spec.ts'],
          testTimeout: 1_800_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          // Alone and last: what it measures must not be disturbed.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
