import { expect, expectSmall, expectSound, open, test } from './page.ts'

test('a probe is run from its page, and shows what each scenario found and that nothing is left', async ({ page }) => {
  await open(page, '/')
  await page.keyboard.press('g')
  await page.keyboard.press('p')
  await expect(page).toHaveURL(/\/proof$/)
  await expect(page).toHaveTitle('Proof · IU Core')
  await expect(page.locator('[data-work]')).toHaveCount(9)
  await expect(page.getByText('9 of 9 hold')).toBeVisible()
  await expect(page.getByText('No probe has been run on this database')).toBeVisible()
  await page.getByRole('button', { name: 'Run probe' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Apply', exact: true }).click()
  await expect(dialog.locator('[data-receipt]')).toHaveAttribute('data-status', 'verified')
  await expect(dialog).toContainText('nothing is left')
  await dialog.getByRole('button', { name: 'Done', exact: true }).click()
  await expect(page.locator('[data-scenario][data-status=passed]')).toHaveCount(8)
  await expect(page.getByText('8 of 8 passed')).toBeVisible()
  await expect(page.getByRole('region', { name: 'What it left' }).locator('tbody td')).toHaveText(Array.from({ length: 12 }, () => '0'))
  await expectSound(page)
})

test('what does not pass, does not hold or is left says so', async ({ page }) => {
  await open(page, '/proof')
  await page.route('**/api/proof', async (route) => {
    const proof = await (await route.fetch()).json() as { works: object[] }
    const scenario = { name: 'A: scenario', kind: 'probe', expected: { seen: 3, lane: 'held' }, ms: 1.2 }
    await route.fulfill({ json: { ...proof,
      works: proof.works.map((work, index) => index === 4 ? { ...work, ok: false, detail: 'not exactly one cursor: bucket 14, 15' } : work),
      probe: { runId: 7, actor: 'operator', finishedAt: '2026-01-01T00:00:00.000Z', passed: 1, ms: 3.6, leftovers: [{ relation: 'event_outbox', rows: 2 }],
        scenarios: [
          { ...scenario, scenario: 'A', status: 'passed', actual: scenario.expected }, { ...scenario, scenario: 'B', status: 'failed', actual: { seen: 2, lane: 'held' } },
          { ...scenario, scenario: 'C', status: 'not_run', detail: 'busy: a gate was changed meanwhile' },
        ] } } })
  })
  await page.keyboard.press('r')
  await expect(page.locator('[data-scenario=B]')).toContainText('seen2, not 3')
  await expect(page.locator('[data-scenario=C]')).toContainText('busy: a gate was changed meanwhile')
  await expect(page.getByText('1 of 3 passed')).toBeVisible()
  await expect(page.getByText('8 of 9 hold')).toBeVisible()
  await expect(page.locator('[data-work=W5]')).toContainText(/does not hold\s*$/)
  await expect(page.getByRole('region', { name: 'What it left' })).toContainText('2 rows')
  await expectSound(page)
})

test('an event is tried: its routes, its problems by path, and what is no event', async ({ page }) => {
  await open(page, '/try?type=iu.version_applied')
  const outcome = page.getByRole('region', { name: 'What would happen' })
  await expect(outcome).toContainText('Written by the system only')
  await expect(outcome.locator('[data-decision=dry_run]')).toHaveCount(2)
  const payload = page.getByLabel('Payload')
  await payload.fill('{"unit_id": 0, "canonical_address": "a", "version_seq": 9007199254740993.5, "content_digest": "x", "byte_length": 1, "more": 1}')
  await expect(outcome.locator('[data-route="iu.version_applied.log"]')).toHaveAttribute('data-decision', 'failed')
  await expect(outcome.locator('[data-problems] li')).toHaveText(
    ['$.more: not in the schema', '$.unit_id: want at least 1, have 0', '$.version_seq: want integer, have number', '$.content_digest: want a text like "^[0-9a-f]{64}$"'])
  await payload.fill('{"unit_id": 1,')
  await expect(payload).toHaveAccessibleDescription('it is no JSON: it ends too early')
  // What a type begins with keeps to its schema, also where that asks for a pattern.
  await page.getByLabel('Event type').selectOption('shop.order_placed')
  await expect(outcome.locator('[data-route="shop.order_placed.webhook"]')).toHaveAttribute('data-decision', 'dry_run')
  await page.getByLabel('Event type').selectOption('iu.retired')
  await expect(page).toHaveURL(/\?type=iu\.retired$/)
  await expect(outcome.locator('[data-route="iu.retired.log"]')).toHaveAttribute('data-decision', 'dry_run')
  await expectSound(page)
})

test.describe('a reviewer', () => {
  test.use({ person: 'reviewer' })

  test('reads the proof and tries events, and may not run a probe', async ({ page }) => {
    await open(page, '/proof')
    await expect(page.getByRole('button', { name: 'Run probe' })).toHaveAccessibleDescription('This needs the right operator; you have reviewer.')
    await open(page, '/try?type=nobody.knows')
    const outcome = page.getByRole('region', { name: 'What would happen' })
    await expect(outcome).toContainText('The type is not registered')
    await expect(outcome.locator('[data-decision]')).toHaveCount(0)
  })
})

test('the scripts of /proof are within the budget', ({ page }) => expectSmall(page, '/proof'))
test('the scripts of /try are within the budget', ({ page }) => expectSmall(page, '/try'))
