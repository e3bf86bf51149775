import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { APIRequestContext, APIResponse } from '@playwright/test'
import { type Receipt, receiptSchema } from '../../shared/commands/receipt.ts'
import { COMMANDS } from '../../shared/commands/index.ts'
import { openapiDocument, SMALL_ANSWERS } from '../../shared/openapi.ts'
import { problemSchema } from '../../shared/openapi/problems.ts'
import type { Method, Operation, Response } from '../../shared/openapi/types.ts'
import { READ_ROUTES } from '../../shared/read-models/routes.ts'
import type { ReadModelName, ReadModels } from '../../shared/read-models/registry.ts'
import { archiveOf } from '../db/archive.ts'
import { deviation } from '../db/deviation.ts'
import { mismatches, resolve } from '../unit/openapi-schema.ts'
import { expect, test } from './page.ts'
import { makeWorld, type Signed, type World } from './support/api-world.ts'
import type { Answer } from './support/ask.ts'

const document = openapiDocument('http://127.0.0.1')
const operationOf = (method: Method, path: string): Operation => document.paths[path]![method]!
const responseOf = (operation: Operation, status: number): Response | undefined => {
  const response = operation.responses[String(status)]
  return response && '$ref' in response ? resolve(document, response.$ref) as Response : response as Response | undefined
}

/** An answer is of the type and schema that the document has for its status. */
function expectDocumented(method: Method, path: string, status: number, contentType: string | undefined, body: string): unknown {
  const response = responseOf(operationOf(method, path), status)
  expect(response, `${method} ${path} answers ${status}: ${body.slice(0, 300)}`).toBeDefined()
  const [type, { schema }] = Object.entries(response!.content)[0]!
  expect(contentType).toBe(type)
  if (!type.endsWith('json')) return body
  const value: unknown = JSON.parse(body)
  expect(mismatches(document, schema, value), `${method} ${path}: ${body.slice(0, 300)}`).toEqual([])
  return value
}

const documented = async (path: string, answer: APIResponse) => expectDocumented('get', path, answer.status(), answer.headers()['content-type'], await answer.text())

const filesUnder = (folder: string, prefix = ''): string[] => readdirSync(folder, { withFileTypes: true }).flatMap(entry =>
  entry.isDirectory() ? filesUnder(join(folder, entry.name), `${prefix}${entry.name}/`) : [`${prefix}${entry.name}`])

test('the served document is the one of the code, for the name that was asked', async ({ request, baseURL }) => {
  const answer = await request.get('/api/openapi')
  expect(answer.status()).toBe(200)
  expect(answer.headers()).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' })
  expect(await answer.json()).toEqual(openapiDocument(baseURL!))
})

test('every file of a route is in the document, and the other way round', () => {
  // The two that answer where there is nothing are none.
  const files = filesUnder(join(import.meta.dirname, '../../server/api')).filter(file => !['[...].ts', 'index.ts'].includes(file))
  const named = files.map((file) => {
    const [, path, method] = /^(.*)\.(get|post|delete|put|patch)\.ts$/.exec(file) ?? []
    return { method: method as Method, pattern: new RegExp(`^/api/${path!.replace(/(?:^|\/)index$/, '').replace(/[.\\+*?^$(){}|]/g, '\\$&').replace(/\[\w+\]/g, '[^/]+')}$`), file }
  })
  expect(named.length).toBeGreaterThan(25)
  const operations = Object.entries(document.paths).flatMap(([path, item]) => Object.keys(item).map(method => ({ path, method })))
  expect(named.filter(({ method, pattern }) => !operations.some(one => one.method === method && pattern.test(one.path))).map(({ file }) => file)).toEqual([])
  expect(operations.filter(one => named.filter(({ method, pattern }) => one.method === method && pattern.test(one.path)).length !== 1)).toEqual([])
})

/** What is there to be asked for in the served world. */
async function known(request: APIRequestContext) {
  const read = async <Name extends ReadModelName>(name: Name, query: Record<string, string> = {}) => await (await request.get(`/api/${name}`, { params: query })).json() as ReadModels[Name]
  const { largest } = await read('overview')
  const address = largest[0]!.address
  const [pieces, collections, attempts, letters, ledger] = [await read('collections/pieces', { address }), await read('collections'), await read('attempts'), await read('dead-letters'), await read('ledger')]
  return { address, pieces, collections, attempts, letters, ledger, unit: String(pieces.rows[0]!.unitId) }
}
type Known = Awaited<ReturnType<typeof known>>

const queries = (...all: Record<string, string>[]) => all

/** Queries of each read, every parameter among them. */
const SAMPLES: Record<ReadModelName, (known: Known) => Record<string, string>[]> = {
  'overview': () => queries({}),
  'accounting': () => queries({}),
  'shell': () => queries({}),
  'collections': ({ collections }) => queries({}, { q: 'a', kind: 'file' }, { after: collections.next! }, { before: collections.rows.at(-1)!.address }),
  'collections/head': ({ address }) => queries({ address }),
  'collections/health': ({ collections }) => queries({}, { q: 'a', kind: 'file' }, { after: collections.next! }, { before: collections.rows.at(-1)!.address }),
  'collections/findings': ({ address }) => queries({ address }),
  'collections/pieces': ({ address, pieces }) => queries({ address }, { address, after: pieces.next! }, { address, before: pieces.next! }),
  'collections/piece': ({ address, unit }) => queries({ address, unit }),
  'collections/rendered': ({ address, pieces }) => queries({ address }, { address, view: 'source' }, { address, after: pieces.next! }, { address, before: pieces.next! }),
  'collections/checkpoints': ({ address }) => queries({ address }, { address, from: '0' }, { address, from: '0', to: '0' }),
  'collections/parked': ({ address }) => queries({ address }),
  'attempts': ({ attempts }) => queries({}, { route: attempts.rows[0]!.routeCode, status: attempts.rows[0]!.status, type: attempts.rows[0]!.eventType }, { after: attempts.next! }, { before: attempts.next! }),
  'attempts/summary': () => queries({}),
  'attempts/history': () => queries({}, { range: '24h' }, { range: '7d', status: 'failed' }, { range: '30d', route: 'no.such', type: 'no.such' }),
  'dead-letters': ({ letters: { rows: [row] } }) => queries({}, { cause: row?.cause ?? '0123456789abcdef', code: row?.failureCode ?? 'none', type: row?.eventType ?? 'none', route: row?.routeCode ?? 'none' }, { from: '2020-01-01T00:00:00Z', to: '2099-01-01T00:00:00Z' }, { after: String(row?.deadLetterId ?? 9) }, { before: '1' }),
  'dead-letters/replays': () => queries({}),
  'dead-letters/letter': ({ letters }) => queries({ id: String(letters.rows[0]?.deadLetterId ?? 1) }),
  'worker': () => queries({}),
  'worker/passes': () => queries({}, { after: '9' }, { before: '1' }),
  'gates': () => queries({}),
  'routing': () => queries({}),
  'proof': () => queries({}),
  'conformance': () => queries({}, ...['ok', 'missing', 'unexpected', 'changed', 'unknown'].map(state => ({ state }))),
  'layers': () => queries({}),
  'backups': () => queries({}),
  'commands': () => queries({}),
  'commands/contract': () => COMMANDS.map(({ code }) => ({ name: code })),
  'ledger': ({ ledger: { rows: [row], next } }) => queries({}, { command: row!.command, actor: row!.actor, status: row!.status, mode: row!.mode, object: 'gate:iu_core.composer_enabled' }, { after: next! }, { before: next! }),
  'ledger/run': ({ ledger }) => ledger.rows.slice(0, 20).map(({ runId }) => ({ id: String(runId) })),
  'session': () => queries({}),
  'accounts': () => queries({}),
}

test.describe('a read answers exactly as its schema says', () => {
  for (const name of Object.keys(READ_ROUTES) as ReadModelName[]) {
    test(name, async ({ request }) => {
      const { query, answer: schema } = READ_ROUTES[name]
      const samples = SAMPLES[name](await known(request))
      expect([...new Set(samples.flatMap(Object.keys))].sort()).toEqual(Object.keys(query.shape).sort())
      for (const params of samples) {
        const answer = await request.get(`/api/${name}`, { params })
        const body = await documented(`/api/${name}`, answer)
        expect(answer.status(), JSON.stringify(params)).toBe(200)
        // What the schema does not know it leaves out: an equal answer has nothing else, at any depth.
        expect(schema.parse(body)).toEqual(body)
      }
    })
  }

  test('the small ones', async ({ request }) => {
    for (const [name, path] of [['getHealthLive', '/api/health/live'], ['getHealthReady', '/api/health/ready']] as const) {
      const body = await documented(path, await request.get(path))
      expect(SMALL_ANSWERS[name].parse(body)).toEqual(body)
    }
    const { address } = await known(request)
    const bytes = await documented('/api/collections/render', await request.get('/api/collections/render', { params: { address } }))
    expect(String(bytes).length).toBeGreaterThan(1000)
  })

  test('a receipt in the ledger is one as well', async ({ request }) => {
    const { rows } = await (await request.get('/api/ledger')).json() as ReadModels['ledger']
    for (const { runId } of rows) {
      const { receipt } = await (await request.get('/api/ledger/run', { params: { id: String(runId) } })).json() as ReadModels['ledger/run']
      expect(receiptSchema.parse(receipt)).toEqual(receipt)
    }
    expect(rows.length).toBeGreaterThan(10)
  })
})

test('a read refuses with a problem that the document has', async ({ request, playwright, baseURL }) => {
  const nobody = await playwright.request.newContext({ baseURL, storageState: { cookies: [], origins: [] } })
  const asked: [string, Record<string, string>, number][] = Object.entries(document.paths).filter(([path, { get }]) => get && path !== '/api/health/live').flatMap(([path, { get }]) => [
    [path, { unknown: 'x' }, 400] as [string, Record<string, string>, number],
    ...(get!.parameters?.some(parameter => 'required' in parameter && parameter.required) ? [[path, {}, 400] as [string, Record<string, string>, number]] : []),
    ...(responseOf(get!, 404) ? [[path, { address: 'no/such', unit: '1', id: '999999999', name: 'no_such', from: '999' }, 404] as [string, Record<string, string>, number]] : []),
  ])
  for (const [path, params, status] of asked) {
    const names = (operationOf('get', path).parameters ?? []).flatMap(parameter => 'name' in parameter ? [parameter.name] : [])
    const own = status === 404 ? Object.fromEntries(Object.entries(params).filter(([name]) => names.includes(name))) : params
    const answer = await request.get(path, { params: own })
    const problem = problemSchema.parse(await documented(path, answer))
    expect([path, own, answer.status(), problem.status]).toEqual([path, own, status, status])
    if (status === 400) expect(problem.errors!.length).toBeGreaterThan(0)
  }
  for (const [path, { get }] of Object.entries(document.paths)) {
    if (!get || get.security) continue
    const answer = await nobody.get(path)
    expect([path, answer.status()]).toEqual([path, 401])
    expect(problemSchema.parse(await documented(path, answer)).code).toBe('unauthenticated')
    expect(answer.headers()['www-authenticate']).toBe('Bearer')
  }
  await nobody.dispose()
})

test.describe('a command', () => {
  // In order, in a world of its own: what one makes another plans with.
  test.describe.configure({ mode: 'default' })
  let world: World
  let manager: Signed
  let planned: [string, Record<string, unknown>][]

  const receiptOf = (code: string, answer: Answer): Receipt => {
    const body = expectDocumented('post', `/api/commands/${code}`, answer.status, answer.headers['content-type'], answer.text)
    expect(answer.status, answer.text).toBe(200)
    expect(receiptSchema.parse(body)).toEqual(body)
    return body as Receipt
  }

  const emit = (type: string, times: number) => world.db.query(`SELECT iu_core.fn_iu_emit_event($1, 'a_table', n::text, '{}') FROM generate_series(1, $2::integer) AS n`, [type, times])

  test.beforeAll(async () => {
    world = await makeWorld()
    manager = await world.signIn('manager')
    const operator = await world.signIn('operator')
    const { carry } = manager
    await carry('dot_iu_import_text', { source_path: 'handbook.md', text: '# Handbook\n\nWelcome.\n\nWe are open.\n' })
    const { rows } = (await manager.ask('/api/collections/pieces?address=handbook.md')).json<ReadModels['collections/pieces']>()
    const [heading, first] = rows.map(row => row.unitAddress)
    for (const address of ['spec/draft', 'spec/deleted', 'spec/other']) await carry('dot_iu_create_piece', { address, kind: 'paragraph', title: address, body: `The text of ${address}.` })
    await carry('dot_iu_soft_delete_piece', { piece: 'spec/deleted' })
    for (const type of ['spec.letters', 'spec.slow', 'spec.off', 'spec.held', 'spec.pending', 'spec.again']) await carry('dot_iu_register_event_type', { event_type: type, description: type, payload_schema: ['spec.letters', 'spec.slow'].includes(type) ? { type: 'object', required: ['n'] } : {} })
    for (const [type, enabled] of [['spec.letters', true], ['spec.slow', true], ['spec.pending', true], ['spec.off', false], ['spec.again', false]] as const) await carry('dot_iu_register_route', { route: `${type}.log`, event_type: type, target_kind: 'log', target_ref: 'iu_route_attempt', enabled })
    await emit('spec.letters', 2)
    await carry('dot_iu_run_worker', {})
    await carry('dot_iu_register_event_type', { event_type: 'spec.letters', description: 'wider now', payload_schema: {} })
    const { rows: letters } = (await manager.ask('/api/dead-letters')).json<ReadModels['dead-letters']>()
    await emit('spec.again', 1)
    // So many, and so slowly, that one replay of them still runs when the commands are asked.
    await emit('spec.slow', 900)
    await carry('dot_iu_run_worker', {})
    await carry('dot_iu_enable_route', { route: 'spec.again.log' })
    for (const replay of [1, 2]) expect(await carry('dot_iu_start_replay', { event_type: 'spec.slow', per_second: 1 })).toMatchObject({ result: { replay } })
    await carry('dot_iu_stop_replay', { replay: 2 })
    const { rows: past } = await world.db.query<{ id: string }>(`SELECT iu_core.fn_iu_emit_event('spec.held', 'a_table', n::text, '{}') AS id FROM generate_series(1, 3) AS n ORDER BY 1`)
    await carry('dot_iu_run_worker', {})
    // Nobody else need have audited them yet; and while a console does, this one does not, and what it began before is not in it.
    await expect.poll(async () => {
      await world.db.query('SELECT * FROM iu_core.fn_iu_event_audit(20000)')
      return (await world.db.query('SELECT FROM iu_core.v_iu_event_archivable WHERE event_id = ANY ($1)', [past.map(({ id }) => id)])).rowCount
    }).toBe(past.length)
    const [next, recorded, removed] = await Promise.all(past.map(({ id }) => archiveOf(world.db, Number(id), Number(id))))
    await carry('dot_iu_accept_deviation', await deviation(world.db, 'accepted'))
    const archives: unknown[] = []
    for (const { record } of [recorded!, removed!]) archives.push((await carry('dot_iu_record_archive', record)).result!.archive)
    await carry('dot_iu_remove_archived_events', { archive: archives[1] })
    await operator.carry('dot_iu_close_gate', { gate: 'iu_core.routes_master_enabled' })
    await emit('spec.held', 2)
    // The operator closed it, another opens it.
    await carry('dot_iu_open_gate', { gate: 'iu_core.routes_master_enabled' })
    await emit('spec.pending', 1)
    await carry('dot_iu_add_account', { account: 'leaver', right: 'operator', password: 'a password to be forgotten' })
    await carry('dot_iu_disable_account', { account: 'leaver' })
    await carry('dot_iu_issue_token', { label: 'old', scopes: ['read'], expires_at: new Date(Date.now() + 86_400_000).toISOString() })
    const { tokens } = (await manager.ask('/api/accounts')).json<ReadModels['accounts']>()
    await carry('dot_iu_split_cursor', { worker: 'iu_outbound_default', bucket: 15, new_worker: 'spare' })
    await carry('dot_iu_enable_schedule', {})
    const password = 'twelve characters or more'
    planned = [
      ['dot_iu_create_piece', { address: 'spec/new', kind: 'paragraph', body: 'New.', collection: 'handbook.md', after: heading }],
      ['dot_iu_revise_piece', { piece: 'spec/draft', body: 'Other.' }],
      ['dot_iu_clone_piece', { piece: 'spec/draft', address: 'spec/clone' }],
      ['dot_iu_add_piece', { collection: 'handbook.md', piece: 'spec/draft', to: 'last' }],
      ['dot_iu_reorder_piece', { collection: 'handbook.md', piece: heading, to: 'last' }],
      ['dot_iu_remove_piece_from_collection', { collection: 'handbook.md', piece: first }],
      ['dot_iu_enact_piece', { piece: 'spec/draft' }],
      ['dot_iu_retire_piece', { piece: 'spec/draft' }],
      ['dot_iu_soft_delete_piece', { piece: first }],
      ['dot_iu_restore_piece', { piece: 'spec/deleted' }],
      ['dot_iu_refresh_metadata_axes', { collection: 'handbook.md' }],
      ['dot_iu_create_collection', { address: 'spec/collection', kind: 'section', title: 'A collection' }],
      ['dot_iu_create_file_from_pieces', { address: 'spec/file', title: 'A file', pieces: ['spec/draft', 'spec/other'] }],
      ['dot_iu_create_workflow_from_steps', { address: 'spec/workflow', title: 'A workflow', steps: [{ title: 'First', body: 'Begin.' }, { piece: 'spec/other' }] }],
      ['dot_iu_validate_collection', { collection: 'handbook.md' }],
      ['dot_iu_render_collection', { collection: 'handbook.md' }],
      ['dot_iu_checkpoint_collection', { collection: 'handbook.md', label: 'now' }],
      ['dot_iu_import_text', { source_path: 'handbook.md', text: '# Handbook\n\nWelcome again.\n' }],
      ['dot_iu_replay_dead_letter', { dead_letter: letters[0]!.deadLetterId }],
      ['dot_iu_replay_dead_letters', { event_type: 'spec.letters' }],
      ['dot_iu_discard_dead_letter', { dead_letter: letters[1]!.deadLetterId }],
      ['dot_iu_discard_dead_letters', { event_type: 'spec.letters' }],
      ['dot_iu_correct_dead_letter', { dead_letter: letters[0]!.deadLetterId, payload: { n: 1 } }],
      ['dot_iu_replay_skipped', { route: 'spec.again.log' }],
      ['dot_iu_start_replay', { event_type: 'spec.letters' }],
      ['dot_iu_stop_replay', { replay: 1 }],
      ['dot_iu_resume_replay', { replay: 2 }],
      ['dot_iu_run_worker', {}],
      ['dot_iu_run_probe', {}],
      ['dot_iu_release_held_events', {}],
      ['dot_iu_discard_held_events', { event_type: 'spec.held' }],
      ['dot_iu_enable_route', { route: 'spec.off.log' }],
      ['dot_iu_disable_route', { route: 'spec.pending.log' }],
      ['dot_iu_record_archive', next!.record],
      ['dot_iu_remove_archived_events', { archive: archives[0] }],
      ['dot_iu_restore_archived_events', { archive: archives[1], content: removed!.content }],
      ['dot_iu_split_cursor', { worker: 'iu_outbound_default', bucket: 8, new_worker: 'upper_half' }],
      ['dot_iu_join_cursors', { worker: 'iu_outbound_default', joined: 'spare' }],
      ['dot_iu_enable_schedule', { poll_ms: 500 }],
      ['dot_iu_disable_schedule', {}],
      ['dot_iu_close_gate', { gate: 'iu_core.autocut_enabled' }],
      ['dot_iu_open_gate', { gate: 'iu_core.structure_ops_enabled' }],
      ['dot_iu_disable_triggers', {}],
      ['dot_iu_register_event_type', { event_type: 'spec.new', description: 'New' }],
      ['dot_iu_register_route', { route: 'spec.held.log', event_type: 'spec.held', target_kind: 'log', target_ref: 'iu_route_attempt' }],
      ['dot_iu_add_account', { account: 'ada', right: 'operator', password }],
      ['dot_iu_set_account_right', { account: 'operator', right: 'approver' }],
      ['dot_iu_accept_deviation', await deviation(world.db, 'odd')],
      ['dot_iu_withdraw_acceptance', { class: 'view', object: 'v_accepted' }],
      ['dot_iu_disable_account', { account: 'reviewer' }],
      ['dot_iu_enable_account', { account: 'leaver' }],
      ['dot_iu_set_password', { account: 'reviewer', password }],
      ['dot_iu_issue_token', { label: 'new', scopes: ['read'], expires_at: new Date(Date.now() + 86_400_000).toISOString() }],
      ['dot_iu_revoke_token', { token: tokens.find(({ label }) => label === 'old')!.tokenId }],
    ]
  })
  test.afterAll(() => world?.close())

  test('answers a plan with a receipt, each of them', async () => {
    for (const [code, params] of planned) {
      const receipt = receiptOf(code, await manager.command(code, { mode: 'plan', params }))
      expect(receipt).toMatchObject({ status: 'planned', command: code, mode: 'plan', actor: 'manager' })
    }
    // It can be planned only while they are disabled.
    await manager.carry('dot_iu_disable_triggers', {})
    receiptOf('dot_iu_enable_triggers', await manager.command('dot_iu_enable_triggers', { mode: 'plan', params: {} }))
    await manager.carry('dot_iu_enable_triggers', {})
    expect([...planned.map(([code]) => code), 'dot_iu_enable_triggers'].sort()).toEqual(COMMANDS.map(({ code }) => code as string).sort())
  })

  test('answers an apply, a verification, the plan of an undo and the undo with a receipt', async () => {
    const code = 'dot_iu_create_collection'
    const params = { address: 'spec/whole', kind: 'section', title: 'The whole way' }
    const plan = receiptOf(code, await manager.command(code, { mode: 'plan', params }))
    const applied = receiptOf(code, await manager.command(code, { mode: 'apply', params, planDigest: plan.plan_digest }, { 'idempotency-key': 'the whole way' }))
    expect(applied).toMatchObject({ status: 'succeeded', plan_run: plan.run, objects: plan.objects, counts: plan.counts, events: plan.events })
    expect(receiptOf(code, await manager.command(code, { mode: 'verify', run: applied.run }))).toMatchObject({ status: 'verified', target_run: applied.run })
    const piece = receiptOf('dot_iu_create_piece', await manager.command('dot_iu_create_piece', { mode: 'apply', params: { address: 'spec/undone', kind: 'paragraph', body: 'Gone soon.' } }))
    const undo = receiptOf('dot_iu_create_piece', await manager.command('dot_iu_create_piece', { mode: 'plan', run: piece.run }))
    expect(undo).toMatchObject({ status: 'planned', target_run: piece.run, command: piece.inverse!.command })
    const undone = receiptOf('dot_iu_create_piece', await manager.command('dot_iu_create_piece', { mode: 'rollback', run: piece.run, reason: 'a spec', planDigest: undo.plan_digest }))
    expect(undone).toMatchObject({ status: 'succeeded', mode: 'rollback', target_run: piece.run })
    const token = receiptOf('dot_iu_issue_token', await manager.command('dot_iu_issue_token', { mode: 'apply', params: { label: 'told once', scopes: ['read'], expires_at: new Date(Date.now() + 60_000).toISOString() } }))
    expect(token.secret!.token).toMatch(/^\S{20,}$/)
  })

  test('makes what a read then answers as its schema says', async () => {
    const { carry } = manager
    await carry('dot_iu_checkpoint_collection', { collection: 'handbook.md', label: 'before' })
    const { rows } = (await manager.ask('/api/collections/pieces?address=handbook.md')).json<ReadModels['collections/pieces']>()
    await carry('dot_iu_soft_delete_piece', { piece: rows[2]!.unitAddress })
    await carry('dot_iu_checkpoint_collection', { collection: 'handbook.md' })
    await carry('dot_iu_close_gate', { gate: 'iu_core.autocut_enabled' })
    const read = async <Name extends ReadModelName>(name: Name, query = ''): Promise<ReadModels[Name]> => {
      const answer = await manager.ask(`/api/${name}${query}`)
      const body = expectDocumented('get', `/api/${name}`, answer.status, answer.headers['content-type'], answer.text)
      expect(READ_ROUTES[name].answer.parse(body)).toEqual(body)
      return body as ReadModels[Name]
    }
    const both = await read('collections/checkpoints', '?address=handbook.md&from=1&to=2')
    expect(both).toMatchObject({ checkpoints: [{ checkpoint: 2 }, { checkpoint: 1, label: 'before' }], difference: { from: 1, to: 2, pieces: [{ change: 'removed' }], total: 1 } })
    expect(await read('collections/checkpoints', '?address=handbook.md&from=1')).toMatchObject({ difference: { from: 1, to: null, total: 1 } })
    expect((await read('collections/parked', '?address=handbook.md')).pieces).toHaveLength(1)
    expect((await read('gates')).gates).toContainEqual(expect.objectContaining({ gate: 'iu_core.autocut_enabled', state: 'closed', changedBy: 'manager' }))
    expect((await read('accounts')).tokens.length).toBeGreaterThan(1)
    expect((await read('attempts')).rows).toContainEqual(expect.objectContaining({ status: 'failed' }))
    expect((await read('ledger')).rows.length).toBeGreaterThan(20)
  })

  test('refuses with a problem that the document has, each of them', async () => {
    const nobody: [number, unknown, Record<string, string>][] = [[401, {}, { cookie: '' }], [403, {}, { origin: 'http://elsewhere.example' }], [415, 'x', { 'content-type': 'text/plain' }], [400, '{', {}], [422, {}, {}], [404, { mode: 'verify', run: 999_999_999 }, {}]]
    for (const { code } of COMMANDS) {
      for (const [status, body, headers] of nobody) {
        const answer = await manager.command(code, body, headers)
        const problem = problemSchema.parse(expectDocumented('post', `/api/commands/${code}`, answer.status, answer.headers['content-type'], answer.text))
        expect([code, answer.status, problem.status], answer.text).toEqual([code, status, status])
      }
    }
  })
})
