import { expect, expectSmall, expectSound, open, test } from './page.ts'

test('a cause filters the list, and Back takes it away', async ({ page }) => {
  await open(page, '/dead-letters')
  const rows = page.locator('tbody tr[data-row]')
  const cause = page.locator('tr[data-cause]').first()
  const count = Number((await cause.locator('td.num').first().textContent())!.trim())
  await cause.getByRole('link').click()
  await expect(page).toHaveURL(/[?&]cause=[0-9a-f]{16}/)
  await expect(page.getByText(`${count} open dead letter`, { exact: false }).first()).toBeVisible()
  await expect(rows).toHaveCount(Math.min(count, 25))
  await page.goBack()
  await expect(page).toHaveURL(/\/dead-letters$/)
})

test('a dead letter opens to its payload, which copies as JSON', async ({ page }) => {
  await open(page, '/dead-letters')
  await expect(page.locator('tbody pre')).toHaveCount(0)
  await page.getByRole('link', { name: /^Show dead letter/ }).first().click()
  await expect(page).toHaveURL(/[?&]open=\d+/)
  const payload = page.locator('tbody pre')
  await expect(payload).not.toBeEmpty()
  await page.getByRole('button', { name: 'Copy payload' }).click()
  expect(JSON.parse(await page.evaluate(() => navigator.clipboard.readText()))).toEqual(JSON.parse((await payload.textContent())!))
  await expectSound(page)
  // On a phone it is as wide as what is seen of the table.
  await page.setViewportSize({ width: 360, height: 740 })
  await expect.poll(async () => {
    const { x, width } = (await payload.boundingBox())!
    return x >= 0 && x + width <= 360
  }).toBe(true)
})

test('a cause that has gone says so', async ({ page }) => {
  await open(page, '/dead-letters?cause=0123456789abcdef&from=2026-01-01T00:00:00Z')
  await expect(page.getByText('No open dead letter matches')).toBeVisible()
  await expectSound(page)
})

test('it is accessible, and fits a phone', async ({ page }) => {
  await open(page, '/dead-letters')
  await expectSound(page)
})

test('its scripts are within the budget', ({ page }) => expectSmall(page, '/dead-letters'))
