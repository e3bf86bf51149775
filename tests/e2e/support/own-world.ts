import { randomUUID } from 'node:crypto'
import type { Locator, Page } from '@playwright/test'
import type { Receipt } from '../../../shared/commands/receipt.ts'
import { test as base, expect } from '../page.ts'
import { makeWorld, type World } from './api-world.ts'
import { LIMITS } from '../../limits.ts'

/** A spec in a world of its own, where gates may be closed and events routed while others look at theirs. */
export const test = base.extend<object, { world: World }>({
  // eslint-disable-next-line no-empty-pattern
  world: [async ({}, use) => {
    const world = await makeWorld()
    await use(world)
    await world.close()
  }, { scope: 'worker', timeout: LIMITS.test }],
  baseURL: async ({ world }, use) => use(world.origin),
})

/** A document of a heading and paragraphs, one piece each; the address of its collection. */
export async function makeDocument(world: World, text = '# Plans\n\nAlpha.\n\nBeta.\n\nGamma.\n'): Promise<string> {
  const operator = await world.signIn('operator')
  const { result } = await operator.carry('dot_iu_import_text', { source_path: `specs/${randomUUID().slice(0, 8)}.md`, text })
  return result!.collection as string
}

export const dialog = (page: Page): Locator => page.getByRole('dialog')
export const receipt = (page: Page): Locator => dialog(page).locator('[data-receipt]')
export const plan = (page: Page): Locator => dialog(page).locator('[data-plan]')
export const apply = (page: Page): Locator => dialog(page).getByRole('button', { name: /^Apply/ })
export const press = (page: Page, name: string): Promise<void> => dialog(page).getByRole('button', { name, exact: true }).last().click()
/** The titles of a collection's pieces, in order. */
export const titles = (page: Page): Promise<string[]> => page.locator('tbody tr[data-row] td:nth-child(2) [title]:not(code):not(button)').allTextContents().then(all => all.map(text => text.trim()))

/** One of the commands of a piece, found by its text. */
export async function choose(page: Page, piece: string, command: string): Promise<void> {
  await page.getByRole('row').filter({ hasText: piece }).getByRole('button', { name: /^Commands for/ }).click()
  await page.getByRole('menuitem', { name: command, exact: true }).click()
  await expect(dialog(page)).toBeVisible()
}

export async function expectVerified(page: Page): Promise<void> {
  await expect(receipt(page)).toHaveAttribute('data-status', 'verified')
}
export async function leave(page: Page): Promise<void> {
  await press(page, 'Done')
  await expect(dialog(page)).toHaveCount(0)
}

/** Everything that the ledger says of an object, newest first. */
export async function runsOf(world: World, object: string): Promise<{ runId: number, mode: string, status: string }[]> {
  const reviewer = await world.signIn('reviewer')
  return (await reviewer.ask(`/api/ledger?object=${encodeURIComponent(object)}`)).json<{ rows: { runId: number, mode: string, status: string }[] }>().rows
}

interface DeadLetters {
  type: string
  /** makes more of them */
  add: (count: number) => Promise<void>
  /** registers a schema that the payloads fit */
  mend: () => Promise<Receipt>
}

/** An event type of its own, with a route, whose events break its schema. */
export async function makeDeadLetters(world: World, count: number): Promise<DeadLetters> {
  const type = `specs.t${randomUUID().slice(0, 8)}`
  const manager = await world.signIn('manager')
  const register = (payload_schema: object) => manager.carry('dot_iu_register_event_type', { event_type: type, description: 'of a spec', payload_schema })
  await register({ type: 'object', required: ['number'] })
  await manager.carry('dot_iu_register_route', { route: `${type}.log`, event_type: type, target_kind: 'log', target_ref: 'specs', enabled: true })
  const add = async (more: number) => {
    for (let number = 0; number < more; number++) await world.db.query('SELECT iu_core.fn_iu_emit_event($1, $2, $3, $4)', [type, 'specs', randomUUID(), '{}'])
    await manager.carry('dot_iu_run_worker', {})
  }
  await add(count)
  return { type, add, mend: () => register({ type: 'object' }) }
}
