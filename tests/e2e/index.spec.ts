import { expect, expectSmall, expectSound, open, test } from './page.ts'

test('the overview accounts for every event', async ({ page }) => {
  await open(page, '/')
  await expect(page).toHaveTitle('Overview · IU Core')
  const accounting = page.getByRole('region', { name: 'Accounting of events' })
  await expect(accounting).toContainText('Every event is accounted for')
  const terms = await accounting.locator('dl > div').evaluateAll(items => items.map(item => Number(item.querySelector('dd')!.textContent!.replace(/[^\d]/g, ''))))
  const [events, ...others] = terms
  expect(others).toHaveLength(7)
  expect(others.reduce((sum, term) => sum + term, 0)).toBe(events)
  expect(others.at(-1)).toBe(0)
})

test('it lists the gates with their state', async ({ page }) => {
  await open(page, '/')
  const gates = page.getByRole('region', { name: 'Gates' }).getByRole('listitem')
  await expect(gates).toHaveCount(7)
  for (const gate of await gates.all()) await expect(gate).toContainText(/open|closed/)
})

test('its numbers lead to their pages', async ({ page }) => {
  await open(page, '/')
  await page.getByRole('list', { name: 'At a glance' }).getByRole('link', { name: /dead letters/i }).click()
  await expect(page).toHaveURL(/\/dead-letters$/)
  await page.goBack()
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Overview')
})

test('it is accessible, and fits a phone', async ({ page }) => {
  await open(page, '/')
  await expectSound(page)
})

test('its scripts are within the budget', ({ page }) => expectSmall(page, '/'))
