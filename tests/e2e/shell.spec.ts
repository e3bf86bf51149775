import { expect, expectSound, open, test } from './page.ts'

test('keys go, and help tells which', async ({ page }) => {
  await open(page, '/')
  for (const [key, path] of [['c', '/collections'], ['a', '/attempts'], ['d', '/dead-letters'], ['o', '/']] as const) {
    await page.keyboard.press('g')
    await page.keyboard.press(key)
    await expect(page).toHaveURL(new RegExp(`${path}$`))
  }
  await page.keyboard.press('?')
  await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible()
  await expectSound(page)
  await page.keyboard.press('Escape')
  await expect(page.getByRole('dialog')).toHaveCount(0)
})

test('t turns dark and light', async ({ page }) => {
  await page.emulateMedia({ colorScheme: 'light' })
  await open(page, '/')
  await page.keyboard.press('t')
  await expect(page.locator('html')).toHaveClass(/dark/)
  await page.reload()
  await expect(page.locator('html')).toHaveClass(/dark/)
})

test('the navigation narrows, and stays so', async ({ page }) => {
  await open(page, '/')
  await page.getByRole('button', { name: 'Narrow the navigation' }).click()
  await page.reload()
  await expect(page.getByRole('button', { name: 'Widen the navigation' })).toBeVisible()
  await expectSound(page)
})

test('on a phone the navigation slides over', async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 740 })
  await open(page, '/')
  await page.getByRole('button', { name: 'Navigation' }).click()
  await page.getByRole('dialog').getByRole('link', { name: 'Attempts' }).click()
  await expect(page).toHaveURL(/\/attempts$/)
  await expect(page.getByRole('dialog')).toHaveCount(0)
})

test('r refreshes what the page shows; pausing stops it', async ({ page }) => {
  await open(page, '/')
  const refreshed = page.waitForResponse(/\/api\/accounting/)
  await page.keyboard.press('r')
  await refreshed
  await page.getByRole('button', { name: 'Pause refreshing' }).click()
  await expect(page.getByText('paused')).toBeVisible()
})

test('a failed refresh keeps what was read, and says so', async ({ page }) => {
  await open(page, '/dead-letters')
  const rows = await page.locator('tbody tr[data-row]').count()
  const problem = { type: 'urn:iu:problem:database_unavailable', title: 'The database cannot be reached', status: 503, code: 'database_unavailable' }
  await page.route('**/api/**', route => route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify(problem) }))
  // A refresh that is under way already is not begun again, and brings what was true: the next one comes by itself.
  await page.keyboard.press('r')
  await expect(page.getByText('This is what was last read')).toBeVisible()
  await expect(page.locator('tbody tr[data-row]')).toHaveCount(rows)
  await expectSound(page)
  // A page that has nothing yet says what is wrong, and reads again when asked to.
  await page.keyboard.press('g')
  await page.keyboard.press('c')
  await expect(page.getByRole('alert')).toContainText('The database cannot be reached')
  await expectSound(page)
  await page.unroute('**/api/**')
  await page.getByRole('button', { name: 'Try again' }).click()
  await expect(page.locator('tbody tr[data-row]').first()).toBeVisible()
})

test('only loopback names are answered, and only reads', async ({ request, baseURL }) => {
  const { port } = new URL(baseURL!)
  const elsewhere = await request.get('/api/health/live', { headers: { host: `iu.example:${port}` } })
  expect(elsewhere.status()).toBe(421)
  expect(elsewhere.headers()['content-type']).toContain('application/problem+json')
  for (const path of ['/', '/api/collections']) {
    const write = await request.post(path, { data: {} })
    expect(write.status()).toBe(405)
    expect(write.headers().allow).toBe('GET, HEAD')
  }
})

test('an unknown page is a real 404', async ({ page, request }) => {
  await open(page, '/no-such-page', 404)
  await expectSound(page)
  expect((await request.get('/api/no-such-model')).status()).toBe(404)
})
