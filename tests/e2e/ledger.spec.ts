import type { APIRequestContext, Page } from '@playwright/test'
import type { Receipt } from '../../shared/commands/receipt.ts'
import type { Ledger } from '../../shared/read-models/ledger.ts'
import { PASSWORD } from './support/accounts.ts'
import { expect, expectSmall, expectSound, hydrated, open, test } from './page.ts'

const rows = (page: Page) => page.getByRole('region', { name: 'Runs' }).locator('tbody tr')
const numbers = (page: Page) => rows(page).locator('th').allTextContents().then(cells => cells.map(Number))
const head = (page: Page) => page.locator('main header')
const dialog = (page: Page) => page.getByRole('dialog')

async function run(request: APIRequestContext, baseURL: string, command: string, data: Record<string, unknown>, status = 200) {
  const answer = await request.post(`/api/commands/${command}`, { data, headers: { 'origin': baseURL, 'idempotency-key': crypto.randomUUID() } })
  expect(answer.status(), await answer.text()).toBe(status)
  return await answer.json() as Receipt
}

/** A piece of its own for a test. */
const address = () => `e2e/ledger-${crypto.randomUUID().slice(0, 8)}`
const create = (request: APIRequestContext, baseURL: string, name: string) =>
  run(request, baseURL, 'dot_iu_create_piece', { mode: 'apply', params: { address: name, kind: 'paragraph', body: 'A piece.\n' }, reason: 'something to look at' })

test('the newest runs come first, and pages follow each other', async ({ page }) => {
  await open(page, '/ledger')
  const first = await numbers(page)
  expect(first).toEqual([...first].sort((a, b) => b - a))
  await page.getByRole('link', { name: 'Next' }).click()
  await expect(page).toHaveURL(/[?&]after=/)
  await expect.poll(async () => (await numbers(page))[0]).toBeLessThan(first.at(-1)!)
  await page.getByRole('link', { name: 'Previous' }).click()
  await expect(page).toHaveURL(/[?&]before=/)
  await expect.poll(async () => (await numbers(page)).at(-1)).toBe(first.at(-1)!)
})

test('the table fits a usual screen', async ({ page }) => {
  await open(page, '/ledger')
  expect(await page.getByRole('region', { name: 'Runs' }).evaluate(frame => frame.scrollWidth - frame.clientWidth)).toBe(0)
})

test('filters stand in the address, add up, and clear', async ({ page }) => {
  await open(page, '/ledger')
  await page.getByRole('combobox', { name: 'Mode' }).selectOption('apply')
  await expect(page).toHaveURL(/[?&]mode=apply/)
  await page.getByRole('combobox', { name: 'Command' }).selectOption('Add account')
  await expect(page).toHaveURL(/mode=apply.*command=dot_iu_add_account/)
  await page.reload()
  await hydrated(page)
  await expect(page.getByRole('combobox', { name: 'Command' })).toHaveValue('dot_iu_add_account')
  const { total } = await (await page.request.get('/api/ledger?mode=apply&command=dot_iu_add_account')).json() as Ledger
  await expect(page.getByText(`${total} runs`).first()).toBeVisible()
  for (const row of await rows(page).all()) await expect(row).toContainText(/Add account.+apply/s)
  await page.getByRole('button', { name: 'Clear' }).click()
  await expect(page).toHaveURL(/\/ledger$/)
  await page.goBack()
  await expect(page).toHaveURL(/command=dot_iu_add_account/)
})

test('an actor and an object filter by a press on them, or typed whole', async ({ page, baseURL }) => {
  const name = address()
  await create(page.request, baseURL!, name)
  await open(page, '/ledger')
  await rows(page).getByRole('link', { name: `unit:${name}` }).click()
  await expect(page).toHaveURL(url => url.searchParams.get('object') === `unit:${name}`)
  await expect(rows(page)).toHaveCount(1)
  await expect(page.getByRole('searchbox', { name: 'Object' })).toHaveValue(`unit:${name}`)
  await page.getByRole('searchbox', { name: 'Actor' }).fill('nobody')
  await page.keyboard.press('Enter')
  await expect(page.getByText('No run matches')).toBeVisible()
  await expectSound(page)
  await page.getByRole('link', { name: 'Clear the filter' }).click()
  await rows(page).getByRole('link', { name: 'manager' }).first().click()
  await expect(page).toHaveURL(/[?&]actor=manager/)
})

test('a bad filter is named, with the status of a bad request', async ({ page }) => {
  await open(page, '/ledger?mode=dream', 400)
  await expect(page.getByRole('alert')).toContainText('mode')
})

test('the chain shows its head, and the line that verifies against it', async ({ page, baseURL }) => {
  await create(page.request, baseURL!, address())
  // What was written is sealed some seconds later.
  await expect.poll(async () => (await (await page.request.get('/api/ledger')).json() as Ledger).chain.head).not.toBeNull()
  await open(page, '/ledger')
  const chain = page.getByRole('region', { name: 'The ledger\'s chain' })
  // It may grow while one looks.
  await expect(async () => {
    await chain.getByRole('button', { name: 'Copy the line that verifies the ledger' }).click()
    const line = await page.evaluate(() => navigator.clipboard.readText())
    expect(line).toMatch(/^iu ledger verify --head [0-9a-f]{64}$/)
    expect(await chain.textContent()).toContain(line.slice(-64).slice(0, 10))
  }).toPass()
})

test('a run shows its whole receipt, is verified again, and is undone with a reason', async ({ page, baseURL }) => {
  const name = address()
  const made = await create(page.request, baseURL!, name)
  await open(page, `/ledger/${made.run}`)
  await expect(page).toHaveTitle(`Run ${made.run}: Create piece · IU Core`)
  await expect(head(page)).toContainText(/Create piece.+not verified yet.+something to look at/s)
  const part = (title: string) => page.getByRole('region', { name: title, exact: true })
  await expect(part('Parameters')).toContainText('9 B; only the digest is kept')
  await expect(part('What it changed')).toContainText(name)
  await expect(part('Checks')).toContainText('Not verified yet')
  await page.getByText('The receipt as it stands in the ledger').click()
  expect(JSON.parse((await page.locator('details pre').textContent())!)).toMatchObject({ run: made.run, command: 'dot_iu_create_piece', params: { address: name } })
  await expectSound(page)

  await head(page).getByRole('button', { name: 'Verify', exact: true }).click()
  await expect(page.getByText('Checked now: verified.')).toBeVisible()
  await expect(part('Checks').getByRole('link', { name: /^run \d+$/ })).toBeVisible()
  await expect(head(page).getByRole('button', { name: 'Verify again' })).toBeVisible()
  await expect(part('Checks').getByRole('listitem').first()).toContainText('holds')

  await head(page).getByRole('button', { name: 'Undo' }).click()
  await dialog(page).getByRole('button', { name: 'Plan' }).click()
  await dialog(page).getByLabel('Why').fill('it was a try')
  await dialog(page).getByRole('button', { name: /^Apply/ }).click()
  await expect(dialog(page).locator('[data-receipt]')).toHaveAttribute('data-status', 'verified')
  await dialog(page).getByRole('button', { name: 'Done', exact: true }).click()
  await expect(head(page).getByRole('button', { name: 'Undo' })).toHaveAttribute('aria-disabled', 'true')
  await expect(head(page).getByRole('button', { name: 'Undo' })).toHaveAccessibleDescription(/^It is undone already, by run \d+\.$/)
  await page.locator('dl > div').filter({ hasText: 'Undone by' }).getByRole('link').click()
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Delete')
  await expect(page.getByRole('link', { name: `of run ${made.run}` })).toBeVisible()
})

test('events lead to their attempts', async ({ page, baseURL }) => {
  const made = await create(page.request, baseURL!, address())
  await open(page, `/ledger/${made.run}`)
  await page.getByRole('link', { name: 'iu.created' }).click()
  await expect(page).toHaveURL(/\/attempts\?type=iu\.created/)
})

test('a refused run says why, and that nothing was done', async ({ page, baseURL }) => {
  const { run: refused } = await run(page.request, baseURL!, 'dot_iu_retire_piece', { mode: 'plan', params: { piece: 'e2e/there-is-none' } }, 404)
  await open(page, `/ledger/${refused}`)
  await expect(page.getByRole('region', { name: 'Why it was refused' })).toContainText(/refused: not found.+e2e\/there-is-none/s)
  await expect(head(page).getByRole('button', { name: 'Undo' })).toHaveAccessibleDescription('Nothing was done: there is nothing to undo.')
  await expect(head(page).getByRole('button', { name: /^Verify/ })).toHaveCount(0)
  await expectSound(page)
})

test('what cannot be undone says so', async ({ page, baseURL }) => {
  const issued = await run(page.request, baseURL!, 'dot_iu_issue_token', { mode: 'apply', params: { label: 'for the ledger', current_password: PASSWORD, scopes: ['read'], expires_at: new Date(Date.now() + 3_600_000).toISOString() } })
  const revoked = await run(page.request, baseURL!, 'dot_iu_revoke_token', { mode: 'apply', params: issued.inverse!.params })
  await open(page, `/ledger/${revoked.run}`)
  await expect(head(page).getByRole('button', { name: 'Undo' })).toHaveAccessibleDescription('It cannot be undone. A revoked token stays dead; issue another.')
  // The secret is in no receipt.
  await open(page, `/ledger/${issued.run}`)
  expect(await page.content()).not.toContain(issued.secret!.token)
})

test('a run that no longer verifies is no success', async ({ page, baseURL }) => {
  const name = address()
  const made = await create(page.request, baseURL!, name)
  await run(page.request, baseURL!, 'dot_iu_revise_piece', { mode: 'apply', params: { piece: name, body: 'Another text.\n' } })
  await open(page, `/ledger/${made.run}`)
  await head(page).getByRole('button', { name: 'Verify', exact: true }).click()
  await expect(page.getByText('Checked now: unverified.')).toBeVisible()
  await expect(page.getByRole('heading', { level: 1 })).toContainText('not verified')
  await expect(page.getByRole('region', { name: 'Checks', exact: true })).toContainText('does not hold')
  await expectSound(page)
  await open(page, `/ledger?object=unit:${name}&command=dot_iu_create_piece&mode=apply`)
  await expect(rows(page)).toContainText('not verified')
})

test.describe('a reviewer', () => {
  test.use({ person: 'reviewer' })

  test('reads the ledger, and undoes nothing', async ({ page }) => {
    await open(page, '/ledger?command=dot_iu_register_route&mode=apply')
    await rows(page).first().getByRole('link', { name: /^Run/ }).click()
    await expect(head(page).getByRole('button', { name: /^Verify/ })).toHaveAccessibleDescription(/needs the right approver/)
    await expect(head(page).getByRole('button', { name: 'Undo' })).toHaveAttribute('aria-disabled', 'true')
  })
})

test('a run that is none is a real 404', async ({ page }) => {
  await open(page, '/ledger/999999999', 404)
  await open(page, '/ledger/no-number', 404)
})

test('g l leads there; j and Enter open a run', async ({ page }) => {
  await open(page, '/')
  await page.keyboard.press('g')
  await page.keyboard.press('l')
  await expect(page).toHaveURL(/\/ledger$/)
  await expect(rows(page).first()).toBeVisible()
  await page.keyboard.press('j')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/\/ledger\/\d+$/)
})

test('it is accessible, and fits a phone', async ({ page }) => {
  await open(page, '/ledger')
  await expectSound(page)
})

test('its scripts are within the budget', ({ page }) => expectSmall(page, '/ledger'))
test('so are those of a run', ({ page }) => expectSmall(page, '/ledger/1'))
