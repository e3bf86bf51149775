import { expect, open } from './page.ts'
import { PASSWORD } from './support/accounts.ts'
import { apply, choose, dialog, expectVerified, leave, makeDeadLetters, makeDocument, plan, press, receipt, runsOf, test, titles } from './support/own-world.ts'

// One after the other: gates are closed and events routed here.
test.describe.configure({ mode: 'default' })
test.use({ person: 'operator' })

test('a piece is moved by its plan, verified, routed by the worker, and moved back', async ({ page, world }) => {
  const collection = await makeDocument(world)
  await open(page, `/collections/${collection}`)
  expect(await titles(page)).toEqual(['Plans', 'Alpha.', 'Beta.', 'Gamma.'])
  await choose(page, 'Gamma.', 'Move up')
  await press(page, 'Plan')
  await expect(plan(page).locator('[data-counts]')).toContainText('~ 2 changed')
  await expect(plan(page).locator('[data-ref^="piece:"]')).toContainText(/stands after.*beta.*alpha/s)
  // The number that it is sorted by is nobody's business.
  await expect(plan(page)).not.toContainText(/position|1\.5|\(at /)
  await expect(plan(page).locator('[data-events]')).toContainText(/Would emit\s*piece_reordered delayed/)
  await expect(plan(page).locator('[data-reverse]')).toContainText('Undo: Move')
  // A plan changes nothing.
  expect(await titles(page)).toEqual(['Plans', 'Alpha.', 'Beta.', 'Gamma.'])
  await apply(page).click()
  await expectVerified(page)
  await expect(receipt(page)).toContainText('Applied and verified')
  await expect(receipt(page).getByRole('list', { name: 'Checks' }).getByRole('listitem')).toHaveText([/piece in place\s*holds/, /events written\s*holds/])
  await leave(page)
  await expect.poll(() => titles(page)).toEqual(['Plans', 'Alpha.', 'Gamma.', 'Beta.'])

  await open(page, '/')
  await page.getByRole('button', { name: 'Run worker' }).click()
  await apply(page).click()
  await expectVerified(page)
  await leave(page)
  await expect(page.getByText('Nothing waits: the worker has seen every event.')).toBeVisible()
  await open(page, '/attempts?type=piece_reordered')
  await expect(page.getByRole('region', { name: 'List of attempts' }).getByRole('row').filter({ hasText: collection })).toContainText('dry run')

  const moved = (await runsOf(world, `collection:${collection}`)).find(({ mode, status }) => mode === 'apply' && status === 'succeeded')!
  await open(page, `/ledger/${moved.runId}`)
  await page.getByRole('main').getByRole('button', { name: 'Undo', exact: true }).click()
  await expect(dialog(page)).toContainText(`Undo: Move, run ${moved.runId}`)
  await press(page, 'Plan')
  await expect(plan(page)).toContainText('piece_reordered')
  await apply(page).click()
  await expect(receipt(page)).toContainText('Undone and verified')
  await leave(page)
  await open(page, `/collections/${collection}`)
  expect(await titles(page)).toEqual(['Plans', 'Alpha.', 'Beta.', 'Gamma.'])
  // Once is enough.
  await open(page, `/ledger/${moved.runId}`)
  await expect(page.getByRole('main')).toContainText(/undone/i)
})

test('a double click applies once, and so does the same key twice', async ({ page, world, baseURL }) => {
  const collection = await makeDocument(world)
  await open(page, `/collections/${collection}`)
  const applies: string[] = []
  page.on('request', request => request.method() === 'POST' && request.postData()?.includes('"apply"') && applies.push(request.url()))
  await page.getByRole('button', { name: 'Checkpoint', exact: true }).click()
  await apply(page).dblclick()
  await expectVerified(page)
  expect(applies).toHaveLength(1)
  const { total } = await (await page.request.get(`/api/collections/checkpoints?address=${collection}`)).json() as { total: number }
  expect(total).toBe(1)
  await leave(page)

  const send = () => page.request.post('/api/commands/dot_iu_checkpoint_collection', { data: { mode: 'apply', params: { collection } }, headers: { 'origin': baseURL!, 'idempotency-key': 'the same intention' } })
  const answers = await Promise.all([send(), send()])
  const [one, other] = await Promise.all(answers.map(answer => answer.json() as Promise<{ run: number, repeated?: boolean }>))
  expect(one!.run).toBe(other!.run)
  expect([one!.repeated, other!.repeated].filter(Boolean)).toEqual([true])
})

test('a plan that the state has left behind says so, and is made again', async ({ page, world }) => {
  const collection = await makeDocument(world)
  await open(page, `/collections/${collection}`)
  await choose(page, 'Gamma.', 'Delete')
  await press(page, 'Plan')
  await dialog(page).getByLabel('Why').fill('it is out of date')
  await expect(apply(page)).not.toHaveAttribute('aria-disabled', 'true')
  const second = await world.signIn('second')
  await second.carry('dot_iu_create_piece', { address: `${collection}/more`, kind: 'paragraph', title: 'Delta.', body: 'Delta.', collection })
  await apply(page).click()
  await expect(dialog(page).getByRole('alert')).toContainText('Changed since: plan again')
  await expect(apply(page)).toHaveAttribute('aria-disabled', 'true')
  await expect(plan(page)).toContainText('no longer holds')
  await expect(dialog(page)).toContainText('Still wanting: a new plan')
  await apply(page).click({ force: true })
  await dialog(page).getByRole('button', { name: 'Plan again' }).click()
  await expect(dialog(page).getByRole('alert')).toHaveCount(0)
  // The reason stays.
  await apply(page).click()
  await expectVerified(page)
  await leave(page)
  await expect.poll(() => titles(page)).toEqual(['Plans', 'Alpha.', 'Beta.', 'Delta.'])
})

test('a dead letter that fails again is not told as a success; mended it is replayed; another is discarded', async ({ page, world }) => {
  const { type, mend } = await makeDeadLetters(world, 2)
  await open(page, `/dead-letters?type=${type}`)
  const rows = page.locator('tbody tr[data-row]')
  await expect(rows).toHaveCount(2)
  await rows.first().getByRole('button', { name: 'Replay' }).click()
  await apply(page).click()
  await expect(receipt(page)).toHaveAttribute('data-status', 'unverified')
  await expect(receipt(page)).toContainText('It fails again and stays OPEN')
  await expect(receipt(page)).toContainText(/letter is replayed\s*does not hold/)
  await leave(page)
  await expect(page.locator('[data-toast]')).toContainText('not verified')

  await mend()
  await rows.first().getByRole('button', { name: 'Replay' }).click()
  await apply(page).click()
  await expectVerified(page)
  await leave(page)
  await expect(rows).toHaveCount(1)

  await rows.first().getByRole('button', { name: 'Discard' }).click()
  await expect(apply(page)).toHaveAttribute('aria-disabled', 'true')
  // What looks as if it did nothing does nothing, and says what is wanting.
  await apply(page).click({ force: true })
  await expect(dialog(page)).toContainText('Still wanting: a plan')
  await expect(plan(page)).toHaveCount(0)
  await press(page, 'Plan')
  await expect(plan(page)).toContainText('Cannot be undone.')
  // Without a reason nothing happens, and it is said what is wanting.
  await apply(page).click({ force: true })
  await expect(dialog(page)).toContainText('Still wanting: a reason')
  await expect(dialog(page).getByLabel('Why')).toBeFocused()
  await dialog(page).getByLabel('Why').fill('nobody needs it any more')
  await apply(page).click()
  await expectVerified(page)
  await leave(page)
  await expect(page.getByText('No open dead letter matches')).toBeVisible()
})

test('all that match are replayed, and what fails after the plan is not touched', async ({ page, world }) => {
  const { type, add, mend } = await makeDeadLetters(world, 3)
  await open(page, `/dead-letters?type=${type}`)
  await page.getByRole('button', { name: 'Replay all that match' }).click()
  await press(page, 'Plan')
  await expect(plan(page).locator('[data-counts]')).toContainText('~ 3 changed')
  await add(1)
  await mend()
  await dialog(page).getByLabel('Why').fill('the schema was wrong')
  await apply(page).click()
  await expectVerified(page)
  await expect(receipt(page).locator('[data-result]')).toContainText(/Results\s*replayed 3/)
  await leave(page)
  await expect(page.locator('tbody tr[data-row]')).toHaveCount(1)
})

test('what was held is released where the accounting shows it', async ({ page, world }) => {
  const [operator, second] = await Promise.all([world.signIn('operator'), world.signIn('second')])
  const gate = 'iu_core.routes_master_enabled'
  await operator.carry('dot_iu_close_gate', { gate })
  try {
    await makeDocument(world)
    await open(page, '/')
    const held = page.locator('[data-held]')
    await expect(held).toContainText(/events are held until somebody decides/)
    await expect(held.getByRole('button', { name: 'Release held events' })).toHaveAttribute('aria-disabled', 'true')
    await second.carry('dot_iu_open_gate', { gate })
    await page.keyboard.press('r')
    // An operator releases; giving up is an approver's.
    await expect(held.getByRole('button', { name: 'Discard held events' })).toHaveAccessibleDescription('This needs the right approver; you have operator.')
    await held.getByRole('button', { name: 'Release held events' }).click()
    await press(page, 'Plan')
    await dialog(page).getByLabel('Why').fill('the gate is open again')
    await apply(page).click()
    await expectVerified(page)
    await leave(page)
    await expect(held).toHaveCount(0)
    await expect(page.getByText('Every event is accounted for')).toBeVisible()
  }
  finally {
    const { gates } = (await second.ask('/api/gates')).json<{ gates: { gate: string, isOpen: boolean }[] }>()
    if (!gates.find(row => row.gate === gate)!.isOpen) await second.carry('dot_iu_open_gate', { gate })
  }
})

test('an answer that is lost says what is known: of a plan nothing, of a verification that it is applied', async ({ page, world }) => {
  const collection = await makeDocument(world)
  await open(page, `/collections/${collection}`)
  let lost = 'plan'
  await page.route('**/api/commands/dot_iu_reorder_piece', route => route.request().postData()?.includes(`"mode":"${lost}"`) ? route.abort() : route.continue())
  await choose(page, 'Gamma.', 'Move to first')
  await press(page, 'Plan')
  await expect(dialog(page).getByRole('alert')).toContainText('Nothing was changed.')
  await expect(dialog(page).getByRole('list', { name: 'Steps' })).toContainText(/Plan\s*refused/)
  lost = 'verify'
  await apply(page).click()
  await expect(dialog(page).getByRole('alert')).toContainText('The command is applied; verify it again.')
  await expect(receipt(page).locator('[data-ref^="piece:"]')).toContainText('nothing (first)')
  lost = ''
  await press(page, 'Verify again')
  await expectVerified(page)
})

test('where the session has ended one is asked to sign in, and comes back', async ({ world, browser, baseURL }) => {
  const collection = await makeDocument(world)
  const context = await browser.newContext({ baseURL, storageState: { cookies: [], origins: [] } })
  await context.request.post('/api/session', { data: { account: 'second', password: PASSWORD }, headers: { origin: baseURL! } })
  const other = await context.newPage()
  await open(other, `/collections/${collection}`)
  await other.getByRole('button', { name: 'Validate' }).click()
  await expect(apply(other)).toBeVisible()
  await world.db.query(`UPDATE iu_core.iu_session SET ended_at = clock_timestamp(), end_reason = 'a spec' WHERE ended_at IS NULL AND account_id = (SELECT id FROM iu_core.iu_account WHERE account = 'second')`)
  await apply(other).click()
  await expect(other).toHaveURL(url => url.pathname === '/sign-in' && url.searchParams.get('next') === `/collections/${collection}`)
  await context.close()
})
