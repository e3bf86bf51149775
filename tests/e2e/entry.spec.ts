/** How a text comes in: chosen, dropped, typed and pasted as a person does it. It arrives as it is shown, and nothing is emptied by the way. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { expect, open } from './page.ts'
import { apply, choose, dialog, expectVerified, leave, makeDocument, plan, press, test } from './support/own-world.ts'

test.describe.configure({ mode: 'default' })
test.use({ person: 'operator' })

let folder = ''
test.beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'iu-entry-'))
})
test.afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const unique = (name: string) => `${crypto.randomUUID().slice(0, 8)}-${name}`

const path = (page: Page) => dialog(page).getByLabel('Source path')
const text = (page: Page) => dialog(page).getByLabel('Text', { exact: true })
/** Chooses a file as a person does, also the same one again. */
async function chooseFile(page: Page, path: string) {
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), dialog(page).getByLabel('Take the text from a file').click()])
  await chooser.setFiles(path)
}

async function importText(page: Page) {
  await open(page, '/collections')
  await page.getByRole('button', { name: /^New:/ }).click()
  await page.getByRole('menuitem', { name: 'Import text' }).click()
  await expect(path(page)).toBeFocused()
}

/** What the browser sent with each command. */
function sentBy(page: Page): { mode: string, params: Record<string, unknown> }[] {
  const sent: { mode: string, params: Record<string, unknown> }[] = []
  page.on('request', request => request.method() === 'POST' && request.url().includes('/api/commands/') && sent.push(request.postDataJSON()))
  return sent
}

test('a file that is chosen is imported, byte for byte, under its name', async ({ page, world }) => {
  const name = unique('chosen.md')
  const bytes = '\uFEFF# One\r\n\r\nTwo\rthree e\u0301\u2028\n'
  await importText(page)
  await chooseFile(page, file(name, bytes))
  await expect(path(page)).toHaveValue(name)
  await expect(text(page)).toHaveValue(/Two/)
  await apply(page).click()
  await expectVerified(page)
  const { rows } = await world.db.query<{ text: string }>('SELECT iu_core.fn_iu_collection_render(id) AS text FROM iu_core.iu_collection WHERE source_path = $1', [name])
  expect(rows).toEqual([{ text: bytes }])
})

test('any order of choosing, typing and pasting arrives as it is shown', async ({ page }) => {
  test.setTimeout(240_000)
  const sent = sentBy(page)
  await page.route('**/api/commands/dot_iu_import_text', route => route.fulfill({ status: 409, json: { type: 'about:blank', title: 'Refused', status: 409, code: 'lifecycle_refused', run: 1 } }))
  const files = [['a.md', 'Of a.\n'], ['b.md', '# B\r\n\r\nOf b.\r\n'], ['c.md', 'c']].map(([name, content]) => file(name!, content!))
  const paste = async (value: string) => {
    await page.evaluate(value => navigator.clipboard.writeText(value), value)
    await page.keyboard.press('Control+v')
  }
  const acts: Record<string, () => Promise<void>> = {
    'choose a': () => chooseFile(page, files[0]!),
    'choose b': () => chooseFile(page, files[1]!),
    'choose c': () => chooseFile(page, files[2]!),
    'type the path': () => path(page).fill('typed/path.md'),
    'paste the path': async () => {
      await path(page).selectText()
      await paste('pasted/path.md')
    },
    'type text': async () => {
      await text(page).focus()
      await page.keyboard.press('Control+Home')
      await page.keyboard.type('X')
    },
    'paste text': async () => {
      await text(page).focus()
      await page.keyboard.press('Control+End')
      await paste('pasted\r\nlines')
    },
  }
  await importText(page)
  // Each behind each other, by a walk that is always the same.
  const names = Object.keys(acts)
  let at = 1
  for (let step = 0; step < 36; step++) {
    at = (at * 5 + 3 + step) % names.length
    await acts[names[at]!]!()
    if (step % 3) continue
    const shown = { path: await path(page).inputValue(), text: await text(page).inputValue() }
    const before = sent.length
    if (!shown.path || !shown.text) continue
    await press(page, 'Plan')
    await expect.poll(() => sent.length).toBe(before + 1)
    const { params } = sent.at(-1)!
    expect({ path: params.source_path, text: String(params.text).replace(/\r\n?/g, '\n') }, `after ${names[at]}`).toEqual(shown)
  }
  expect(sent.length).toBeGreaterThan(8)
})

test('the path of one file does not stay for the text of the next, and the file that was chosen last is the one', async ({ page }) => {
  await importText(page)
  await chooseFile(page, file('first.md', 'First.\n'))
  await expect(path(page)).toHaveValue('first.md')
  await chooseFile(page, file('second.md', 'Second.\n'))
  await expect(path(page)).toHaveValue('second.md')
  await expect(text(page)).toHaveValue('Second.\n')
  await path(page).fill('mine.md')
  await chooseFile(page, file('first.md', 'Once more.\n'))
  await expect(text(page)).toHaveValue('Once more.\n')
  await expect(path(page)).toHaveValue('mine.md')
  // Changed on disk and chosen once more.
  await chooseFile(page, file('first.md', 'And again.\n'))
  await expect(text(page)).toHaveValue('And again.\n')
  writeFileSync(join(folder, 'bytes.bin'), Buffer.from([0xff, 0xfe, 0x00]))
  await chooseFile(page, join(folder, 'bytes.bin'))
  await expect(dialog(page).getByText('bytes.bin was not taken')).toBeVisible()
  await expect(text(page)).toHaveValue('And again.\n')
})

test('Enter applies in no form, Ctrl Enter does, and an empty text is sent by who says so', async ({ page, world }) => {
  const sent = sentBy(page)
  const collection = await makeDocument(world)
  const { rows: [{ source_path: source }] } = await world.db.query('SELECT source_path FROM iu_core.iu_collection WHERE canonical_address = $1', [collection])
  await importText(page)
  await path(page).fill(source)
  await page.keyboard.press('Enter')
  await expect(text(page)).toHaveAccessibleDescription(/There is no text/)
  await apply(page).click()
  await path(page).press('Control+Enter')
  expect(sent).toEqual([])
  await dialog(page).getByLabel('Import an empty file').check()
  await path(page).press('Enter')
  await expect(plan(page)).toBeVisible()
  await path(page).press('Enter')
  expect(sent.map(({ mode, params }) => [mode, params.text])).toEqual([['plan', '']])
  // Whoever types has another text, and says anew that it is to be empty.
  await text(page).fill('Something.\n')
  await text(page).fill('')
  await expect(dialog(page).getByLabel('Import an empty file')).not.toBeChecked()
  await text(page).fill('# Plans\n\nAlpha.\n\nBeta.\n\nGamma, changed.\n')
  await text(page).press('Control+Enter')
  await expectVerified(page)
  expect(sent.map(({ mode }) => mode)).toEqual(['plan', 'apply', 'verify'])
  await leave(page)
})

test('in no dialog of the console does Enter in a field apply', async ({ page, world }) => {
  const collection = await makeDocument(world)
  const applied: string[] = []
  page.on('request', request => request.method() === 'POST' && request.url().includes('/api/commands/') && request.postDataJSON().mode !== 'plan' && applied.push(request.url()))
  const session = await (await page.request.get('/api/session')).json() as { commands: Record<string, { blocked: unknown }> }
  const seen: string[] = []
  await open(page, `/collections/${collection}`)
  for (const command of Object.keys(session.commands).filter(code => !session.commands[code]!.blocked)) {
    await page.evaluate(command => (window as unknown as { useNuxtApp: () => { $router: unknown, payload: { state: Record<string, unknown> } } }).useNuxtApp().payload.state['$scommand-asked'] = { id: Date.now(), command, params: {} }, command)
    await expect(dialog(page).getByRole('button', { name: 'Plan', exact: true })).toBeVisible()
    for (const field of await dialog(page).locator('input:visible:not([type=file]):not([type=checkbox])').all()) {
      await field.focus()
      await page.keyboard.press('Enter')
      seen.push(command)
    }
    await page.evaluate(() => (window as unknown as { useNuxtApp: () => { payload: { state: Record<string, unknown> } } }).useNuxtApp().payload.state['$scommand-asked'] = undefined)
    await expect(dialog(page)).toHaveCount(0)
  }
  expect(new Set(seen).size).toBeGreaterThan(10)
  expect(applied).toEqual([])
})

test('a key that is still held when the window opens presses nothing in it', async ({ page, world }) => {
  const sent = sentBy(page)
  const collection = await makeDocument(world)
  await open(page, `/collections/${collection}`)
  await page.getByRole('row').filter({ hasText: 'Beta.' }).getByRole('button', { name: /^Commands for/ }).click()
  await page.getByRole('menuitem', { name: 'Move up', exact: true }).focus()
  await page.keyboard.down('Enter')
  await expect(apply(page)).toBeFocused()
  for (let repeat = 0; repeat < 5; repeat++) await page.keyboard.down('Enter')
  await page.keyboard.up('Enter')
  expect(sent).toEqual([])
  await apply(page).press('Enter')
  await expectVerified(page)
})

test.describe('a revision keeps every byte outside of the edit', () => {
  const BODIES = ['a\r\nb\nc\r\nd', 'a\rb\rc', '\uFEFFa\r\nb', 'a\u2028b\r\ne\u0301\rf', 'a\r\n\tb  \r\n  c']
  for (const body of BODIES) {
    test(JSON.stringify(body), async ({ page, world }) => {
      const operator = await world.signIn('operator')
      const address = `specs/${unique('ends').toLowerCase()}`
      await operator.carry('dot_iu_create_collection', { address, kind: 'section', title: 'Ends' })
      await operator.carry('dot_iu_create_piece', { address: `${address}/piece`, kind: 'paragraph', title: 'Piece', body, collection: address })
      const now = async () => (await world.db.query<{ body: string }>('SELECT body FROM iu_core.v_iu_collection_piece WHERE collection_address = $1', [address])).rows[0]!.body
      await open(page, `/collections/${address}`)
      await choose(page, 'Piece', 'Revise …')
      const field = dialog(page).getByLabel('Body')
      await field.focus()
      await page.keyboard.press('Control+Home')
      await page.keyboard.type('X')
      await page.keyboard.press('Control+End')
      await page.keyboard.type('Y')
      await page.keyboard.press('ArrowLeft')
      await page.keyboard.press('Backspace')
      // The undo of the browser brings back what was there.
      await page.keyboard.press('Control+z')
      await page.keyboard.press('Control+End')
      await apply(page).click()
      await expectVerified(page)
      expect(await now()).toBe(`X${body}Y`)
    })
  }

  test('a new line has the line ends of its text, and a plan that changes them says so', async ({ page, world }) => {
    const collection = await makeDocument(world, 'One,\r\ntwo.\r\n')
    const now = async () => (await world.db.query<{ body: string }>('SELECT body FROM iu_core.v_iu_collection_piece WHERE collection_address = $1', [collection])).rows[0]!.body
    await open(page, `/collections/${collection}`)
    await choose(page, 'One,', 'Revise …')
    await dialog(page).getByLabel('Body').focus()
    await page.keyboard.press('Control+Home')
    await page.keyboard.type('Zero,')
    await page.keyboard.press('Enter')
    await press(page, 'Plan')
    await expect(plan(page)).not.toContainText('Line ends change')
    await apply(page).click()
    await expectVerified(page)
    expect(await now()).toBe('Zero,\r\nOne,\r\ntwo.')
    await leave(page)
    // A file with other line ends is another text.
    await page.getByRole('button', { name: 'More commands for the collection' }).click()
    await page.getByRole('menuitem', { name: 'Import a new text …' }).click()
    await chooseFile(page, file('lf.md', 'Zero,\nOne,\ntwo.\n'))
    await press(page, 'Plan')
    await expect(plan(page)).toContainText('Line ends change: CRLF 3 → 0, LF 0 → 3.')
  })
})
