import type { Locator, Page } from '@playwright/test'
import type { Accounts } from '../../shared/read-models/accounts.ts'
import { expect, expectSmall, expectSound, hydrated, open, test } from './page.ts'
import { PASSWORD as OF_THE_SPECS } from './support/accounts.ts'

const dialog = (page: Page) => page.getByRole('dialog')
const row = (page: Page, account: string) => page.getByRole('region', { name: 'List of accounts' }).locator('tbody tr').filter({ has: page.getByRole('link', { name: account, exact: true }) })
const unique = (name: string) => `${name}-${crypto.randomUUID().slice(0, 8)}`
const PASSWORD = 'a first password, long enough'

/** The sign-in over the page, where a session has ended. */
const door = (page: Page) => page.getByRole('dialog', { name: 'Sign in again' })

async function signIn(page: Page | Locator, account: string, password: string) {
  await page.getByLabel('Name').fill(account)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

/** From the dialog to the end; what is asked for twice is planned first. */
async function apply(page: Page, { isPlanned = false, reason = '' } = {}) {
  if (isPlanned) await dialog(page).getByRole('button', { name: 'Plan', exact: true }).click()
  if (reason) await dialog(page).getByLabel('Why').fill(reason)
  await dialog(page).getByRole('button', { name: /^Apply/ }).click()
  await expect(dialog(page).locator('[data-receipt]')).toHaveAttribute('data-status', 'verified')
}
const leave = async (page: Page) => {
  await dialog(page).getByRole('button', { name: 'Done', exact: true }).click()
  await expect(dialog(page)).toHaveCount(0)
}
async function choose(page: Page, account: string, command: string) {
  await row(page, account).getByRole('button', { name: `Commands on ${account}` }).click()
  await page.getByRole('menuitem', { name: command }).click()
}

async function addReviewer(page: Page, account: string) {
  await open(page, '/accounts')
  await page.getByRole('button', { name: 'Add account' }).click()
  await dialog(page).getByLabel('Account').fill(account)
  await dialog(page).getByLabel('Right').selectOption('reviewer')
  await dialog(page).getByLabel('Password').fill(PASSWORD)
  await apply(page)
  await leave(page)
}

test('an account is added, signs in, gets another right, and is disabled in the middle of it', async ({ page, browser, baseURL }) => {
  const account = unique('e2e')
  await addReviewer(page, account)
  await expect(row(page, account)).toContainText(/reviewer.+active.+never/s)

  const context = await browser.newContext({ baseURL, storageState: { cookies: [], origins: [] } })
  const other = await context.newPage()
  await open(other, '/sign-in?next=/gates')
  await signIn(other, account, PASSWORD)
  await expect(other.getByRole('heading', { level: 1 })).toHaveText('Gates')
  const button = other.getByRole('button', { name: 'Close gate' }).first()
  await expect(button).toHaveAttribute('aria-disabled', 'true')

  await choose(page, account, 'Set right')
  await dialog(page).getByLabel('Right').selectOption('operator')
  await apply(page, { isPlanned: true, reason: 'works the gates from today' })
  await leave(page)
  await expect(row(page, account)).toContainText('operator')
  await other.keyboard.press('r')
  await expect(button).not.toHaveAttribute('aria-disabled', 'true')
  // Left alone it would notice by itself; here a command is under way.
  await other.getByRole('button', { name: 'Pause refreshing' }).click()
  await button.click()
  await dialog(other).getByLabel('Why').fill('not mine to close any more')

  await choose(page, account, 'Disable')
  await apply(page, { isPlanned: true, reason: 'it was a try' })
  await leave(page)
  await expect(row(page, account)).toContainText('disabled')
  // The next thing that is tried opens the sign-in over the page, which refuses.
  await dialog(other).getByRole('button', { name: 'Apply', exact: true }).click()
  await expect(door(other)).toContainText(`Your session has ended. Sign in as ${account}, and you go on where you are: what you typed is still there.`)
  await expect(other).toHaveURL(/\/gates$/)
  await signIn(door(other), account, PASSWORD)
  await expect(door(other).getByRole('alert')).toContainText('Name or password is wrong.')
  await context.close()

  await choose(page, account, 'Enable')
  await apply(page, { isPlanned: true, reason: 'to leave it as usable' })
  await leave(page)
  await expect(row(page, account)).toContainText('active')
})

test('who changes their own password is told, and signs in with the new one', async ({ page, browser, baseURL }) => {
  const account = unique('own')
  const another = 'a second password, as long'
  await addReviewer(page, account)

  const context = await browser.newContext({ baseURL, storageState: { cookies: [], origins: [] } })
  const own = await context.newPage()
  await open(own, '/sign-in?next=/accounts')
  await signIn(own, account, PASSWORD)
  await own.waitForURL(url => url.pathname === '/accounts')
  await hydrated(own)
  await row(own, account).getByRole('button').click()
  await own.getByRole('menuitem', { name: 'Set password' }).click()
  await dialog(own).getByLabel('New password').fill(another)
  await dialog(own).getByLabel('Present password').fill(PASSWORD)
  await dialog(own).getByRole('button', { name: 'Apply', exact: true }).click()
  await expect(door(own)).toContainText('The command is applied, and it ended your session. Sign in again.')
  await signIn(door(own), account, PASSWORD)
  await expect(door(own).getByRole('alert')).toContainText('Name or password is wrong.')
  await signIn(door(own), account, another)
  await expect(door(own)).toHaveCount(0)
  await expect(own).toHaveURL(/\/accounts$/)
  await context.close()
})

test('a token is told once, acts within its scopes, and is dead when it is revoked', async ({ page, playwright, baseURL }) => {
  const label = unique('token')
  await open(page, '/accounts')
  await page.getByRole('button', { name: 'Issue token' }).click()
  await dialog(page).getByLabel('Label').fill(label)
  await dialog(page).getByLabel('Scopes').fill('read\ndot_iu_validate_collection')
  await dialog(page).getByLabel('Expires').fill(new Date(Date.now() + 86_400_000).toISOString().slice(0, 16))
  await dialog(page).getByLabel('Present password').fill(OF_THE_SPECS)
  await apply(page)
  const secret = (await dialog(page).locator('[data-secret]').textContent())!.trim()
  await leave(page)
  expect(await page.content()).not.toContain(secret)
  const token = page.getByRole('region', { name: 'List of API tokens' }).locator('tbody tr').filter({ hasText: label })
  await expect(token).toContainText(/dot_iu_validate_collection, read.+live.+never/s)

  const program = await playwright.request.newContext({ baseURL, extraHTTPHeaders: { authorization: `Bearer ${secret}` } })
  expect((await program.get('/api/session')).status()).toBe(200)
  const beyond = await program.post('/api/commands/dot_iu_close_gate', { data: { mode: 'plan', params: { gate: 'iu_core.composer_enabled' } } })
  expect(beyond.status()).toBe(403)
  await page.keyboard.press('r')
  await expect(token).not.toContainText('never')

  await token.getByRole('button', { name: 'Revoke' }).click()
  await apply(page)
  await leave(page)
  await expect(token).toContainText('revoked')
  await expect(token.getByRole('button')).toHaveCount(0)
  expect((await program.get('/api/session')).status()).toBe(401)
  await program.dispose()
})

test.describe('an operator', () => {
  test.use({ person: 'operator' })

  test('sees their own account alone, and issues tokens for it', async ({ page }) => {
    await open(page, '/accounts')
    await expect(page.getByRole('heading', { name: 'Your account' })).toBeVisible()
    await expect(page.getByRole('region', { name: 'List of accounts' }).locator('tbody tr')).toHaveCount(1)
    await expect(row(page, 'operator')).toContainText('you')
    await expect(page.getByRole('button', { name: 'Add account' })).toHaveCount(0)
    await expect(page.getByRole('button', { name: 'Issue token' })).not.toHaveAttribute('aria-disabled', 'true')
    await row(page, 'operator').getByRole('button').click()
    await expect(page.getByRole('menuitem')).toHaveText(['Set password'])
    const { accounts, tokens } = await (await page.request.get('/api/accounts')).json() as Accounts
    expect([...accounts, ...tokens].every(({ account }) => account === 'operator')).toBe(true)
    await page.keyboard.press('Escape')
    await expectSound(page)
  })
})

test('g u leads there; it is accessible, and fits a phone', async ({ page }) => {
  await open(page, '/')
  await page.keyboard.press('g')
  await page.keyboard.press('u')
  await expect(page).toHaveURL(/\/accounts$/)
  await expect(page).toHaveTitle('Accounts · IU Core')
  await expectSound(page)
})

test('its scripts are within the budget', ({ page }) => expectSmall(page, '/accounts'))
