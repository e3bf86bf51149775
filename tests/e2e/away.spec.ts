/** The database goes away while somebody looks: no page goes on telling a state that it does not know. */
import type { Locator, Page } from '@playwright/test'
import { expect, expectSound, hydrated, open, test as base } from './page.ts'
import { makeWorld, type World } from './support/api-world.ts'
import { type Gateway, openGateway } from './support/gateway.ts'
import { LIMITS } from '../limits.ts'

const test = base.extend<object, { away: { world: World, gateway: Gateway } }>({
  // eslint-disable-next-line no-empty-pattern
  away: [async ({}, use) => {
    const gateway = await openGateway(new URL(process.env.IU_E2E_DATABASE_URL!))
    const world = await makeWorld(gateway.through)
    const operator = await world.signIn('operator')
    await operator.carry('dot_iu_import_text', { source_path: 'away.md', text: '# Away\n\nOne.\n' })
    await use({ world, gateway })
    await world.close()
    await gateway.takeAway()
  }, { scope: 'worker', timeout: LIMITS.test }],
  baseURL: async ({ away }, use) => use(away.world.origin),
})

test.describe.configure({ mode: 'default' })

const strip = (page: Page): Locator => page.locator('header').first()
const LAST = /last known .+, \d+ (?:s|min) ago/

/** Takes the database away, looks, and brings it back; whatever comes of it. */
async function without(page: Page, gateway: Gateway, look: () => Promise<void>): Promise<void> {
  await gateway.takeAway()
  try {
    await page.keyboard.press('r')
    await expect(strip(page)).toContainText('UNKNOWN')
    await look()
  }
  finally {
    await gateway.bringBack()
  }
  await page.keyboard.press('r')
}

/** Nothing on the page is told as unknown any more. */
async function expectKnown(page: Page): Promise<void> {
  await expect(strip(page)).not.toContainText('UNKNOWN')
  await expect(page.locator('main [data-unknown]')).toHaveCount(0)
  await expect(page.getByText('This is what was last read')).toHaveCount(0)
}

test('the strip says UNKNOWN with what was last known, and DRY RUN again when the database is back', async ({ page, away: { gateway } }) => {
  await open(page, '/')
  await expect(strip(page)).toContainText('DRY RUN')
  await without(page, gateway, async () => {
    await expect(strip(page)).toContainText(/UNKNOWN\s*last known DRY RUN, \d+ s ago/)
    await expect(strip(page).getByRole('link', { name: 'DRY RUN' })).toHaveCount(0)
    // A phone has room for it as well.
    await page.setViewportSize({ width: 360, height: 740 })
    const told = strip(page).getByText(LAST)
    const [box, header] = [await told.boundingBox(), await strip(page).boundingBox()]
    expect(box!.y >= header!.y && box!.y + box!.height <= header!.y + header!.height && box!.width > 80).toBe(true)
    expect(await told.evaluate(text => text.scrollWidth <= text.clientWidth)).toBe(true)
    await page.setViewportSize({ width: 1440, height: 900 })
  })
  await expect(strip(page).getByRole('link', { name: 'DRY RUN' })).toBeVisible()
  await expectKnown(page)
})

/** Each place that tells a gate's or a worker's state, and what it says as long as it knows. */
const PLACES: { path: string, name: string, said: string | RegExp, at: (page: Page) => Locator }[] = [
  { path: '/', name: 'the accounting', said: 'Every event is accounted for', at: page => page.getByRole('region', { name: 'Accounting of events' }) },
  { path: '/', name: 'the line of conformance', said: 'the live database is what was deployed', at: page => page.locator('[data-conformance]') },
  { path: '/', name: 'the overview\'s gates', said: /\d of \d open/, at: page => page.getByRole('region', { name: 'Gates' }) },
  { path: '/', name: 'the overview\'s worker', said: /healthy|needs attention/, at: page => page.getByRole('region', { name: /^Worker / }) },
  { path: '/worker', name: 'a worker', said: /healthy|needs attention/, at: page => page.getByRole('region', { name: /^Worker / }) },
  { path: '/worker', name: 'the schedule', said: 'run no passes', at: page => page.getByRole('region', { name: 'Schedule' }) },
  { path: '/gates', name: 'the ladder', said: 'Every event is decided and logged', at: page => page.getByRole('region', { name: 'The disable ladder' }) },
  { path: '/gates', name: 'the other gates', said: /\d of \d open/, at: page => page.getByRole('region', { name: 'The other gates' }) },
  { path: '/conformance', name: 'the comparison', said: 'are as deployed', at: page => page.locator('[data-headline]') },
  { path: '/layers', name: 'a layer', said: 'in step', at: page => page.locator('[data-layer=database]') },
  { path: '/proof', name: 'what is installed', said: /\d of \d hold/, at: page => page.getByRole('region', { name: 'What is installed' }) },
]

for (const path of new Set(PLACES.map(place => place.path))) {
  test(`${path} tells no state that it does not know, and tells it again when the database is back`, async ({ page, away: { gateway } }) => {
    const places = PLACES.filter(place => place.path === path)
    await open(page, path)
    for (const { at, said } of places) await expect(at(page)).toContainText(said)
    await without(page, gateway, async () => {
      await expect(page.getByText(/This is what was last read, \d+ s ago/).first()).toBeVisible()
      for (const { name, at } of places) await expect(at(page), name).toContainText(/last known/i)
      // A state is told as unknown or not at all.
      expect(await page.locator('main').getByText(/^(?:open|closed|healthy|healthy, inert|needs attention|enabled|disabled|in step|holds|as deployed)$/).count()).toBe(0)
      await expectSound(page)
    })
    for (const { at, said } of places) await expect(at(page)).toContainText(said)
    await expectKnown(page)
  })
}

test('the chain of the ledger is told as what it last was', async ({ page, away: { gateway } }) => {
  await open(page, '/ledger')
  const chain = page.getByRole('region', { name: 'The ledger\'s chain' })
  await without(page, gateway, async () => {
    await expect(chain).toContainText(/unknown\s+How far the chain is could not be read again. This was so \d+ s ago:/)
    await expectSound(page)
  })
  await expectKnown(page)
})

test('a collection\'s health is unknown, and a command\'s window says so of its gates', async ({ page, away: { gateway } }) => {
  await open(page, '/collections/away.md?tab=health')
  const health = page.getByRole('region', { name: 'Health of the collection' })
  await expect(health).toContainText('healthy')
  await without(page, gateway, async () => {
    await expect(health).toContainText('unknown last known healthy')
  })
  await expectKnown(page)
  await page.getByRole('button', { name: 'Validate', exact: true }).click()
  const window = page.getByRole('dialog')
  await expect(window).toContainText('Gate composer_enabled is open')
  await gateway.takeAway()
  try {
    await expect(window).toContainText(LAST)
    await expect(window).not.toContainText('Gate composer_enabled is open')
  }
  finally {
    await gateway.bringBack()
  }
  await expect(window).toContainText('Gate composer_enabled is open')
})

test('a page that is opened without a database knows nothing, and says so', async ({ page, away: { gateway } }) => {
  await gateway.takeAway()
  try {
    expect((await page.goto('/gates'))?.status()).toBe(503)
    await hydrated(page)
    await expect(strip(page)).toContainText('UNKNOWN')
    await expect(strip(page)).not.toContainText('last known')
    await expect(page.getByRole('alert')).toContainText('The database cannot be reached')
    await expectSound(page)
  }
  finally {
    await gateway.bringBack()
  }
  await page.keyboard.press('r')
  await expect(strip(page).getByRole('link', { name: 'DRY RUN' })).toBeVisible()
  await expect(page.getByRole('region', { name: 'The disable ladder' })).toContainText('open')
})
