import { defineConfig } from '@playwright/test'

/** The consoles and their data are somebody else's to start: their addresses come in IU_E2E_URLS, one for each worker. */
const urls = process.env.IU_E2E_URLS?.split(' ') ?? []

export default defineConfig({
  testDir: 'tests/e2e',
  workers: urls.length || 1,
  fullyParallel: false,
  retries: 0,
  timeout: 60_000,
  // That it comes is what is asked, not how fast: a machine that others use as well stands still for seconds.
  expect: { timeout: 15_000 },
  outputDir: 'test-results/e2e',
  reporter: [['list'], ['json', { outputFile: 'test-results/e2e.json' }]],
  use: {
    browserName: 'chromium',
    launchOptions: {
      executablePath: process.env.IU_CHROMIUM,
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
    },
    viewport: { width: 1440, height: 900 },
    permissions: ['clipboard-read', 'clipboard-write'],
  },
})
