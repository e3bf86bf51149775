import type { Page } from '@playwright/test'
import { NOT_COMPARED } from '../../shared/not-compared.ts'
import { expect, expectSmall, expectSound, open } from './page.ts'
import { ask } from './support/ask.ts'
import { apply, dialog, expectVerified, leave, press, test } from './support/own-world.ts'

const object = (page: Page, name: string) => page.locator(`[data-object="${name}"]`)
const headline = (page: Page) => page.locator('[data-headline]')
const chip = (page: Page, name: string) => page.getByRole('list', { name: 'State' }).getByRole('link', { name: new RegExp(`^${name}`) })
const shown = (page: Page) => page.locator('[data-object]').evaluateAll(items => items.map(item => `${item.getAttribute('data-state')} ${item.getAttribute('data-object')}`))

const DRIFT = [
  ['ALTER FUNCTION iu_core.fn_iu_slug(text) COST 7', 'changed function fn_iu_slug(text)'],
  ['CREATE VIEW iu_core.v_extra AS SELECT 1 AS one', 'unexpected view v_extra'],
  ['DROP VIEW iu_core.v_iu_unit_axis', 'missing view v_iu_unit_axis'],
] as const

// In order, in a world of its own: what has drifted is put right again by the statement that the page offers.
test.describe.configure({ mode: 'default' })

test('no drift: every class, what was compared and when, and the checks of what works beside it', async ({ page }) => {
  await open(page, '/')
  await expect(page.locator('[data-conformance]')).toContainText(/drift 0; (\d+) of \1 expected objects are as deployed/)
  await page.locator('[data-conformance]').click()
  await expect(page).toHaveURL(/\/conformance$/)
  await expect(page).toHaveTitle('Conformance · IU Core')
  await expect(headline(page)).toHaveAttribute('data-state', 'matches')
  await expect(headline(page)).toHaveText(/^\s*drift 0; (\d+) of \1 expected objects are as deployed\s*· checked (now|\d+ s ago)\s*· catalogue [0-9a-f]{10}\s*$/)
  await expect(headline(page).locator('code')).toHaveAttribute('title', /^[0-9a-f]{64}$/)
  await expect(page.locator('[data-check]')).toHaveCount(10)
  await expect(page.locator('[data-check][data-state=ok]')).toHaveCount(10)
  await expect(page.locator('[data-work]')).toHaveCount(9)
  await expect(page.getByText('No drift', { exact: true })).toBeVisible()
  await expect(page.getByText(/^\d+ objects of the inventory were compared with the live catalogue, in both directions, at 20\d\d-.* UTC: /)).toBeVisible()
  await expect(page.locator('[data-object]')).toHaveCount(0)
  for (const state of ['missing', 'unexpected', 'changed', 'unknown']) await expect(chip(page, state)).toHaveText(new RegExp(`${state}\\s*0`))
  await expectSound(page)
})

test('the keys lead here, and what is drawn at first is what the server has', async ({ page }) => {
  await open(page, '/layers')
  await page.keyboard.press('g')
  await page.keyboard.press('f')
  await expect(page).toHaveURL(/\/conformance$/)
  await page.reload()
  await expect(headline(page)).toHaveAttribute('data-state', 'matches')
})

test('drift of each kind is listed with what to do, a statement and both definitions; chips filter it', async ({ page, world }) => {
  await open(page, '/conformance')
  const digest = await headline(page).locator('code').getAttribute('title')
  for (const [sql] of DRIFT) await world.db.query(sql)
  await page.getByRole('button', { name: 'Check now' }).click()
  await expect(headline(page)).toHaveAttribute('data-state', 'drift')
  await expect(headline(page)).toContainText('drift 3')
  await expect(headline(page).locator('code')).not.toHaveAttribute('title', digest!)
  expect(await shown(page)).toEqual(DRIFT.map(([, name]) => name))
  await expect(page.locator('[data-check=D2]')).toHaveAttribute('data-state', 'drift')
  await expect(page.locator('[data-check=D3]')).toHaveAttribute('data-state', 'drift')
  await expect(page.locator('[data-check=D1]')).toHaveAttribute('data-state', 'ok')
  await expect(page.locator('[data-work]')).toHaveCount(9)
  await expect(page.getByText('9 of 9 hold')).toBeVisible()

  const changed = object(page, 'function fn_iu_slug(text)')
  await expect(changed.locator('[data-action]')).toHaveText('Put it back with the statement, or write a unit that makes it so.')
  await expect(changed.locator('[data-statement]')).toContainText('CREATE OR REPLACE FUNCTION')
  // Not by colour alone: a sign, a word for who does not see it, and what differs is marked.
  const live = changed.locator('[data-line="+"]')
  await expect(live).toHaveCount(1)
  await expect(live).toContainText('only live: ')
  await expect(live.locator('mark')).toHaveText(' COST 7')
  await expect(changed.locator('[data-line="−"]')).toHaveCount(1)
  await expect(object(page, 'view v_extra').locator('[data-diff]')).toContainText('It should not be there.')
  await expect(object(page, 'view v_extra').locator('[data-line="−"]')).toHaveCount(0)
  await expect(object(page, 'view v_iu_unit_axis').locator('[data-diff]')).toContainText('It is not there.')
  await expectSound(page)

  await expect(chip(page, 'missing')).toHaveText(/missing\s*1/)
  await chip(page, 'missing').click()
  await expect(page).toHaveURL(/\/conformance\?state=missing#drift$/)
  await expect(chip(page, 'missing')).toHaveAttribute('aria-current', 'true')
  await expect.poll(() => shown(page)).toEqual([DRIFT[2][1]])
  await expect(headline(page)).toContainText('drift 3')
  await page.reload()
  await expect.poll(() => shown(page)).toEqual([DRIFT[2][1]])
  await chip(page, 'unknown').click()
  await expect(page.getByText('No object is unknown')).toBeVisible()
  await chip(page, 'ok').click()
  await expect(page.getByText(/^\d+ of \d+ objects are as they were deployed$/)).toBeVisible()
  await page.getByRole('link', { name: 'Clear the filter' }).click()
  await expect.poll(() => shown(page)).toEqual(DRIFT.map(([, name]) => name))
})

test('both definitions stand side by side from 1024 px on, line by line, and one below the other on a phone', async ({ page }) => {
  await open(page, '/conformance?state=changed')
  const diff = page.locator('[data-diff]')
  const box = async (selector: string) => (await diff.locator(selector).boundingBox())!
  const [wide, wideLive] = [await box('[data-line="−"]'), await box('[data-line="+"]')]
  expect(wideLive.x).toBeGreaterThanOrEqual(wide.x + wide.width - 1)
  expect(wideLive.y).toBe(wide.y)
  await page.setViewportSize({ width: 1024, height: 800 })
  const [least, leastLive] = [await box('[data-line="−"]'), await box('[data-line="+"]')]
  expect(leastLive.x).toBeGreaterThan(least.x)
  expect(leastLive.y).toBe(least.y)
  await page.setViewportSize({ width: 360, height: 740 })
  const [narrow, narrowLive] = [await box('[data-line="−"]'), await box('[data-line="+"]')]
  expect(narrowLive.x).toBe(narrow.x)
  expect(narrowLive.y).toBeGreaterThan(narrow.y)
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360)
})

test('the statements that are copied put it right', async ({ page, world }) => {
  await open(page, '/conformance')
  for (const [, name] of DRIFT) {
    await page.getByRole('button', { name: `Copy the statement for ${name.replace(/^\w+ /, '')}` }).click()
    await world.db.query(await page.evaluate(() => navigator.clipboard.readText()))
  }
  await page.keyboard.press('r')
  await expect(headline(page)).toHaveAttribute('data-state', 'matches')
  await expect(page.getByText('No drift', { exact: true })).toBeVisible()
})

test.describe('a deviation', () => {
  const accepted = (page: Page) => page.locator('[data-accepted]')
  const NAME = 'setting work_mem of the database'

  test('is accepted with its name typed, stands there in yellow with who, why and until when, and is withdrawn', async ({ page, world }) => {
    const { rows: [own] } = await world.db.query<{ name: string }>('SELECT quote_ident(current_database()) AS name')
    await world.db.query(`ALTER DATABASE ${own!.name} SET work_mem = '7MB'`)
    await open(page, '/conformance')
    await expect(headline(page)).toContainText('drift 1: 1 unexpected')
    await expect(page.locator('[data-check=D10]')).toHaveAttribute('data-state', 'drift')
    // What drift of a principal refuses it does not refuse to accept.
    await object(page, `principal ${NAME}`).getByRole('button', { name: 'Accept deviation' }).click()
    await expect(dialog(page)).toContainText(NAME)
    await expect(dialog(page).getByLabel('Owner')).toHaveValue('manager')
    await dialog(page).getByLabel('Owner').fill('the platform team')
    await press(page, '90 days')
    await press(page, 'Plan')
    await expect(dialog(page)).toContainText(`principal ${NAME} is unexpected. It refuses no command until 20`)
    await dialog(page).getByLabel('Why').fill('sorting needs it')
    await expect(apply(page)).toHaveAttribute('aria-disabled', 'true')
    await dialog(page).getByLabel(`Type ${NAME}`).fill(NAME)
    await expectSound(page)
    await apply(page).click()
    await expectVerified(page)
    await leave(page)

    await expect(headline(page)).toHaveAttribute('data-state', 'accepted')
    await expect(headline(page)).toContainText(/drift 0; accepted 1; \d+ of \d+ expected objects are as deployed/)
    await expect(page.locator('[data-check=D10]')).toHaveAttribute('data-state', 'accepted')
    await expect(page.locator('[data-check=D9]')).toHaveAttribute('data-state', 'ok')
    await expect(object(page, `principal ${NAME}`)).toHaveCount(0)
    const item = accepted(page)
    await expect(item).toHaveCount(1)
    await expect(item).toContainText('accepted')
    await expect(item.locator('[data-reason]')).toHaveText('sorting needs it')
    await expect(item.locator('[data-owner]')).toHaveText('the platform team')
    await expect(item.locator('[data-by]')).toHaveText('manager')
    await expect(item.locator('[data-until]')).toHaveText(/^20\d\d-\d\d-\d\d \d\d:\d\d.* UTC$/)
    await item.getByText('Difference').click()
    await expect(item.locator('[data-diff]')).toContainText('It should not be there.')
    await expectSound(page)
    await page.goto('/layers')
    await expect(page.locator('[data-layer=database]')).toHaveAttribute('data-state', 'in_step')
    await expect(page.locator('[data-layer=database]')).toContainText('drift 0; accepted 1, until 20')
    await open(page, '/')
    await expect(page.locator('[data-conformance]')).toHaveAttribute('data-state', 'accepted')
    await expect(page.locator('[data-conformance]')).toContainText(/drift 0; accepted 1; .*what differs from what was deployed was accepted, until a time/)

    await open(page, '/conformance')
    await item.getByRole('button', { name: 'Withdraw acceptance' }).click()
    await press(page, 'Plan')
    await dialog(page).getByLabel('Why').fill('no longer')
    await apply(page).click()
    await expectVerified(page)
    await leave(page)
    await expect(headline(page)).toHaveAttribute('data-state', 'drift')
    await expect(accepted(page)).toHaveCount(0)
    await world.db.query(`ALTER DATABASE ${own!.name} RESET work_mem`)
  })

  test('whose kind is not compared is named, with the reason', async ({ page }) => {
    await open(page, '/conformance')
    const list = page.locator('[data-not-compared]')
    await expect(list.locator('dt')).toHaveText(NOT_COMPARED.map(({ kind }) => new RegExp(kind, 'i')))
    await expect(list.locator('dd')).toHaveText(NOT_COMPARED.map(({ why }) => why))
  })

  test.describe('before an operator', () => {
    test.use({ person: 'operator' })

    test('is not theirs to accept, and the button says why', async ({ page, world }) => {
      await world.db.query(DRIFT[1][0])
      await open(page, '/conformance')
      const button = object(page, 'view v_extra').getByRole('button', { name: 'Accept deviation' })
      await expect(button).toHaveAttribute('aria-disabled', 'true')
      await expect(button).toHaveAccessibleDescription('This needs the right approver; you have operator.')
      await button.click({ force: true })
      await expect(dialog(page)).toHaveCount(0)
      await world.db.query('DROP VIEW iu_core.v_extra')
    })
  })
})

test('what is unknown is no pass: the headline says so and why', async ({ page, world }) => {
  const deployer = await world.db.connect()
  try {
    await deployer.query(`SELECT pg_advisory_lock(hashtext('iu_core deploy'))`)
    await open(page, '/conformance')
    await expect(headline(page)).toHaveAttribute('data-state', 'unknown')
    await expect(headline(page)).toContainText(/^\s*unknown/)
    await expect(headline(page)).not.toContainText('drift')
    await expect(page.locator('[data-why]')).toHaveText('A deploy is under way. Wait until it has ended.')
    await expect(page.locator('[data-check][data-state=unknown]')).toHaveCount(10)
    await expect(page.getByText('What has drifted is unknown')).toBeVisible()
    await expect(page.getByText('No drift', { exact: true })).toHaveCount(0)
    await expectSound(page)
    await page.goto('/layers')
    await expect(page.locator('[data-layer=database]')).toHaveAttribute('data-state', 'unknown')
  }
  finally {
    await deployer.query('SELECT pg_advisory_unlock_all()')
    deployer.release()
  }
  // One object of which it cannot be said, beside one that has drifted.
  await world.db.query(`UPDATE iu_core.dot_inventory SET definition = definition || ' ' WHERE class = 'table' AND identity = 'dot_config'; ${DRIFT[1][0]}`)
  await page.goto('/conformance')
  await expect(headline(page)).toContainText(/drift 1: 1 unexpected; (\d+) of \d+ expected objects are as deployed; 1 cannot be compared/)
  expect(await shown(page)).toEqual(['unknown table dot_config', DRIFT[1][1]])
  await expect(object(page, 'table dot_config').locator('[data-statement]')).toHaveCount(0)
  await page.goto('/layers')
  await expect(page.locator('[data-layer=database]')).toHaveAttribute('data-state', 'behind')
  await expect(page.locator('[data-layer=database]')).toContainText('drift 1, the first: view v_extra is unexpected')
  await world.db.query(`UPDATE iu_core.dot_inventory SET definition = btrim(definition) WHERE class = 'table' AND identity = 'dot_config'; DROP VIEW iu_core.v_extra`)
})

test('where it cannot be read it says why, and what was last read stays', async ({ page }) => {
  const refuse = (status: number, code: string, title: string) => page.route('**/api/conformance*', route => route.fulfill({
    status, contentType: 'application/problem+json', body: JSON.stringify({ type: `urn:iu:problem:${code}`, title, status, code }),
  }))
  await refuse(403, 'forbidden', 'The right for it is missing')
  await open(page, '/layers')
  await page.getByRole('link', { name: 'Conformance', exact: true }).click()
  await expect(page.getByRole('alert')).toContainText('The right for it is missing')
  await expect(headline(page)).toHaveCount(0)
  await expectSound(page)
  await page.unroute('**/api/conformance*')
  await page.getByRole('button', { name: 'Try again' }).click()
  await expect(headline(page)).toHaveAttribute('data-state', 'matches')
  await refuse(503, 'database_unavailable', 'The database cannot be reached')
  await page.getByRole('button', { name: 'Check now' }).click()
  await expect(page.getByRole('status').filter({ hasText: /The database cannot be reached\. This is what was last read, \d+ \w+ ago\./ })).toBeVisible()
  // What it was is told as that: whether it still is nobody knows.
  await expect(headline(page)).toHaveAttribute('data-state', 'unknown')
  await expect(headline(page)).toContainText(/last known .+, \d+ \w+ ago/)
})

test.describe('a reviewer', () => {
  test.use({ person: 'reviewer' })

  test('may read it, and a token without the scope to read may not', async ({ page, world }) => {
    await open(page, '/conformance')
    await expect(headline(page)).toHaveAttribute('data-state', 'matches')
    const manager = await world.signIn('manager')
    const statusFor = async (scope: string) => {
      const { secret } = await manager.carry('dot_iu_issue_token', { label: scope, scopes: [scope], expires_at: new Date(Date.now() + 3_600_000).toISOString() })
      return (await ask(world.origin, '/api/conformance', { headers: { authorization: `Bearer ${secret!.token}` } })).status
    }
    expect([await statusFor('read'), await statusFor('dot_iu_create_piece')]).toEqual([200, 403])
  })
})

test.describe('nobody', () => {
  test.use({ person: null })

  test('is led to the sign-in', async ({ page }) => {
    await page.goto('/conformance')
    await expect(page).toHaveURL(/\/sign-in\?next=/)
    expect((await page.request.get('/api/conformance')).status()).toBe(401)
  })
})

test('its scripts are within the budget', ({ page }) => expectSmall(page, '/conformance'))
