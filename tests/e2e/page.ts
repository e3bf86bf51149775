import AxeBuilder from '@axe-core/playwright'
import { type APIRequestContext, type Page, test as base, expect } from '@playwright/test'
import { PASSWORD, type Person } from './support/accounts.ts'

export { expect }

/** Gzipped JavaScript that a page may load, all in all. */
const JS_BUDGET = 166_000

type SignedIn = Awaited<ReturnType<APIRequestContext['storageState']>>

/**
 * Every test is somebody (`test.use({ person: 'reviewer' })`; null is nobody), and fails on what a user would
 * not see: console errors, mismatches, requests to elsewhere.
 */
export const test = base.extend<{ faults: string[], person: Person | null }, { signedIn: (person: Person, baseURL: string) => Promise<SignedIn> }>({
  person: ['manager', { option: true }],
  // Once a worker: a sign-in costs a tenth of a second of hashing.
  signedIn: [async ({ playwright }, use) => {
    const known = new Map<Person, Promise<SignedIn>>()
    const signIn = async (person: Person, baseURL: string): Promise<SignedIn> => {
      const request = await playwright.request.newContext({ baseURL, extraHTTPHeaders: { origin: baseURL } })
      const response = await request.post('/api/session', { data: { account: person, password: PASSWORD } })
      expect(response.status(), await response.text()).toBe(200)
      const state = await request.storageState()
      await request.dispose()
      return state
    }
    await use((person, baseURL) => known.get(person) ?? known.set(person, signIn(person, baseURL)).get(person)!)
  }, { scope: 'worker' }],
  // A worker's own world: the specs of a file come one after the other, those of two files at once.
  // eslint-disable-next-line no-empty-pattern
  baseURL: async ({}, use, { parallelIndex }) => use(process.env.IU_E2E_URLS!.split(' ')[parallelIndex]),
  storageState: async ({ person, signedIn, baseURL }, use) => use(person === null ? { cookies: [], origins: [] } : await signedIn(person, baseURL!)),
  faults: [async ({ page, baseURL }, use) => {
    const faults: string[] = []
    page.on('pageerror', error => faults.push(error.message))
    page.on('console', (message) => {
      // A page that answers 404 on purpose is noted as an error by the browser itself.
      if (['error', 'warning'].includes(message.type()) && !message.text().startsWith('Failed to load resource')) faults.push(message.text())
    })
    page.on('request', (request) => {
      const { protocol, origin } = new URL(request.url())
      if (protocol !== 'data:' && protocol !== 'blob:' && origin !== new URL(baseURL!).origin) faults.push(`foreign request: ${request.url()}`)
    })
    await use(faults)
    expect(faults).toEqual([])
  }, { auto: true }],
})

/** Opens a page and waits until it answers to clicks. */
export async function open(page: Page, path: string, status = 200): Promise<void> {
  const response = await page.goto(path)
  expect(response?.status()).toBe(status)
  await hydrated(page)
}

export async function hydrated(page: Page): Promise<void> {
  await page.waitForFunction(() => (window as { useNuxtApp?: () => { isHydrating: boolean } }).useNuxtApp?.().isHydrating === false)
}

/** Accessibility rules that a colour scheme can break. */
const OF_COLOR = ['color-contrast', 'link-in-text-block']

/** No accessibility violation in either mode, and no sideways scrolling on a phone. */
export async function expectSound(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await expect(page.locator('html')).toHaveClass(new RegExp(colorScheme))
    // The pages hold no frame of another origin: what is for those alone takes half of the time.
    const axe = new AxeBuilder({ page }).setLegacyMode()
    const { violations } = await (colorScheme === 'light' ? axe : axe.withRules(OF_COLOR)).analyze()
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.html).join(' ')}`), colorScheme).toEqual([])
  }
  await page.setViewportSize({ width: 360, height: 740 })
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360)
  await page.setViewportSize({ width: 1440, height: 900 })
}

/** What the browser loads of scripts when it opens the page for the first time. */
export async function expectSmall(page: Page, path: string): Promise<void> {
  const session = await page.context().newCDPSession(page)
  const scripts = new Set<string>()
  const loaded = new Set<string>()
  let bytes = 0
  session.on('Network.responseReceived', ({ requestId, response }) => {
    if (/javascript/.test(response.mimeType)) scripts.add(requestId)
  })
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    if (!scripts.has(requestId)) return
    loaded.add(requestId)
    bytes += encodedDataLength
  })
  await session.send('Network.enable')
  await page.goto(path, { waitUntil: 'networkidle' })
  await hydrated(page)
  await expect.poll(() => loaded.size === scripts.size).toBe(true)
  expect(bytes).toBeGreaterThan(10_000)
  expect(bytes).toBeLessThan(JS_BUDGET)
}

/** The cells of a column, to compare pages with each other. */
export function rowLinks(page: Page): Promise<string[]> {
  return page.locator('tbody tr[data-row] th a').evaluateAll(links => links.map(link => link.getAttribute('href')!))
}
