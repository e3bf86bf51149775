import type { Page } from '@playwright/test'
import { expect, expectSmall, expectSound, hydrated, open, test } from './page.ts'

const events = (page: Page) => page.getByRole('region', { name: 'List of attempts' }).locator('tbody th').allTextContents().then(cells => cells.map(Number))

test('a cell of the matrix leads to its attempts', async ({ page }) => {
  await open(page, '/attempts')
  const cell = page.getByRole('link', { name: /, failed: / }).first()
  const count = (await cell.textContent())!.trim()
  await cell.click()
  await expect(page).toHaveURL(/[?&]status=failed/)
  await expect(page.locator('#attempts').getByText(`${count} attempt`, { exact: false }).first()).toBeVisible()
  await expect(page.getByRole('region', { name: 'List of attempts' }).locator('tbody tr').first()).toContainText('failed')
  await page.goBack()
  await expect(page).toHaveURL(/\/attempts$/)
})

test('the totals are the sum of the rows', async ({ page }) => {
  await open(page, '/attempts')
  const matrix = page.getByRole('region', { name: 'Attempts by route and outcome' })
  const numbers = (cells: string[]) => cells.map(cell => Number(cell.replace(/[^\d]/g, '')))
  const rows = await Promise.all((await matrix.locator('tbody tr').all()).map(async row => numbers(await row.locator('td').allTextContents())))
  const totals = numbers(await matrix.locator('tfoot td').allTextContents())
  for (const column of [0, 1, 2, 3, 4]) expect(rows.reduce((sum, row) => sum + row[column]!, 0)).toBe(totals[column])
})

test('on a phone the names of the routes stay beside their counts', async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 740 })
  await open(page, '/attempts')
  const matrix = page.getByRole('region', { name: 'Attempts by route and outcome' })
  await matrix.evaluate(frame => frame.scrollTo({ left: frame.scrollWidth }))
  await expect(matrix.getByRole('rowheader').first()).toBeInViewport({ ratio: 1 })
})

test('the chart has a range in the address, and a table of the same', async ({ page }) => {
  await open(page, '/attempts')
  await expect(page.getByRole('img', { name: /Attempts over time/ })).toBeVisible()
  await page.getByRole('link', { name: '7 days' }).click()
  await expect(page).toHaveURL(/[?&]range=7d/)
  await page.getByText('The same as a table').click()
  await expect(page.getByRole('region', { name: 'Attempts over time' }).getByRole('table')).toBeVisible()
})

test('filters add up in the address, and clear', async ({ page }) => {
  await open(page, '/attempts')
  await page.getByRole('combobox', { name: 'Outcome' }).selectOption('skipped')
  await expect(page).toHaveURL(/[?&]status=skipped/)
  await page.reload()
  await expect(page.getByRole('combobox', { name: 'Outcome' })).toHaveValue('skipped')
  await hydrated(page)
  await expect(page.getByRole('region', { name: 'List of attempts' }).locator('tbody tr').first()).toContainText('skipped')
  await page.getByRole('button', { name: 'Clear' }).click()
  await expect(page).toHaveURL(/\/attempts$/)
})

test('the newest come first, and pages follow each other', async ({ page }) => {
  await open(page, '/attempts')
  const first = await events(page)
  expect(first).toEqual([...first].sort((a, b) => b - a))
  await page.getByRole('link', { name: 'Next' }).click()
  await expect(page).toHaveURL(/[?&]after=/)
  await expect.poll(async () => (await events(page))[0]).toBeLessThanOrEqual(first.at(-1)!)
  await page.getByRole('link', { name: 'Previous' }).click()
  await expect.poll(() => events(page)).toEqual(first)
})

test('a filter that matches nothing says so; a bad one is named', async ({ page }) => {
  await open(page, '/attempts?route=no-such-route')
  await expect(page.getByText('No attempt matches')).toBeVisible()
  await expectSound(page)
  await open(page, '/attempts?after=yesterday', 400)
  await expect(page.getByRole('alert')).toContainText('after')
})

test('it is accessible, and fits a phone', async ({ page }) => {
  await open(page, '/attempts')
  await expectSound(page)
})

test('its scripts are within the budget', ({ page }) => expectSmall(page, '/attempts'))
