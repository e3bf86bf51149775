import type { APIRequestContext, Browser, Locator, Page } from '@playwright/test'
import type { Gates } from '../../shared/read-models/gates.ts'
import { expect, expectSmall, expectSound, open, test } from './page.ts'

// One gate after the other: the world is everybody's, and is left as it was found.
test.describe.configure({ mode: 'default' })

const WORKER = 'iu_core.route_worker_enabled'
const STRUCTURE = 'iu_core.structure_ops_enabled'
const rung = (page: Page, name: string) => page.locator(`[data-gate="${name}"]`)
const result = (page: Page) => page.getByRole('status', { name: 'Effective result' })
const dialog = (page: Page) => page.getByRole('dialog')

async function run(request: APIRequestContext, baseURL: string, command: string, data: Record<string, unknown>) {
  const answer = await request.post(`/api/commands/${command}`, { data, headers: { 'origin': baseURL, 'idempotency-key': crypto.randomUUID() } })
  expect(answer.status(), await answer.text()).toBe(200)
  return await answer.json() as { plan_digest: string }
}

async function openGate(request: APIRequestContext, baseURL: string, params: { gate: string, expires_at?: string }) {
  const { plan_digest: planDigest } = await run(request, baseURL, 'dot_iu_open_gate', { mode: 'plan', params })
  await run(request, baseURL, 'dot_iu_open_gate', { mode: 'apply', params, planDigest, reason: 'as it was', confirm: params.gate })
}

type SignedIn = (person: 'reviewer' | 'operator' | 'approver' | 'second', baseURL: string) => Promise<{ cookies: [], origins: [] } | object>
async function pageAs(browser: Browser, signedIn: SignedIn, baseURL: string, person: Parameters<SignedIn>[0]): Promise<Page> {
  const context = await browser.newContext({ baseURL, storageState: await signedIn(person, baseURL) as { cookies: [], origins: [] } })
  return context.newPage()
}

/** Closes a gate as one does: one press, a reason, one press. */
async function close(page: Page, gate: string, reason: string, look = async () => {}) {
  await rung(page, gate).getByRole('button', { name: 'Close gate' }).click()
  await dialog(page).getByLabel('Why').fill(reason)
  await dialog(page).getByRole('button', { name: 'Apply', exact: true }).click()
  await expect(dialog(page).locator('[data-receipt]')).toHaveAttribute('data-status', 'verified')
  await look()
  await dialog(page).getByRole('button', { name: 'Done', exact: true }).click()
  await expect(dialog(page)).toHaveCount(0)
}

async function expectNoUndo(page: Page, within: Locator, why: string) {
  const undo = within.getByRole('button', { name: 'Undo' })
  await expect(undo).toHaveAttribute('aria-disabled', 'true')
  await expect(undo).toHaveAccessibleDescription(why)
  await undo.click({ force: true })
  await expect(page.getByRole('heading', { name: /^Undo/ })).toHaveCount(0)
}

test('the ladder tells of each rung what it stops and loses, and of all what comes of it', async ({ page }) => {
  await open(page, '/gates')
  for (const [name, title] of [[WORKER, 'L0 Worker'], ['iu_core.routes_master_enabled', 'L1 Master gate'], ['routes', 'L2 Routes'], ['triggers', 'L3 Triggers']] as const) {
    await expect(rung(page, name).getByRole('heading')).toContainText(title)
    await expect(rung(page, name)).toContainText(/When off.+It loses/s)
  }
  await expect(result(page)).toContainText('DRY RUN')
  await expect(page.getByText('first in the way')).toHaveCount(0)
  // Every gate of the database is either a rung or in the list.
  const { gates } = await (await page.request.get('/api/gates')).json() as Gates
  for (const { gate, state } of gates) await expect(rung(page, gate)).toContainText(state)
})

test.describe('the worker gate', () => {
  // Whatever happens: it is open for the next.
  test.afterEach(async ({ browser, signedIn, baseURL }) => {
    const second = await pageAs(browser, signedIn as SignedIn, baseURL!, 'second')
    const { gates } = await (await second.request.get('/api/gates')).json() as Gates
    if (!gates.find(({ gate }) => gate === WORKER)!.isOpen) await openGate(second.request, baseURL!, { gate: WORKER })
    await second.context().close()
  })

  test('an operator closes it with a reason; commands say why they wait; an approver opens it with its name typed', async ({ browser, signedIn, baseURL }) => {
    const operator = await pageAs(browser, signedIn as SignedIn, baseURL!, 'operator')
    await open(operator, '/gates')
    await close(operator, WORKER, 'the mail server is being moved', async () => {
      // Opening it again is another's right.
      await expect(dialog(operator).getByRole('list', { name: 'Steps' })).toContainText('by somebody else')
      await expectNoUndo(operator, dialog(operator), 'This needs the right approver; you have operator.')
    })
    await expectNoUndo(operator, operator.locator('[data-toast]'), 'This needs the right approver; you have operator.')
    await expect(rung(operator, WORKER)).toContainText(/“the mail server is being moved”\s*by operator/)
    await expect(rung(operator, WORKER)).toContainText('first in the way')
    await expect(rung(operator, WORKER)).toContainText('You closed it: an approver opens it.')
    await expect(result(operator)).toContainText(/STOPPED.+First in the way: L0/s)
    await expect(operator.locator('header').first()).toContainText('STOPPED')

    // Elsewhere a button explains itself, and leads to the gate.
    await open(operator, '/commands/dot_iu_run_worker')
    const button = operator.getByRole('button', { name: 'Run worker' })
    await expect(button).toHaveAttribute('aria-disabled', 'true')
    await expect(button).toHaveAccessibleDescription(/route_worker_enabled is closed: the mail server is being moved/)
    await button.focus()
    await operator.getByRole('link', { name: 'To the gate' }).click()
    await expect(operator).toHaveURL(new RegExp(`/gates#${WORKER}$`))
    await expect(rung(operator, WORKER).getByRole('heading')).toBeInViewport()
    // An operator does not open gates.
    await expect(rung(operator, WORKER).getByRole('button', { name: 'Open gate' })).toHaveAccessibleDescription(/needs the right approver/)

    const approver = await pageAs(browser, signedIn as SignedIn, baseURL!, 'approver')
    await open(approver, '/gates')
    await expect(rung(approver, WORKER)).not.toContainText('You closed it')
    await rung(approver, WORKER).getByRole('button', { name: 'Open gate' }).click()
    await dialog(approver).getByRole('button', { name: 'Plan' }).click()
    const apply = dialog(approver).getByRole('button', { name: 'Apply', exact: true })
    await dialog(approver).getByLabel('Why').fill('the mail server stands')
    await expect(apply).toHaveAttribute('aria-disabled', 'true')
    await dialog(approver).getByLabel(`Type ${WORKER}`).fill(WORKER)
    await expect(apply).not.toHaveAttribute('aria-disabled', 'true')
    await apply.click()
    await expect(dialog(approver).locator('[data-receipt]')).toHaveAttribute('data-status', 'verified')
    await dialog(approver).getByRole('button', { name: 'Done', exact: true }).click()
    await expect(rung(approver, WORKER)).toContainText(/“the mail server stands”\s*by approver/)
    await expect(result(approver)).toContainText('DRY RUN')
    await operator.context().close()
    await approver.context().close()
  })

  test('who closed it is refused to open it', async ({ browser, signedIn, baseURL }) => {
    const approver = await pageAs(browser, signedIn as SignedIn, baseURL!, 'approver')
    await open(approver, '/gates')
    await close(approver, WORKER, 'two people are needed', () => expectNoUndo(approver, dialog(approver), 'You closed it: another approver opens it.'))
    await expect(rung(approver, WORKER)).toContainText('You closed it: another approver opens it.')
    const button = rung(approver, WORKER).getByRole('button', { name: 'Open gate' })
    await expect(button).toHaveAttribute('aria-disabled', 'true')
    await expect(button).toHaveAccessibleDescription('You closed it: another approver opens it.')
    await button.click({ force: true })
    await expect(dialog(approver)).toHaveCount(0)
    // Where the button does not know it, the server says so.
    await open(approver, '/commands/dot_iu_open_gate')
    await approver.getByRole('main').locator('[data-command]').first().click()
    await dialog(approver).getByLabel('Gate').fill(WORKER)
    await dialog(approver).getByRole('button', { name: 'Plan' }).click()
    await expect(dialog(approver)).toContainText('A second person has to do it')
    await expect(dialog(approver).getByLabel('Gate')).toHaveAccessibleDescription(/approver closed it, and does not open it again\. Ask another approver\./)
    await expect(dialog(approver).getByRole('button', { name: 'Apply', exact: true })).toHaveAttribute('aria-disabled', 'true')
    const { gates } = await (await approver.request.get('/api/gates')).json() as Gates
    expect(gates.find(({ gate }) => gate === WORKER)).toMatchObject({ state: 'closed', changedBy: 'approver' })
    await approver.context().close()
  })
})

test('a gate that is open until a time says when it closes by itself', async ({ page, browser, signedIn, baseURL }) => {
  const second = await pageAs(browser, signedIn as SignedIn, baseURL!, 'second')
  await openGate(second.request, baseURL!, { gate: STRUCTURE, expires_at: new Date(Date.now() + 3_600_000).toISOString() })
  try {
    await open(page, '/gates')
    await expect(rung(page, STRUCTURE)).toContainText(/closes by itself in (01:00:00|00:59:\d\d)/)
    await expect(rung(page, STRUCTURE).getByRole('button', { name: 'Open gate longer' })).toBeVisible()
  }
  finally {
    await run(page.request, baseURL!, 'dot_iu_close_gate', { mode: 'apply', params: { gate: STRUCTURE }, reason: 'as it was' })
    await second.context().close()
  }
})

test('every state that is not open is drawn as closed, and held events have their commands', async ({ page }) => {
  await open(page, '/gates')
  await expect(page.getByRole('group', { name: 'Commands on held events' })).toHaveCount(0)
  await page.route('**/api/gates', async (route) => {
    const gates = await (await route.fetch()).json() as Gates
    const [l0, l1, l2, l3] = gates.ladder
    const closed = { blocks: true, reason: null, changedBy: null, changedAt: null }
    await route.fulfill({ json: {
      ...gates, deliveryMode: 'STOPPED', firstBlocking: 'L0',
      ladder: [{ ...l0, ...closed, state: 'missing', wouldRelease: 1 }, { ...l1, ...closed, state: 'malformed', wouldRelease: 10_001 }, l2, { ...l3, ...closed, state: 'closed', off: 3 }],
      gates: gates.gates.map(gate => gate.gate === STRUCTURE ? { ...gate, state: 'expired', isOpen: false, expiresAt: '2026-01-01T00:00:00Z' } : gate),
    } })
  })
  // A refresh that is under way already is not begun again: the next one comes by itself.
  await page.keyboard.press('r')
  await expect(rung(page, WORKER)).toContainText('missing row = CLOSED')
  await expect(rung(page, WORKER)).toContainText('1 event that waits for the worker')
  await expect(rung(page, 'iu_core.routes_master_enabled')).toContainText('malformed: closed')
  await expect(rung(page, 'iu_core.routes_master_enabled')).toContainText('10,000+ held events stay held')
  await expect(rung(page, 'triggers').getByRole('button', { name: 'Enable' })).toBeVisible()
  await expect(rung(page, STRUCTURE)).toContainText(/expired: closed.+an expired gate is closed/s)
  const held = page.getByRole('group', { name: 'Commands on held events' })
  await expect(held.getByRole('button')).toHaveText(['Release', 'Discard'])
  await expectSound(page)
})

test('a route is disabled and enabled again', async ({ page }) => {
  await open(page, '/gates')
  const row = page.getByRole('region', { name: 'Routes' }).getByRole('row').filter({ hasText: 'piece_retired.log' })
  for (const [press, state] of [['Disable', 'disabled'], ['Enable', 'enabled']] as const) {
    await row.getByRole('button', { name: press }).click()
    await dialog(page).getByLabel('Why').fill('a try')
    await dialog(page).getByRole('button', { name: 'Apply', exact: true }).click()
    await expect(dialog(page).locator('[data-receipt]')).toHaveAttribute('data-status', 'verified')
    await dialog(page).getByRole('button', { name: 'Done', exact: true }).click()
    await expect(row).toContainText(state)
  }
})

test.describe('a reviewer', () => {
  test.use({ person: 'reviewer' })

  test('reads all of it, and each button says whose right it is', async ({ page }) => {
    await open(page, '/gates')
    const button = rung(page, WORKER).getByRole('button', { name: 'Close gate' })
    await expect(button).toHaveAttribute('aria-disabled', 'true')
    await expect(button).toHaveAccessibleDescription('This needs the right operator; you have reviewer.')
    await button.click({ force: true })
    await expect(dialog(page)).toHaveCount(0)
  })
})

test('g g leads there; it is accessible, and fits a phone', async ({ page }) => {
  await open(page, '/')
  await page.keyboard.press('g')
  await page.keyboard.press('g')
  await expect(page).toHaveURL(/\/gates$/)
  await expect(page).toHaveTitle('Gates · IU Core')
  await expectSound(page)
})

test('its scripts are within the budget', ({ page }) => expectSmall(page, '/gates'))
