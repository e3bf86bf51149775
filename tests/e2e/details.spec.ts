/** Small things that stop or mislead whoever works all day with it. */
import { randomUUID } from 'node:crypto'
import type { Locator, Page } from '@playwright/test'
import { expect, hydrated, open } from './page.ts'
import { ask } from './support/ask.ts'
import { apply, choose, dialog, expectVerified, leave, makeDeadLetters, makeDocument, press, test } from './support/own-world.ts'

test.describe.configure({ mode: 'default' })
test.use({ person: 'manager' })

test('/ leads to a search and puts the cursor into it', async ({ page }) => {
  for (const from of ['/', '/gates', '/collections', '/ledger']) {
    await open(page, from)
    await page.keyboard.press('/')
    await expect(page.locator('[data-search]')).toBeFocused()
  }
  await open(page, '/gates')
  await page.keyboard.press('/')
  await expect(page).toHaveURL(/\/collections$/)
  await expect(page.getByPlaceholder('Search title')).toBeFocused()
  await page.keyboard.type('plans')
  await expect(page).toHaveURL(/q=plans/)
})

/** What a row says, but for how long ago it was, which goes on. */
const withoutAge = (row: Locator) => row.evaluate((row) => {
  const copy = row.cloneNode(true) as Element
  for (const time of copy.querySelectorAll('time')) time.remove()
  return copy.textContent
})

test('rows stay where they are when others come by themselves', async ({ page, world }) => {
  const { add, type } = await makeDeadLetters(world, 2)
  await open(page, `/dead-letters?type=${type}`)
  const rows = page.locator('#dead-letters tbody tr[data-row]')
  const first = await withoutAge(rows.first())
  const at = await rows.first().boundingBox()
  await add(1)
  const news = page.locator('[data-news]')
  await expect(news).toHaveText('Show 1 new row', { timeout: 60_000 })
  expect(await withoutAge(rows.first())).toBe(first)
  expect(await rows.first().boundingBox()).toEqual(at)
  await news.click()
  await expect(news).toHaveCount(0)
  await expect(rows).toHaveCount(3)
  // Who asks for it gets it at once.
  await add(1)
  await page.keyboard.press('r')
  await expect(rows).toHaveCount(4)
  await expect(news).toHaveCount(0)
})

test('what one has done oneself is there at once, whatever refresh is under way', async ({ page, world }) => {
  const address = `${await makeDocument(world)}-own`
  await open(page, '/collections')
  let release = () => {}
  const held = new Promise<void>(resolve => release = resolve)
  await page.route('**/api/shell', async (route) => {
    await held
    await route.continue()
  })
  // One that comes by itself, and does not end.
  await page.waitForRequest('**/api/shell', { timeout: 60_000 })
  await page.getByRole('button', { name: /^New:/ }).click()
  await page.getByRole('menuitem', { name: 'New collection' }).click()
  await dialog(page).getByLabel('Address').fill(address)
  await dialog(page).getByLabel('Kind').selectOption('section')
  await dialog(page).getByLabel('Title').fill('My own')
  await apply(page).click()
  await expectVerified(page)
  await leave(page)
  await expect(page.getByRole('row').filter({ hasText: address })).toContainText('My own')
  await expect(page.locator('[data-news]')).toHaveCount(0)
  release()
})

test('pages and answers are sent compressed to who takes that, and are the same', async ({ world }) => {
  const { headers } = await world.signIn('manager')
  for (const path of ['/', '/api/commands', '/api/openapi']) {
    const plain = await ask(world.origin, path, { headers })
    expect(plain.headers['content-encoding'], path).toBeUndefined()
    for (const [accepted, encoding] of [['gzip, deflate, br, zstd', 'br'], ['br;q=0, gzip', 'gzip'], ['identity', null], ['gzip;q=0', null]] as const) {
      const answer = await fetch(world.origin + path, { headers: { ...headers, 'accept-encoding': accepted } })
      expect(answer.status, path).toBe(200)
      expect(answer.headers.get('content-encoding'), `${path} for ${accepted}`).toBe(encoding)
      expect(answer.headers.get('vary'), path).toContain('accept-encoding')
      const text = await answer.text()
      if (path === '/api/openapi') expect(JSON.parse(text)).toEqual(JSON.parse(plain.text))
    }
  }
  const refused = await fetch(`${world.origin}/api/ledger?after=x`, { headers: { ...headers, 'accept-encoding': 'br' } })
  expect([refused.status, (await refused.json() as { code: string }).code]).toEqual([400, 'invalid_query'])
})

for (const how of ['is not there', 'refuses'] as const) {
  test(`Copy copies where the browser's clipboard ${how}`, async ({ page, world }) => {
    const collection = await makeDocument(world)
    await page.addInitScript((how) => {
      if (how === 'is not there') Object.defineProperty(navigator, 'clipboard', { value: undefined })
      else navigator.clipboard.writeText = () => Promise.reject(new DOMException('no', 'NotAllowedError'))
    }, how)
    await open(page, `/collections/${collection}`)
    await page.getByRole('button', { name: 'Copy address of piece 1' }).click()
    await expect(page.getByRole('button', { name: 'Copy address of piece 1' })).toContainText('Copied')
    await open(page, '/collections')
    await page.locator('[data-search]').focus()
    await page.keyboard.press('Control+v')
    await expect(page.locator('[data-search]')).toHaveValue(new RegExp(`^${collection}/0001-plans$`))
    // In a dialog nothing outside of it can be selected.
    await open(page, `/collections/${collection}`)
    await choose(page, 'Beta.', 'Move up')
    await dialog(page).getByText('The same with the command line').click()
    await dialog(page).getByRole('button', { name: 'Copy command line' }).click()
    await expect(dialog(page).getByRole('button', { name: 'Copy command line' })).toContainText('Copied')
  })
}

test('an id is found with what came along when it was copied', async ({ page, world }) => {
  const collection = await makeDocument(world)
  await open(page, '/ledger')
  await page.getByLabel('Object, class:name').fill(`\u200B collection:${collection}\u2060`)
  await page.keyboard.press('Enter')
  await expect(page.locator('#ledger tbody tr')).not.toHaveCount(0)
  await expect(page).toHaveURL(url => url.searchParams.get('object') === `collection:${collection}`)
  await open(page, `/collections/${collection}`)
  await choose(page, 'Gamma.', 'Move …')
  await dialog(page).getByLabel('Place').selectOption('before')
  await dialog(page).getByLabel('The piece that it stands before').fill(`\uFEFF${collection}/0001-plans\u200B`)
  await press(page, 'Plan')
  await expect(dialog(page).locator('[data-plan]')).toBeVisible()
  const { headers } = await world.signIn('manager')
  expect((await ask(world.origin, `/api/collections/head?address=${encodeURIComponent(`\u200B${collection}\u200E`)}`, { headers })).status).toBe(200)
})

/** Whatever a page shows: texts, and attributes that are read. */
const shownOn = (page: Page) => page.evaluate(() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT, { acceptNode: node => node instanceof Element && ['SCRIPT', 'STYLE', 'TEMPLATE'].includes(node.tagName) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT })
  const found = [document.title]
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node instanceof Element) found.push(...['title', 'aria-label', 'alt', 'placeholder'].map(name => node.getAttribute(name) ?? ''))
    else found.push(node.textContent ?? '')
  }
  return found
})
// eslint-disable-next-line no-control-regex
const RAW = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u00AD\u061C\u200B\u200E\u200F\u2028\u2029\u202A-\u202E\u2060-\u206F\uFEFF]/

test('what is invisible, or turns the order of reading, is seen wherever a text of a user is shown', async ({ page, world }) => {
  const manager = await world.signIn('manager')
  const mark = '\u202Eterces\u202C\u200B\u2066\u200F'
  const collection = await makeDocument(world, `# A heading ${mark}\n\nText ${mark} of a piece, \uFEFFand [a link ${mark}](https://example.com/ "a title ${mark}").\n\n\`\`\`\ncode ${mark}\n\`\`\`\n`)
  const account = `bidi-${randomUUID().slice(0, 8)}`
  await manager.carry('dot_iu_add_account', { account, right: 'reviewer', password: 'a password for the specs', display_name: `Ada ${mark}` })
  await manager.carry('dot_iu_checkpoint_collection', { collection, label: `label ${mark}` })
  const type = `specs.bidi${randomUUID().slice(0, 8)}`
  await manager.carry('dot_iu_register_event_type', { event_type: type, description: `described ${mark}`, payload_schema: { type: 'object', required: ['number'] } })
  await manager.carry('dot_iu_register_route', { route: `${type}.log`, event_type: type, target_kind: 'log', target_ref: `specs`, enabled: true })
  await world.db.query('SELECT iu_core.fn_iu_emit_event($1, $2, $3, $4)', [type, 'specs', `subject ${mark}`, JSON.stringify({ text: `payload ${mark}` })])
  await manager.carry('dot_iu_run_worker', {})
  const { rows: [letter] } = await world.db.query<{ id: string }>('SELECT dead_letter_id AS id FROM iu_core.v_iu_route_dead_letter WHERE event_type = $1', [type])
  const reason = await manager.command('dot_iu_validate_collection', { mode: 'apply', params: { collection }, reason: `because ${mark}` })
  expect(reason.status, reason.text).toBe(200)
  const run = reason.json<{ run: number }>().run
  const pages = [`/collections?q=${collection}`, `/collections/${collection}`, `/collections/${collection}?tab=rendered`, `/collections/${collection}?tab=rendered&view=source`, `/collections/${collection}?tab=checkpoints`,
    '/accounts', '/attempts', `/dead-letters?letter=${letter!.id}`, `/dead-letters?type=${type}`, '/gates', '/ledger', `/ledger/${run}`, `/try?type=${type}`, '/']
  let seen = 0
  for (const path of pages) {
    await open(page, path)
    if (path === `/collections/${collection}`) await page.getByRole('link', { name: /^Show the text of/ }).nth(1).click()
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
    const texts = await shownOn(page)
    expect(texts.filter(text => RAW.test(text)), path).toEqual([])
    if (texts.some(text => text.includes('⟨U+202E⟩'))) seen++
  }
  expect(seen).toBeGreaterThan(7)
  // In the plan of a change it is seen as well, and the field keeps it as it is.
  await open(page, `/collections/${collection}`)
  await choose(page, 'of a piece', 'Revise …')
  const body = dialog(page).getByLabel('Body')
  await expect(body).toHaveValue(new RegExp(mark))
  await body.focus()
  await page.keyboard.press('Control+End')
  await page.keyboard.type(' More.')
  await press(page, 'Plan')
  await expect(dialog(page).locator('[data-text-diff]')).toContainText('⟨U+202E⟩')
  expect((await shownOn(page)).filter(text => RAW.test(text))).toEqual([])
})

test('in a browser without JSON.rawJSON the pages work, and a number that it cannot hold is not changed', async ({ page, world }) => {
  await page.addInitScript(() => {
    delete (JSON as unknown as { rawJSON?: unknown }).rawJSON
    const parse = JSON.parse.bind(JSON)
    JSON.parse = (text, reviver) => parse(text, reviver && ((key, value) => reviver.call({}, key, value)))
  })
  const { type } = await makeDeadLetters(world, 1)
  await world.db.query('SELECT iu_core.fn_iu_emit_event($1, $2, $3, $4)', [type, 'specs', 'exact', '{"id": 9007199254740993}'])
  await (await world.signIn('manager')).carry('dot_iu_run_worker', {})
  for (const path of ['/', '/collections', '/attempts', '/dead-letters', '/try', '/worker', '/gates', '/proof', '/conformance', '/layers', '/commands', '/ledger', '/accounts', '/api-docs']) {
    await open(page, path)
    await expect(page.getByText('Something went wrong'), path).toHaveCount(0)
  }
  await open(page, `/dead-letters?type=${type}`)
  await page.getByRole('link', { name: /^Show dead letter/ }).first().click()
  const correct = page.getByRole('button', { name: 'Correct' })
  await expect(correct).toHaveAttribute('aria-disabled', 'true')
  await expect(correct).toHaveAccessibleDescription(/This browser cannot correct it: .*cannot hold/)
  await expect(page.locator('tbody pre')).toContainText('9007199254740993')
  await page.getByRole('link', { name: /^Show dead letter/ }).last().click()
  await page.getByRole('button', { name: 'Correct' }).click()
  await dialog(page).getByLabel('Payload').fill('{"number": 9007199254740993}')
  await press(page, 'Plan')
  await expect(dialog(page).getByLabel('Payload')).toHaveAccessibleDescription(/a number that this browser cannot hold/)
  await dialog(page).getByLabel('Payload').fill('{"number": 1}')
  await press(page, 'Plan')
  await expect(dialog(page).locator('[data-plan]')).toBeVisible()
})

test('a date that is typed is one page, once it is complete', async ({ page, world }) => {
  await makeDeadLetters(world, 1)
  await open(page, '/dead-letters')
  const visited: string[] = []
  const start = page.url()
  // The router writes the place that was scrolled to into the entry that it leaves: that is no other page.
  page.on('framenavigated', frame => frame.url() !== start && visited.push(frame.url()))
  const before = await page.evaluate(() => history.length)
  await page.getByLabel('from').focus()
  // A year has four digits: the field goes on to the hour by itself.
  await page.keyboard.type('013120261200PM', { delay: 20 })
  expect(visited).toEqual([])
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(url => url.searchParams.get('from') === '2026-01-31T12:00:00Z')
  await page.getByLabel('to UTC', { exact: true }).focus()
  await expect(page.getByLabel('from')).toHaveValue('2026-01-31T12:00')
  expect(await page.evaluate(() => history.length)).toBe(before + 1)
  expect(visited).toHaveLength(1)
})

/** Keys of an input method, as the browser tells them. */
const compose = (page: Page, selector: string, key: string) => page.locator(selector).first().evaluate((field, key) => {
  field.dispatchEvent(new KeyboardEvent('keydown', { key, isComposing: true, bubbles: true, cancelable: true }))
  field.dispatchEvent(Object.defineProperty(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }), 'keyCode', { value: 229 }))
}, key)

test('a key that ends a composition does nothing else', async ({ page, world }) => {
  const sent: string[] = []
  page.on('request', request => request.method() === 'POST' && sent.push(request.url()))
  const collection = await makeDocument(world)
  await open(page, '/collections?q=plans')
  await compose(page, '[data-search]', 'Escape')
  await expect(page.locator('[data-search]')).toHaveValue('plans')
  await expect(page.locator('[data-search]')).not.toBeFocused()
  await page.locator('[data-search]').press('Escape')
  await expect(page.locator('[data-search]')).toHaveValue('')
  await open(page, '/ledger?actor=operator')
  await compose(page, 'input[aria-label=Actor]', 'Escape')
  await expect(page.getByLabel('Actor')).toHaveValue('operator')
  await open(page, `/collections/${collection}`)
  await choose(page, 'Beta.', 'Clone …')
  await compose(page, 'dialog input', 'Escape')
  await compose(page, 'dialog input', 'Enter')
  await expect(dialog(page)).toBeVisible()
  await dialog(page).getByLabel('Address').fill('x')
  await compose(page, 'dialog input', 'Escape')
  await expect(page.getByRole('alertdialog')).toHaveCount(0)
  expect(sent).toEqual([])
})

test.describe('where a clock is put back', () => {
  test.use({ timezoneId: 'Europe/Berlin' })

  test('an hour from now is an hour from now', async ({ page, world }) => {
    const asked: { params: { expires_at?: string } }[] = []
    await page.route('**/api/commands/dot_iu_issue_token', async (route) => {
      asked.push(route.request().postDataJSON())
      await route.fulfill({ status: 409, json: { type: 'about:blank', title: 'Refused', status: 409, code: 'lifecycle_refused', run: 1 } })
    })
    await makeDocument(world)
    // 02:30 of the summer; in an hour it is 02:30 again, of the winter.
    await page.clock.setFixedTime('2026-10-25T00:30:00Z')
    await page.goto('/accounts')
    await hydrated(page)
    await page.getByRole('button', { name: 'Issue token' }).click()
    await dialog(page).getByLabel('Label').fill('an hour')
    await dialog(page).getByLabel('Scopes').fill('read')
    await dialog(page).getByLabel('Present password').fill('a password')
    await dialog(page).getByRole('button', { name: '1 hour' }).click()
    await expect(dialog(page).getByLabel('Expires')).toHaveValue('2026-10-25T02:30')
    await expect(dialog(page)).toContainText('2026-10-25 01:30:00 UTC')
    await press(page, 'Plan')
    await expect.poll(() => asked.length).toBe(1)
    expect(asked[0]!.params.expires_at).toBe('2026-10-25T01:30:00.000Z')
  })
})
