/** What the ledger keeps of what it is given: numbers, terms and names; of any other text its digest. Every command is given texts that must not stay. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bodiesOf } from '../../../shared/commands/contract.ts'
import { COMMANDS } from '../../../shared/commands/index.ts'
import { casesOf, nameOf, type Stage } from './cases.ts'
import { carry, openDatabase, type Params, run, signedIn, undo } from './world.ts'
import { drain, emit, type Queryable } from '../world.ts'

const stage = {} as Stage
const CASES = casesOf(stage)
beforeAll(async () => {
  const db = await openDatabase()
  Object.assign(stage, { db, admin: await signedIn(db.pool, 'walker', 'admin') })
})
afterAll(() => stage.db.drop())

/** Where a text may stand: what is so now, versions of it, and what the undoing of a run puts back. Nothing of it is chained as a run is. */
const STATE = ['information_unit', 'unit_version', 'iu_unit_axis', 'iu_collection', 'iu_collection_piece', 'iu_collection_piece_parked', 'iu_collection_checkpoint', 'iu_collection_checkpoint_piece', 'iu_event_type', 'iu_outbound_route',
  'iu_account', 'iu_api_token', 'dot_inventory', 'dot_iu_run_text', 'event_outbox']
const SECRET = 'hunter2-Tr0ub4dor'

/** The rows besides those that have the text. */
async function holding(text: string, client: Queryable = stage.db.pool): Promise<string[]> {
  const { rows: tables } = await client.query<{ name: string }>(`SELECT relname AS name FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace AND relkind = 'r' AND relname <> ALL ($1) ORDER BY 1`, [STATE])
  const each = tables.map(({ name }) => `SELECT '${name}' AS name, t::text AS row FROM iu_core.${name} AS t WHERE position($1 IN t::text) > 0`)
  const { rows } = await client.query<{ name: string, row: string }>(each.join(' UNION ALL '), [text])
  return rows.map(({ name, row }) => `${name}: ${row.slice(Math.max(0, row.indexOf(text) - 200), row.indexOf(text) + 60)}`)
}

/** A text in the place of a value, whatever the value should be. */
const planted = (value: unknown, text: string): unknown => typeof value === 'string' ? text : Array.isArray(value) ? [...value, text] : typeof value === 'object' ? { ...value, secret: text } : text

describe.each(COMMANDS.map(({ code }) => code))('%s', (code) => {
  const contract = COMMANDS.find(command => command.code === code)!
  // What meets the pattern of a name is one: the texts below do not, but for that of a file.
  const names = Object.keys((contract.wire ?? contract.input).shape).filter(name => name !== 'file')

  it('leaves no text that is given as one of its parameters, refused or not', async () => {
    const [title, making] = Object.entries(CASES[code]!)[0]!
    const { params, token } = await making(`${nameOf(code, title)}.planted`)
    const client = await stage.db.pool.connect()
    try {
      for (const name of names) {
        for (const text of [`${SECRET}-${code}-${name}`, `${SECRET} "${code}" \\ ${name} ${'é\n'.repeat(200)}`, `"${SECRET}" ${'x'.repeat(9000)}`, `https://u:${SECRET}@erp.example.org/${code}?key=${name}`]) {
          await client.query('BEGIN')
          for (const mode of ['plan', 'apply']) {
            await client.query('SAVEPOINT before')
            await run(client, code, mode, { ...params, [name]: planted(params[name] ?? '', text) }, { reason: 'a test', token }).catch(async (error: Error) => {
              expect(error.message).not.toContain(SECRET)
              await client.query('ROLLBACK TO before')
            })
          }
          expect(await holding(SECRET, client), name).toEqual([])
          await client.query('ROLLBACK')
        }
      }
    }
    finally {
      await client.query('ROLLBACK')
      client.release()
    }
    // Its case has disabled what may be disabled but once.
    if (code === 'dot_iu_enable_triggers') await carry(stage.db.pool, code, params, { token })
  })

  it('leaves no part of a text that it takes, when it is done and undone', async () => {
    for (const [title, making] of Object.entries(CASES[code]!)) {
      const { params, never, token } = await making(`${nameOf(code, title)}.kept`)
      const bodies = bodiesOf(contract).filter(name => ['title', 'description', 'display_name', 'label', 'joiner'].includes(name) || (name === 'separator' && 'collection' in params))
      const texts = Object.fromEntries(bodies.filter(name => name !== 'title' || !('version' in params)).map(name => [name, `${SECRET} as ${name}`]))
      const applied = await carry(stage.db.pool, code, { ...params, ...texts }, { token })
      expect(await holding(SECRET)).toEqual([])
      if (never) continue
      await undo(stage.db.pool, applied, { token })
      expect(await holding(SECRET)).toEqual([])
      expect((await stage.db.pool.query('SELECT FROM iu_core.dot_iu_run_text WHERE run_id = $1', [applied.run])).rowCount).toBe(0)
    }
  })
})

it('keeps of a webhook\'s URL the host and the digest, in the ledger as in the attempts, and puts the old one back', async () => {
  const apply = (command: string, params: Params) => carry(stage.db.pool, command, params)
  const url = (n: number) => `https://bot:${SECRET}@hooks.example.org/${SECRET}/${n}?key=${SECRET}`
  const digest = (text: string) => createHash('sha256').update(text).digest('hex')
  const route = { route: 'app.hook', event_type: 'app.hooked', target_kind: 'webhook', enabled: true }
  await apply('dot_iu_register_event_type', { event_type: 'app.hooked', description: 'Hooked.' })
  await apply('dot_iu_register_route', { ...route, target_ref: url(1) })
  await emit(stage.db.pool, '1', {}, 'app.hooked')
  await drain(stage.db.pool)
  const { rows: [attempt] } = await stage.db.pool.query<{ target: string }>(`SELECT target_ref AS target FROM iu_core.v_iu_route_attempt WHERE event_type = 'app.hooked'`)
  expect(attempt!.target).toBe(`https://hooks.example.org/… (sha256 ${digest(url(1)).slice(0, 12)})`)
  const { enabled, ...again } = route
  expect(enabled).toBe(true)
  const second = await apply('dot_iu_register_route', { ...again, target_ref: url(2) })
  const { rows: [kept] } = await stage.db.pool.query<{ params: Params, inverse: Params }>(`SELECT params, receipt -> 'inverse' -> 'params' AS inverse FROM iu_core.v_dot_iu_command_run WHERE run_id = $1`, [second.run])
  expect(kept!.params).toEqual({ ...again, target_ref: { sha256: digest(url(2)), bytes: url(2).length } })
  expect(kept!.inverse).toEqual({ ...again, target_ref: { sha256: digest(url(1)), bytes: url(1).length } })
  for (const view of ['v_iu_outbound_route', 'v_iu_route_attempt', 'v_iu_route_attempt_summary', 'v_dot_iu_command_run']) {
    expect((await stage.db.pool.query(`SELECT FROM iu_core.${view} AS v WHERE position($1 IN v::text) > 0`, [SECRET])).rowCount, view).toBe(0)
  }
  await undo(stage.db.pool, second)
  expect((await stage.db.pool.query(`SELECT target_ref FROM iu_core.iu_outbound_route WHERE route_code = 'app.hook'`)).rows).toEqual([{ target_ref: url(1) }])
  expect(await holding(SECRET)).toEqual([])
})

it.each(['not a url', 'ftp://example.org/x', 'https://', 'https:// example.org', 'javascript:alert(1)', 'erp/orders', 'https:///x'])('refuses %j as the target of a webhook, with field and rule, and keeps it nowhere', async (target_ref) => {
  const { plan_digest: plan } = await run(stage.db.pool, 'dot_iu_register_event_type', 'plan', { event_type: 'app.target', description: 'x' })
  await run(stage.db.pool, 'dot_iu_register_event_type', 'apply', { event_type: 'app.target', description: 'x' }, { plan, reason: 'a test' })
  expect(await run(stage.db.pool, 'dot_iu_register_route', 'plan', { route: 'app.target', event_type: 'app.target', target_kind: 'webhook', target_ref }))
    .toMatchObject({ status: 'refused', code: 'invalid_parameter', field: 'target_ref', detail: 'target_ref: a webhook is called at a URL, and this is none', hint: expect.stringContaining('https://') })
  const { rows: [kept] } = await stage.db.pool.query<{ target: Params }>(`SELECT params -> 'target_ref' AS target FROM iu_core.dot_iu_command_run WHERE command_code = 'dot_iu_register_route' ORDER BY id DESC LIMIT 1`)
  expect(kept!.target).toEqual({ sha256: createHash('sha256').update(target_ref).digest('hex'), bytes: target_ref.length })
})

it('cannot undo a run whose text was deleted, and says so', async () => {
  await carry(stage.db.pool, 'dot_iu_create_piece', { address: 'deleted.text', kind: 'paragraph', title: 'An old title', body: 'x' })
  const revised = await carry(stage.db.pool, 'dot_iu_revise_piece', { piece: 'deleted.text', body: 'y', title: 'Another' })
  expect((await stage.db.pool.query('DELETE FROM iu_core.dot_iu_run_text WHERE run_id = $1', [revised.run])).rowCount).toBe(1)
  expect(await run(stage.db.pool, 'dot_iu_revise_piece', 'plan', {}, { run: revised.run })).toMatchObject({ status: 'refused', code: 'not_reversible', field: 'run', detail: expect.stringContaining('was deleted') })
})

it('tells its caller the texts that they gave, and a repeat what the ledger has', async () => {
  const params = { address: 'told.once', kind: 'file', title: 'Told once' }
  const first = await run(stage.db.pool, 'dot_iu_create_collection', 'apply', params, { key: 'once' })
  expect(first.objects[0]!.after).toMatchObject({ title: 'Told once' })
  const again = await run(stage.db.pool, 'dot_iu_create_collection', 'apply', params, { key: 'once' })
  expect(again).toMatchObject({ repeated: true, run: first.run })
  expect(again.objects[0]!.after!.title).toEqual({ sha256: createHash('sha256').update('Told once').digest('hex'), bytes: 9 })
})

it('puts no other text back than the one whose digest it has', async () => {
  await carry(stage.db.pool, 'dot_iu_create_piece', { address: 'forged.text', kind: 'paragraph', title: 'An old title', body: 'x' })
  const revised = await carry(stage.db.pool, 'dot_iu_revise_piece', { piece: 'forged.text', body: 'y', title: 'Another' })
  await stage.db.pool.query(`UPDATE iu_core.dot_iu_run_text SET params = jsonb_set(params, '{title}', '"A forged title"') WHERE run_id = $1`, [revised.run])
  expect(await run(stage.db.pool, 'dot_iu_revise_piece', 'plan', {}, { run: revised.run })).toMatchObject({ status: 'refused', code: 'not_reversible', field: 'run', detail: expect.stringContaining('not the one whose digest') })
})

it.each<[string, (text: string) => Params]>([
  ['dot_iu_register_event_type', text => ({ event_type: 'app.keys', description: 'x', payload_schema: { [text]: 1 } })],
  ['dot_iu_create_workflow_from_steps', text => ({ address: 'keys', title: 'x', steps: [{ body: 'x', [text]: 1 }] })],
  ['dot_iu_create_piece', text => ({ address: 'keys', kind: 'text', body: 'x', [text]: 1 })],
])('keeps no name that stands in what %s is given', async (command, params) => {
  const text = `https://u:${SECRET}@erp.example.org/keys`
  expect(await run(stage.db.pool, command, 'plan', params(text))).toMatchObject({ status: 'refused' })
  expect(await holding(SECRET)).toEqual([])
})
