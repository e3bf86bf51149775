/** Health of collections, the composer's backlog and the backups, where an operator looks for them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { takeBackup } from '../../server/backup/take.ts'
import { within } from '../../server/cli/database.ts'
import { DRIZZLE, readUnits } from '../../server/deploy/index.ts'
import type { CollectionFindings } from '../../shared/read-models/collection-health.ts'
import type { Overview } from '../../shared/read-models/overview.ts'
import { expect, expectSound, open } from './page.ts'
import { dialog, leave, makeDocument, press, receipt, test } from './support/own-world.ts'

test.describe.configure({ mode: 'default' })
test.use({ person: 'operator' })

const facts = (page: Page) => page.getByRole('region', { name: 'Health of the collection' })

test('a collection is healthy; broken behind everybody\'s back it is not, and Validate finds the same', async ({ page, world }) => {
  const collection = await makeDocument(world)
  await open(page, `/collections?q=${collection}`)
  const row = page.locator('tbody tr[data-row]')
  await expect(row).toContainText('healthy')
  await row.getByRole('link', { name: 'healthy' }).click()
  await expect(page).toHaveURL(/[?&]tab=health/)
  await expect(facts(page)).toContainText('healthy')
  await expect(page.getByRole('region', { name: 'Findings' })).toHaveCount(0)
  await expectSound(page)

  await within(world.db.options.connectionString!, async (client) => {
    await client.query('SET session_replication_role = replica')
    await client.query('UPDATE iu_core.iu_collection SET piece_count = piece_count + 1 WHERE canonical_address = $1', [collection])
  })
  await page.keyboard.press('r')
  await expect(facts(page)).toContainText('1 finding')
  await expect(facts(page)).toContainText('it says 5')
  const found = page.getByRole('region', { name: 'Findings' }).locator('tbody tr')
  await expect(found).toHaveCount(1)
  await expect(found).toContainText(/count mismatch\s*the collection itself\s*counted 4 pieces/)
  await expectSound(page)

  const { found: shown } = await (await page.request.get('/api/collections/findings', { params: { address: collection } })).json() as CollectionFindings
  await page.getByRole('button', { name: 'Validate', exact: true }).click()
  await press(page, 'Apply')
  await expect(receipt(page)).toHaveAttribute('data-status', 'verified')
  for (const { detail } of shown) await expect(dialog(page)).toContainText(detail)
  await leave(page)
  await open(page, `/collections?q=${collection}`)
  await expect(row.getByRole('link', { name: '1 finding' })).toBeVisible()
  await expectSound(page)
})

test('the overview tells the composer\'s part of the backlog, and the collections by their kept digests', async ({ page, world }) => {
  await makeDocument(world)
  await open(page, '/')
  const { composerBacklog, collections } = await (await page.request.get('/api/overview')).json() as Overview
  expect(composerBacklog.pending).toBeGreaterThan(0)
  await expect(page.locator('[data-composer-backlog]')).toContainText(`The composer's own: ${composerBacklog.pending} events`)
  const glance = page.getByRole('list', { name: 'At a glance' }).getByRole('link', { name: /^Collections/ })
  await expect(glance).toContainText(`by their kept digests: ${collections.differing} not as imported, ${collections.notRendered} not rendered`)
  await expectSound(page)
})

test('backups that were tried are told with their age, and what cannot be restored with the reason', async ({ page, world }) => {
  await open(page, '/layers')
  await expect(page.getByText('No backup was tried yet')).toBeVisible()
  await expectSound(page)
  const folder = mkdtempSync(join(tmpdir(), 'iu-e2e-backup-'))
  try {
    await within(world.db.options.connectionString!, async (client) => {
      await takeBackup(client, { folder, kind: 'copy', units: readUnits(DRIZZLE) })
      const checks = ['restored', 'rows', 'units', 'conformance', 'accounting'].map(name => ({ name, ok: name !== 'rows', detail: name === 'rows' ? 'one row is missing' : '' }))
      await client.query(`SELECT iu_core.fn_dot_backup_record(to_jsonb(e) || '{"file_name": "broken.tar"}', $1) FROM iu_core.v_iu_backup_evidence AS e`, [JSON.stringify(checks)])
    })
  }
  finally {
    rmSync(folder, { recursive: true })
  }
  await page.keyboard.press('r')
  const rows = page.getByRole('region', { name: 'Backups that were tried' }).locator('tbody tr')
  await expect(rows).toHaveCount(2)
  await expect(rows.first()).toContainText(/broken\.tar[^]*not restorable[^]*rows: one row is missing/)
  await expect(rows.last()).toContainText(/restorable/)
  await expect(page.locator('[data-last-restorable]')).toContainText(/The newest that can be restored was taken .+ ago; (?:nothing|something) was written since\./)
  await expectSound(page)
})

test.describe('who has no right to it', () => {
  test.use({ person: 'reviewer' })

  test('a reviewer sees it all; a token that may not read, and nobody, do not', async ({ page, world, playwright }) => {
    const collection = await makeDocument(world)
    const paths = ['/api/collections/health', `/api/collections/findings?address=${collection}`, '/api/backups']
    for (const path of paths) expect((await page.request.get(path)).status(), path).toBe(200)
    const manager = await world.signIn('manager')
    const { secret } = await manager.carry('dot_iu_issue_token', { label: 'x', scopes: ['dot_iu_create_piece'], expires_at: new Date(Date.now() + 3_600_000).toISOString() })
    const nobody = await playwright.request.newContext({ baseURL: world.origin, storageState: { cookies: [], origins: [] } })
    for (const path of paths) {
      expect((await nobody.get(path)).status(), path).toBe(401)
      expect((await nobody.get(path, { headers: { authorization: `Bearer ${secret!.token}` } })).status(), path).toBe(403)
    }
    await nobody.dispose()
    // A page that may not read it says so in its place, and shows the rest.
    await page.route('**/api/backups', route => route.fulfill({ status: 403, contentType: 'application/problem+json', body: JSON.stringify({ type: 'urn:iu:problem:forbidden', title: 'The right for it is missing', status: 403, code: 'forbidden' }) }))
    await open(page, '/gates')
    await page.getByRole('link', { name: 'Layers', exact: true }).click()
    await expect(page.getByRole('alert')).toContainText('The right for it is missing')
    await expect(page.locator('[data-layer]')).toHaveCount(5)
    await expectSound(page)
  })
})
