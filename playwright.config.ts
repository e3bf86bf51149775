import { defineConfig } from '@playwright/test'
import { LIMITS } from './tests/limits.ts'

/** The consoles and their data are somebody else's to start: their addresses come in IU_E2E_URLS, one for each worker. */
const urls = process.env.IU_E2E_URLS?.split(' ') ?? []

export default defineConfig({
  testDir: 'tests/e2e',
  workers: urls.length || 1,
  fullyParallel: false,
  retries: 0,
  timeout: LIMITS.test,
  expect: { timeout: LIMITS.wait },
  outputDir: 'test-results/e2e',
  reporter: [['list'], ['json', { outputFile: 'test-results/e2e.json' }]],
  use: {
    browserName: 'chromium',
    actionTimeout: LIMITS.wait,
    navigationTimeout: LIMITS.wait,
    launchOptions: {
      executablePath: process.env.IU_CHROMIUM,
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
    },
    viewport: { width: 1440, height: 900 },
    permissions: ['clipboard-read', 'clipboard-write'],
  },
})
