import { join } from 'node:path'
import { configDefaults, defineConfig } from 'vitest/config'
import { LIMITS } from './tests/limits.ts'

const LIMITED = { testTimeout: LIMITS.test, hookTimeout: LIMITS.test, expect: { poll: { timeout: LIMITS.wait } } }

/** Projects with a database; which PostgreSQL, and how durable, tests/db/setup.ts tells by the project's name. */
const withDatabase = { ...LIMITED, globalSetup: 'tests/db/setup.ts' }

export default defineConfig({
  test: {
    environment: 'node',
    maxWorkers: 3,
    teardownTimeout: LIMITS.wait,
    // For the many `iu` that the specs run: each would compile the same modules.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/iu-tests') },
    projects: [
      { test: { ...LIMITED, name: 'unit', include: ['tests/unit/**/*.spec.ts'] } },
      { test: { ...withDatabase, name: 'house', include: ['tests/house/**/*.spec.ts'] } },
      { test: { ...withDatabase, name: 'db18', include: ['tests/db/**/*.spec.ts'] } },
      {
        test: {
          ...withDatabase,
          name: 'db15',
          include: ['tests/db/**/*.spec.ts'],
          exclude: [
            ...configDefaults.exclude,
            // What is the same program whichever PostgreSQL it runs on, or a walk at random: doing it once is enough.
            'tests/db/{embedded,cli}/**', 'tests/db/**/{random,model,import-random,import-large,import-changes,import-refusals,align}.spec.ts',
            // Of backups, what the file is and what refuses it.
            'tests/db/backup/{refusals,gates}.spec.ts',
            // Every command is carried out there by walk, concurrency and rights; these look closer at what they answer.
            'tests/db/commands/{plans,ledger,placing-cost,findings,keys,checkpoints,overtaken,faults,gates-opening,gates-ladder,gates-held}.spec.ts',
          ],
        },
      },
      // Who could become whom differs from one major to the next.
      ...['db16', 'db17'].map(name => ({ test: { ...withDatabase, name, include: ['tests/db/roles/hostile.spec.ts'] } })),
      {
        test: {
          ...withDatabase,
          name: 'long',
          include: ['tests/long/**/*.spec.ts'],
          testTimeout: 3 * LIMITS.test,
          fileParallelism: false,
          // Alone and last: what it measures must not be disturbed.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
