import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { PASSWORD } from './support/accounts.ts'
import { expect, expectSmall, expectSound, hydrated, open, test } from './page.ts'

const ROOT = join(import.meta.dirname, '../..')
const files = (folder: string): string[] => readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).filter(file => /\.(ts|vue)$/.test(file)).map(file => file.replaceAll('\\', '/')).sort()

/** A file's address: `[name]` and `[...rest]` stand for anything. */
const addressOf = (file: string): string => `/${file.replace(/\[(?:\.\.\.)?(\w*)\]/g, 'any-$1').replace(/(^|\/)index$/, '')}`.replace(/(.)\/$/, '$1')
const routes = files('server/api').map((file) => {
  const [, path, method = 'get'] = /^(.*?)(?:\.(get|post|delete|put|patch))?\.ts$/.exec(file)!
  return { method: method.toUpperCase(), path: `/api${addressOf(path!)}` }
})
const pages = files('app/pages').map(file => addressOf(file.replace(/\.vue$/, '')).replace('any-run', '1'))

async function fill(page: Page, account: string, password: string) {
  await page.getByLabel('Name').fill(account)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

test.describe('nobody', () => {
  test.use({ person: null })

  test('no route answers without a session', async ({ request, baseURL }) => {
    expect(routes.length).toBeGreaterThan(20)
    const open = ['POST /api/session', 'GET /api/health/live']
    for (const { method, path } of routes.filter(({ method, path }) => !open.includes(`${method} ${path}`))) {
      const answer = await request.fetch(path, { method, headers: { origin: baseURL!, ...(method === 'POST' && { 'content-type': 'application/json' }) }, ...(method === 'POST' && { data: '{"mode":"plan","params":{}}' }) })
      expect(answer.status(), `${method} ${path}`).toBe(401)
      expect(await answer.json(), `${method} ${path}`).toMatchObject({ code: 'unauthenticated', status: 401 })
    }
  })

  test('every page leads to the sign-in, and remembers where one was going', async ({ request }) => {
    expect(pages).toContain('/gates')
    for (const path of pages.filter(path => path !== '/sign-in')) {
      const answer = await request.get(`${path}?a=b`, { maxRedirects: 0 })
      expect(answer.status(), path).toBe(302)
      expect(answer.headers().location, path).toBe(`/sign-in?next=${encodeURIComponent(`${path}?a=b`)}`)
    }
  })

  test('a wrong name and a wrong password get one and the same answer', async ({ page }) => {
    await open(page, '/sign-in')
    await fill(page, 'nobody-of-this-name', 'not the password')
    await expect(page.getByRole('alert')).toHaveText('Name or password is wrong.')
    await expect(page.getByLabel('Password')).toHaveValue('')
    await expect(page.getByLabel('Password')).toBeFocused()
    await expectSound(page)
    await fill(page, 'reviewer', 'not the password')
    await expect(page.getByRole('alert')).toHaveText('Name or password is wrong.')
    await expect(page).toHaveURL(/\/sign-in$/)
  })

  test('the right ones lead on, with the keyboard alone', async ({ page }) => {
    await page.goto('/ledger?mode=apply')
    await expect(page).toHaveURL(/\/sign-in\?next=/)
    await expect(page.getByRole('button', { name: 'Sign in' })).toBeEnabled()
    await expect(page.getByLabel('Name')).toBeFocused()
    await page.keyboard.type('reviewer')
    await page.keyboard.press('Tab')
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press('Enter')
    await expect(page).toHaveURL(/\/ledger\?mode=apply$/)
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Ledger')
    const [cookie] = (await page.context().cookies()).filter(({ name }) => name === 'iu-session')
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' })
    // Back does not lead to the form.
    await page.goBack()
    await expect(page).not.toHaveURL(/sign-in/)
  })

  for (const next of ['//elsewhere.example/', '/\\elsewhere.example', 'https://elsewhere.example/', '/\t/elsewhere.example', 'javascript:alert(1)', '/sign-in?next=/sign-in']) {
    test(`it does not lead to ${JSON.stringify(next)}`, async ({ page, baseURL }) => {
      await open(page, `/sign-in?next=${encodeURIComponent(next)}`)
      await fill(page, 'reviewer', PASSWORD)
      await expect(page).toHaveURL(`${baseURL}/`)
      await expect(page.getByRole('heading', { level: 1 })).toHaveText('Overview')
    })
  }

  test('who guesses too often waits, is told how long, and may go on then', async ({ page }) => {
    const account = `who-guesses-${crypto.randomUUID().slice(0, 8)}`
    await open(page, '/sign-in')
    const problem = page.getByRole('alert')
    for (let attempt = 1; attempt <= 5; attempt++) {
      const answer = page.waitForResponse('**/api/session')
      await fill(page, account, `guess ${attempt}`)
      expect((await answer).status()).toBe(401)
      await expect(problem).toContainText('wrong')
    }
    await fill(page, account, 'guess 6')
    await expect(problem).toHaveText(/^\s*Too many attempts\. Try again in \d+ s\.\s*$/)
    await expect(page.getByRole('button', { name: 'Sign in' })).toBeDisabled()
    await expect(page.getByRole('button', { name: 'Sign in' })).toBeEnabled()
    await expect(problem).toBeEmpty()
  })

  test('before its scripts are there, the form sends nothing', async ({ browser, baseURL }) => {
    const context = await browser.newContext({ baseURL, javaScriptEnabled: false })
    const page = await context.newPage()
    await page.goto('/sign-in')
    await expect(page.getByRole('button', { name: 'Sign in' })).toBeDisabled()
    await page.getByLabel('Name').fill('reviewer')
    await page.getByLabel('Password').fill('in no address')
    await page.getByLabel('Password').press('Enter')
    await expect(page).toHaveURL(/\/sign-in$/)
    await expect(page.locator('form')).toHaveAttribute('method', 'post')
    await context.close()
  })

  test('it is accessible, fits a phone, and is titled', async ({ page }) => {
    await open(page, '/sign-in?next=/gates')
    await expect(page).toHaveTitle('Sign in · IU Core')
    await expect(page.getByText('Then on to /gates')).toBeVisible()
    await expectSound(page)
  })

  test('its scripts are within the budget', ({ page }) => expectSmall(page, '/sign-in'))
})

test.describe('somebody', () => {
  test.use({ person: 'reviewer' })

  test('goes on from the sign-in at once', async ({ page }) => {
    await page.goto('/sign-in?next=/ledger')
    await expect(page).toHaveURL(/\/ledger$/)
  })
})

test('who signs out is out, in the browser and in the database', async ({ browser, baseURL }) => {
  const context = await browser.newContext({ baseURL, storageState: { cookies: [], origins: [] } })
  const page = await context.newPage()
  await open(page, '/sign-in')
  await fill(page, 'reviewer', PASSWORD)
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Overview')
  await hydrated(page)
  const { cookies } = await context.storageState()
  await page.getByRole('button', { name: /reviewer: account$/ }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await expect(page).toHaveURL(/\/sign-in/)
  expect((await context.request.get('/api/session')).status()).toBe(401)
  // The cookie that somebody kept is worth nothing.
  await context.addCookies(cookies)
  expect((await context.request.get('/api/session')).status()).toBe(401)
  await context.close()
})
