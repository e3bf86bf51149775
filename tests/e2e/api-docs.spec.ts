import { openapiDocument } from '../../shared/openapi.ts'
import { expect, expectSmall, expectSound, open, test } from './page.ts'

const document = openapiDocument('http://127.0.0.1')

test('lists every operation, and finds them', async ({ page }) => {
  await open(page, '/api-docs')
  await expect(page).toHaveTitle('API · IU Core')
  const operations = Object.values(document.paths).flatMap(item => Object.values(item))
  await expect(page.locator('main [data-row]')).toHaveCount(operations.length)
  await page.getByRole('searchbox').fill('replay dead')
  await expect(page).toHaveURL(/[?&]q=replay/)
  await expect(page.locator('main [data-row]')).toHaveCount(4)
  await page.getByRole('searchbox').fill('no such operation at all')
  await expect(page.getByText('No operation matches')).toBeVisible()
  await expectSound(page)
  await page.getByRole('link', { name: 'Clear the search' }).click()
  await expect(page.locator('main [data-row]')).toHaveCount(operations.length)
})

test('opens an operation to its parameters, body, responses and a line to copy', async ({ page, baseURL }) => {
  await open(page, '/api-docs')
  await page.getByRole('link', { name: /POST \/api\/commands\/dot_iu_open_gate/i }).click()
  await expect(page).toHaveURL(/[?&]open=dot_iu_open_gate#dot_iu_open_gate$/)
  const operation = page.locator('#dot_iu_open_gate')
  await expect(operation).toContainText('second person')
  await expect(operation.getByRole('region', { name: 'Body of dot_iu_open_gate' })).toContainText('expires_at')
  for (const [status, code] of [['409', 'stale_plan'], ['403', 'second_person_required'], ['423', 'gate_closed']]) {
    const response = operation.getByRole('region', { name: /^Responses/ }).getByRole('listitem').filter({ hasText: status })
    if (code === 'gate_closed') await expect(response).toHaveCount(0)
    else await expect(response).toContainText(code!)
  }
  await operation.getByRole('button', { name: 'Copy the curl line' }).first().click()
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe([
    `curl -X POST '${baseURL}/api/commands/dot_iu_open_gate'`, '-H "Authorization: Bearer $IU_TOKEN"', '-H \'Content-Type: application/json\'', '-d \'{"mode":"plan","params":{"gate":"iu_core.routes_master_enabled"}}\'',
  ].join(' \\\n  '))
  await expectSound(page)
  await page.reload()
  await expect(operation.getByRole('region', { name: /^Responses/ })).toBeVisible()
  await operation.getByRole('link', { name: /dot_iu_open_gate/ }).first().click()
  await expect(operation.getByRole('region', { name: /^Responses/ })).toHaveCount(0)
})

test('an anchor alone opens its operation', async ({ page }) => {
  await open(page, '/api-docs#getAttempts')
  await expect(page.locator('#getAttempts').getByRole('region', { name: 'Parameters', exact: true })).toContainText('status')
  await expectSound(page)
})

test('g i leads there; it reads the document once, and from here only', async ({ page }) => {
  const asked: string[] = []
  page.on('request', request => asked.push(new URL(request.url()).pathname))
  await open(page, '/')
  await page.keyboard.press('g')
  await page.keyboard.press('i')
  await expect(page).toHaveURL(/\/api-docs$/)
  await expect(page.locator('#getAttempts')).toBeVisible()
  const refreshed = page.waitForResponse(/\/api\/shell/)
  await page.keyboard.press('r')
  await refreshed
  expect(asked.filter(path => path === '/api/openapi')).toHaveLength(1)
})

test('its scripts are within the budget', ({ page }) => expectSmall(page, '/api-docs'))
