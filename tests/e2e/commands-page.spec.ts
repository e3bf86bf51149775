import { COMMANDS } from '../../shared/commands/index.ts'
import type { Commands } from '../../shared/read-models/commands.ts'
import { expect, expectSmall, expectSound, open, test } from './page.ts'

test('every command is listed under its area, with tier, right and gates', async ({ page }) => {
  await open(page, '/commands')
  await expect(page).toHaveTitle('Commands · IU Core')
  const groups = page.getByRole('region', { name: 'Commands' }).locator('tbody')
  const shown = await groups.evaluateAll(areas => areas.flatMap(area => [...area.querySelectorAll('tr[data-row]')].map(row => ({
    area: area.querySelector('tr')!.textContent!.trim().toLowerCase(), code: row.querySelector('th code')!.textContent!.trim(), tier: row.querySelectorAll('td span')[0]!.textContent!.trim(), right: row.querySelectorAll('td span')[1]!.textContent!.trim(),
  }))))
  const byCode = (a: { code: string }, b: { code: string }) => a.code < b.code ? -1 : 1
  expect(shown.sort(byCode)).toEqual(COMMANDS.map(({ code, area, tier, right }) => ({ area, code, tier: `T${tier}`, right })).sort(byCode))
  await expect(page.getByText('a plan, a reason and the name typed once more; to open a gate, a second person as well')).toBeVisible()
  const row = page.getByRole('row').filter({ hasText: 'dot_iu_render_collection' })
  await row.getByRole('link', { name: 'composer_enabled' }).click()
  await expect(page).toHaveURL(/\/gates#iu_core\.composer_enabled$/)
})

test('the list is sorted by what it shows, and fits a small screen', async ({ page }) => {
  await page.setViewportSize({ width: 1280, height: 800 })
  await open(page, '/commands')
  const list = page.getByRole('region', { name: 'Commands' })
  const labels = (await list.locator('tbody').first().locator('th a').allTextContents()).map(label => label.trim())
  expect(labels).toEqual([...labels].sort((a, b) => a.localeCompare(b, 'en')))
  expect(await list.evaluate(frame => frame.scrollWidth - frame.clientWidth)).toBe(0)
})

test('a count leads to the runs that it counts', async ({ page }) => {
  const { commands } = await (await page.request.get('/api/commands')).json() as Commands
  const { succeeded } = commands.find(({ command }) => command === 'dot_iu_import_text')!
  expect(succeeded).toBeGreaterThan(0)
  await open(page, '/commands')
  await page.getByRole('link', { name: `Import text, succeeded: ${succeeded}` }).click()
  await expect(page).toHaveURL(/\/ledger\?command=dot_iu_import_text&status=succeeded&mode=apply$/)
  await expect(page.getByText(`${succeeded} runs`).first()).toBeVisible()
})

test('a command has its parameters, the lines to copy, and its runs', async ({ page, baseURL }) => {
  await open(page, '/commands')
  await page.getByRole('link', { name: 'Open gate', exact: true }).click()
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Open gate')
  const parameter = page.getByRole('region', { name: 'List of parameters' }).getByRole('row').filter({ hasText: 'gate' }).first()
  await expect(parameter).toContainText(/required.*string.*1 to 120 characters/s)
  await expect(page.getByRole('region', { name: 'List of parameters' }).getByRole('row').last()).toContainText('the database closes it then')
  await page.getByRole('button', { name: 'Copy the lines of the shell' }).click()
  expect((await page.evaluate(() => navigator.clipboard.readText())).split('\n')).toEqual([
    'iu command dot_iu_open_gate --plan --params \'{"gate":"…"}\'',
    'iu command dot_iu_open_gate --apply --params \'{"gate":"…"}\' --reason \'…\' --plan-digest DIGEST --confirm \'…\'',
  ])
  await expect(page.getByRole('region', { name: 'Over HTTP' })).toContainText(`${baseURL}/api/commands/dot_iu_open_gate`)
  await expect(page.getByRole('region', { name: 'Newest runs' })).toContainText('gate:iu_core.')
  await expectSound(page)
})

test('its button opens an empty form', async ({ page }) => {
  await open(page, '/commands/dot_iu_create_collection')
  await page.getByRole('button', { name: 'New collection' }).click()
  const dialog = page.getByRole('dialog')
  await expect(dialog.getByLabel('Address')).toHaveValue('')
  await page.keyboard.press('Escape')
  await expect(dialog).toHaveCount(0)
})

test('an unknown command is a real 404', ({ page }) => open(page, '/commands/dot_iu_make_tea', 404))

test.describe('a reviewer', () => {
  test.use({ person: 'reviewer' })

  test('sees which are not for them', async ({ page }) => {
    await open(page, '/commands')
    await expect(page.getByRole('row').filter({ hasText: 'dot_iu_open_gate' })).toContainText('not your right')
    await expect(page.getByRole('row').filter({ hasText: 'dot_iu_set_password' })).toContainText('ready')
  })
})

test('g m leads there; it is accessible, and fits a phone', async ({ page }) => {
  await open(page, '/')
  await page.keyboard.press('g')
  await page.keyboard.press('m')
  await expect(page).toHaveURL(/\/commands$/)
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Commands')
  await expectSound(page)
})

test('its scripts are within the budget', ({ page }) => expectSmall(page, '/commands'))
test('so are those of a command', ({ page }) => expectSmall(page, '/commands/dot_iu_create_piece'))
