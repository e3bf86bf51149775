import { expect, expectSmall, expectSound, hydrated, open, rowLinks, test } from '../page.ts'

test('lists collections by address, with kind, size and round trip', async ({ page }) => {
  await open(page, '/collections')
  const addresses = await page.locator('tbody tr[data-row] th code').allTextContents()
  expect(addresses.length).toBeGreaterThanOrEqual(40)
  await expect(page.locator('tbody tr[data-row]').first()).toContainText(/identical|edited|differs|stale|no source/)
})

test('search is in the address, finds text as it stands, and Back undoes it', async ({ page }) => {
  await open(page, '/collections')
  const title = (await page.locator('tbody tr[data-row] th a').first().textContent())!.trim()
  await page.getByRole('searchbox').fill(title)
  await expect(page).toHaveURL(/[?&]q=/)
  await expect(page.locator('tbody tr[data-row] th').first()).toContainText(title)
  await page.getByRole('searchbox').fill('100%_nothing\\')
  await expect(page.getByText('No collection matches')).toBeVisible()
  await expectSound(page)
  await page.getByRole('link', { name: 'Clear search and filter' }).click()
  await expect(page).toHaveURL(/\/collections$/)
  await expect(page.getByRole('searchbox')).toHaveValue('')
})

test('a kind filters, and Back takes it away', async ({ page }) => {
  await open(page, '/collections')
  await page.getByRole('link', { name: 'Files' }).click()
  await expect(page).toHaveURL(/[?&]kind=file/)
  await expect(page.locator('tbody tr[data-row]').first()).toContainText('file')
  await page.goBack()
  await expect(page).toHaveURL(/\/collections$/)
  await expect(page.getByRole('link', { name: 'All kinds' })).toHaveAttribute('aria-current', 'true')
})

test('pages follow each other without a gap, and back again', async ({ page }) => {
  await open(page, '/collections')
  const first = await rowLinks(page)
  const next = page.getByRole('link', { name: 'Next' })
  await next.click()
  await expect(page).toHaveURL(/[?&]after=/)
  await expect.poll(() => rowLinks(page)).not.toEqual(first)
  const second = await rowLinks(page)
  expect(first.filter(link => second.includes(link))).toEqual([])
  await page.getByRole('link', { name: 'Previous' }).click()
  await expect.poll(() => rowLinks(page)).toEqual(first)
})

test('a bad parameter is named, with the status of a bad request', async ({ page, request }) => {
  await open(page, '/collections?kind=poem', 400)
  await expect(page.getByRole('alert')).toContainText('kind')
  await expectSound(page)
  const answer = await request.get('/api/collections?kind=poem')
  expect(answer.status()).toBe(400)
  expect(answer.headers()['content-type']).toContain('application/problem+json')
  expect(await answer.json()).toMatchObject({ code: 'invalid_query', status: 400, errors: [{ field: 'kind' }] })
})

test('slash goes to the search from any page', async ({ page }) => {
  await open(page, '/')
  await page.keyboard.press('/')
  await expect(page).toHaveURL(/\/collections$/)
  await hydrated(page)
  await expect(page.getByRole('searchbox')).toBeVisible()
})

test('Escape clears the search and leaves it', async ({ page }) => {
  await open(page, '/collections')
  await page.keyboard.press('/')
  await page.keyboard.type('first')
  await expect(page).toHaveURL(/[?&]q=first$/)
  await page.keyboard.press('Escape')
  await expect(page).toHaveURL(/\/collections$/)
  await page.keyboard.press('g')
  await page.keyboard.press('l')
  await expect(page).toHaveURL(/\/ledger$/)
})

test('it is accessible, and fits a phone', async ({ page }) => {
  await open(page, '/collections')
  await expectSound(page)
})

test('its scripts are within the budget', ({ page }) => expectSmall(page, '/collections'))
