/** What is typed is not lost: not by the end of a session, not by a reload, not by a read that fails. */
import type { Browser, Page } from '@playwright/test'
import { hydrated, expect, expectSound, open } from './page.ts'
import { PASSWORD } from './support/accounts.ts'
import { apply, choose, dialog, expectVerified, leave, makeDocument, press, test } from './support/own-world.ts'
import type { World } from './support/api-world.ts'

test.describe.configure({ mode: 'default' })
test.use({ person: 'operator' })

/** A person at a machine of their own, whose session can be ended. */
async function signedIn(browser: Browser, baseURL: string, account: string): Promise<Page> {
  const context = await browser.newContext({ baseURL, storageState: { cookies: [], origins: [] } })
  await context.request.post('/api/session', { data: { account, password: PASSWORD }, headers: { origin: baseURL } })
  return context.newPage()
}
const endSessions = (world: World, account: string) =>
  world.db.query(`UPDATE iu_core.iu_session SET ended_at = clock_timestamp(), end_reason = 'a spec' WHERE ended_at IS NULL AND account_id = (SELECT id FROM iu_core.iu_account WHERE account = $1)`, [account])
const door = (page: Page) => page.getByRole('dialog', { name: 'Sign in again' })
async function signIn(page: Page, account?: string) {
  if (account) await door(page).getByLabel('Name').fill(account)
  await door(page).getByLabel('Password').fill(PASSWORD)
  await door(page).getByRole('button', { name: 'Sign in' }).click()
}
const body = (page: Page) => page.getByRole('dialog', { name: 'Revise' }).getByLabel('Body')

for (const how of ['by itself', 'as a command is sent'] as const) {
  test(`where the session ends, noticed ${how}, one signs in over the page and goes on`, async ({ world, browser, baseURL }) => {
    const collection = await makeDocument(world)
    const page = await signedIn(browser, baseURL!, 'second')
    await open(page, `/collections/${collection}`)
    await choose(page, 'Beta.', 'Revise …')
    await body(page).fill('Beta, as it took long to find the words.')
    await endSessions(world, 'second')
    if (how === 'by itself') await expect(door(page)).toBeVisible({ timeout: 60_000 })
    else await apply(page).click()
    await expect(door(page)).toContainText('Your session has ended.')
    await expect(door(page).getByLabel('Name')).toHaveValue('second')
    await expect(door(page).getByLabel('Password')).toBeFocused()
    await expectSound(page)
    // Who only wants to read may, and comes back to the door.
    await page.keyboard.press('Escape')
    await expect(door(page)).toHaveCount(0)
    await expect(body(page)).toHaveValue('Beta, as it took long to find the words.')
    await apply(page).click()
    await signIn(page)
    await expect(door(page)).toHaveCount(0)
    await expect(page.getByText('Nobody is signed in')).toHaveCount(0)
    await expect(body(page)).toHaveValue('Beta, as it took long to find the words.')
    await apply(page).click()
    await expectVerified(page)
    await leave(page)
    await expect(page).toHaveURL(new RegExp(`/collections/${collection}$`))
    await page.context().close()
  })
}

test('a reload brings the window back as it was, until it is applied or discarded', async ({ page, world }) => {
  const collection = await makeDocument(world, '# Plans\n\nOne,\r\ntwo\nthree.\n')
  await open(page, `/collections/${collection}`)
  await choose(page, 'One,', 'Revise …')
  await body(page).focus()
  await page.keyboard.press('Control+Home')
  await page.keyboard.type('Zero, ')
  await page.reload()
  await hydrated(page)
  await expect(body(page)).toHaveValue('Zero, One,\ntwo\nthree.')
  await expect(dialog(page)).toContainText('You typed this before the page was loaded anew.')
  await expectSound(page)
  await page.keyboard.press('Control+Home')
  await body(page).focus()
  await page.keyboard.press('Control+End')
  await page.keyboard.type(' Four.')
  await page.reload()
  await hydrated(page)
  await apply(page).click()
  await expectVerified(page)
  const { rows } = await world.db.query<{ body: string }>('SELECT body FROM iu_core.v_iu_collection_piece WHERE collection_address = $1 ORDER BY position OFFSET 1', [collection])
  expect(rows[0]!.body).toBe('Zero, One,\r\ntwo\nthree. Four.')
  await page.reload()
  await hydrated(page)
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
  await expect(dialog(page)).toHaveCount(0)

  await choose(page, 'One,', 'Revise …')
  await body(page).fill('Not this.')
  await page.reload()
  await hydrated(page)
  await dialog(page).getByRole('button', { name: 'Discard it' }).click()
  await expect(body(page)).toHaveValue('Zero, One,\ntwo\nthree. Four.')
  await page.keyboard.press('Escape')
  await expect(dialog(page)).toHaveCount(0)
  await page.reload()
  await hydrated(page)
  await expect(dialog(page)).toHaveCount(0)
})

test('another person who signs in sees nothing of it, and it waits for who typed it', async ({ world, browser, baseURL }) => {
  const collection = await makeDocument(world)
  const page = await signedIn(browser, baseURL!, 'second')
  await open(page, `/collections/${collection}`)
  await choose(page, 'Beta.', 'Revise …')
  await body(page).fill('Of the second.')
  await endSessions(world, 'second')
  await apply(page).click()
  await signIn(page, 'operator')
  await expect(page.getByRole('button', { name: /^operator, operator: account$/ })).toBeVisible()
  await expect(page.getByRole('dialog')).toHaveCount(0)
  await expect(page.getByText('Of the second.')).toHaveCount(0)
  await page.context().clearCookies()
  await page.context().request.post('/api/session', { data: { account: 'second', password: PASSWORD }, headers: { origin: baseURL! } })
  await page.reload()
  await hydrated(page)
  await expect(body(page)).toHaveValue('Of the second.')
  await page.context().close()
})

test('a read that fails takes no window away', async ({ page, world }) => {
  const collection = await makeDocument(world)
  await open(page, `/collections/${collection}`)
  await choose(page, 'Beta.', 'Revise …')
  await body(page).fill('Beta, typed.')
  await page.route(/\/api\/(?!commands\/dot)/, route => route.fulfill({ status: 503, json: { type: 'about:blank', title: 'The database cannot be reached', status: 503, code: 'database_unavailable' } }))
  const failed = page.waitForResponse(response => response.url().includes('/api/collections/piece?') && response.status() === 503, { timeout: 60_000 })
  await failed
  await expect(body(page)).toHaveValue('Beta, typed.')
  await page.unroute(/\/api\/(?!commands\/dot)/)
  await apply(page).click()
  await expectVerified(page)
})

test('a password is not kept', async ({ page }) => {
  await open(page, '/accounts')
  await page.getByRole('button', { name: 'Issue token' }).click()
  await dialog(page).getByLabel('Label').fill('for a script')
  await page.reload()
  await hydrated(page)
  await expect(dialog(page).getByLabel('Label')).toHaveValue('for a script')
  await press(page, 'Discard it')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: /operator: account$/ }).click()
  await page.getByRole('menuitem', { name: 'Change password' }).click()
  await dialog(page).getByLabel('New password').fill('a secret of twelve characters')
  await dialog(page).getByLabel('Present password').fill('another secret')
  await page.reload()
  await hydrated(page)
  expect(await page.evaluate(() => JSON.stringify({ ...sessionStorage }))).not.toMatch(/secret/)
})
