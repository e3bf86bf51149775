import { defineConfig } from '@playwright/test'

/** The server and its data are somebody else's to start: their address comes in IU_E2E_URL. */
export default defineConfig({
  testDir: 'tests/e2e',
  // One world for all: a spec that closes a gate closes it for the others too.
  workers: 1,
  fullyParallel: false,
  retries: 0,
  timeout: 60_000,
  outputDir: 'test-results/e2e',
  reporter: [['list'], ['json', { outputFile: 'test-results/e2e.json' }]],
  use: {
    baseURL: process.env.IU_E2E_URL ?? 'http://127.0.0.1:4600',
    browserName: 'chromium',
    launchOptions: {
      executablePath: process.env.IU_CHROMIUM,
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
    },
    viewport: { width: 1440, height: 900 },
    permissions: ['clipboard-read', 'clipboard-write'],
  },
})
