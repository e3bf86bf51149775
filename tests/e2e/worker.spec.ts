import type { Page } from '@playwright/test'
import type { Worker } from '../../shared/read-models/worker.ts'
import { expect, expectSmall, expectSound, open, test } from './page.ts'

// One after the other: the world is everybody's, and is left as it was found.
test.describe.configure({ mode: 'default' })
test.use({ person: 'approver' })

const dialog = (page: Page) => page.getByRole('dialog')
const model = async (page: Page) => await (await page.request.get('/api/worker')).json() as Worker

/** Carries out what a button opened: its fields, a reason where there is one to give, and the receipt. */
async function carry(page: Page, fields: Record<string, string> = {}) {
  for (const [label, value] of Object.entries(fields)) await dialog(page).getByLabel(label).fill(value)
  await expect(dialog(page).getByRole('button', { name: 'Apply', exact: true })).toBeVisible()
  const plan = dialog(page).getByRole('button', { name: 'Plan', exact: true })
  if (await plan.count()) await plan.click()
  await dialog(page).getByLabel('Why').fill('a spec')
  // A click while a plan comes in may be lost; once it is taken there is no such button any more.
  const apply = dialog(page).getByRole('button', { name: 'Apply', exact: true })
  await expect(async () => {
    await apply.evaluateAll(buttons => buttons.forEach(button => (button as HTMLButtonElement).click()))
    expect(await dialog(page).locator('[data-receipt][data-status="verified"]').count()).toBe(1)
  }).toPass()
  await dialog(page).getByRole('button', { name: 'Done', exact: true }).click()
  await expect(dialog(page)).toHaveCount(0)
}

test('a worker is split and joined, and its passes are on record', async ({ page }) => {
  await open(page, '/worker')
  await expect(page.getByRole('region', { name: 'Passes' }).locator('tbody tr').first()).toContainText('iu_outbound_default')
  await page.getByRole('button', { name: 'Split', exact: true }).click()
  await carry(page, { 'New worker': 'spec_upper' })
  await expect(page.getByText('Buckets 8 to 15: spec_upper')).toBeAttached()
  expect((await model(page)).workers.map(({ workerCode, bucketFrom, bucketTo }) => [workerCode, bucketFrom, bucketTo])).toEqual([['iu_outbound_default', 0, 7], ['spec_upper', 8, 15]])
  await expectSound(page)
  await page.getByRole('button', { name: 'Join spec_upper' }).click()
  await carry(page)
  await expect(page.getByText('Buckets 0 to 15: iu_outbound_default')).toBeAttached()
})

test('the schedule that is enabled is run by this console, until it is disabled', async ({ page }) => {
  await open(page, '/worker')
  const schedule = page.getByRole('region', { name: 'Schedule' })
  await expect(schedule).toContainText('run no passes')
  await schedule.getByRole('button', { name: 'Enable' }).click()
  await carry(page)
  await expect(schedule).toContainText('route every worker\'s events, 250 ms after')
  await expect.poll(async () => (await model(page)).processes.map(({ kind, runBy, isStale }) => ({ kind, runBy, isStale }))).toEqual([{ kind: 'schedule', runBy: 'db:spec_worker', isStale: false }])
  await schedule.getByRole('button', { name: 'Disable' }).click()
  await carry(page)
  await expect.poll(async () => (await model(page)).processes).toEqual([])
})

test.describe('who may only read', () => {
  test.use({ person: 'reviewer' })
  test('sees it all and is told what is missing', async ({ page }) => {
    await open(page, '/worker')
    for (const name of ['Split', 'Enable']) await expect(page.getByRole('button', { name, exact: true })).toHaveAccessibleDescription(/needs the right approver/)
    await expectSound(page)
  })
})

test('its scripts are within the budget', ({ page }) => expectSmall(page, '/worker'))
