import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Collections } from '../../shared/read-models/collections.ts'
import { expect, expectSmall, expectSound, open, test } from './page.ts'

const IU = join(import.meta.dirname, '../../server/cli/iu.ts')

test('a collection that is rendered while its export is stopped is behind, and in step after it runs', async ({ page, baseURL }, { parallelIndex }) => {
  const database = Object.assign(new URL(process.env.IU_E2E_DATABASE_URL!), { pathname: parallelIndex ? `iu_core_${parallelIndex + 1}` : 'iu_core' })
  const folder = mkdtempSync(join(tmpdir(), 'iu-e2e-export-'))
  const exported = (...args: string[]) => promisify(execFile)(process.execPath, [IU, 'export', '--to', folder, ...args], { env: { ...process.env, DATABASE_URL: database.href } })
  const layer = (code: string) => page.locator(`[data-layer=${code}]`)
  try {
    await open(page, '/')
    await page.keyboard.press('g')
    await page.keyboard.press('y')
    await expect(page).toHaveURL(/\/layers$/)
    await expect(page).toHaveTitle('Layers · IU Core')
    await expect(page.locator('[data-layer]')).toHaveCount(5)
    await expect(layer('knowledge_base')).toHaveAttribute('data-state', 'not_connected')
    for (const code of ['database', 'console']) await expect(layer(code)).toContainText('in step')
    for (const code of ['directus', 'vector_index']) await expect(layer(code)).toContainText('not connected')
    await expect(page.getByRole('region', { name: 'Contracts' }).locator('tbody tr').first()).toContainText('in step')

    await exported()
    await page.keyboard.press('r')
    await expect(layer('knowledge_base')).toHaveAttribute('data-state', 'in_step')

    const { rows: [collection] } = await (await page.request.get('/api/collections')).json() as Collections
    const response = await page.request.post('/api/commands/dot_iu_render_collection', { headers: { origin: baseURL! }, data: { mode: 'apply', params: { collection: collection!.address } } })
    expect(response.status(), await response.text()).toBe(200)
    await page.keyboard.press('r')
    await expect(layer('knowledge_base')).toHaveAttribute('data-state', 'behind')
    await expect(layer('knowledge_base')).toContainText('1 rendering is not in its files; an exporter runs for none')
    await expect(page.getByRole('region', { name: 'What folders lack' }).locator('tbody tr')).toContainText('behind')
    await expectSound(page)

    await exported()
    await page.keyboard.press('r')
    await expect(layer('knowledge_base')).toHaveAttribute('data-state', 'in_step')
    await expect(layer('knowledge_base')).toContainText(collection!.address)
  }
  finally {
    await exported('--forget')
    rmSync(folder, { recursive: true })
  }
})

test('its scripts are within the budget', ({ page }) => expectSmall(page, '/layers'))
