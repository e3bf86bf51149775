import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { expect, test } from '@playwright/test'
import type { Receipt } from '../../shared/commands/receipt.ts'
import type { ReadModels } from '../../shared/read-models/registry.ts'
import { ask } from './support/ask.ts'
import { command, CREATE, piece, problemOf, stageOfFile } from './support/stage.ts'

const stage = stageOfFile()

test('an unknown command is not found', async () => {
  for (const code of ['dot_iu_no_such_command', 'constructor', '__proto__', 'fn_dot_ledger_seal', 'DOT_IU_CREATE_PIECE', '%00', 'dot_iu_create_piece%20', '%F0%9F%98%80']) {
    await stage.expectRefused(() => stage.manager.command(code, piece()), 404, 'not_found')
  }
})

test('what is wrong with a body is told by the path of each field', async () => {
  const rows: [unknown, string[]][] = [
    [piece({ address: 'Not An Address', kind: 7, body: null, extra: 1 }), ['params.address', 'params.body', 'params.extra', 'params.kind']],
    [{ mode: 'apply' }, ['params']],
    [{ mode: 'perhaps', params: {} }, ['mode', 'params.address', 'params.body', 'params.kind']],
    [{ ...piece(), planDigest: 'abc', reason: 7, confirm: [], more: true }, ['confirm', 'more', 'planDigest', 'reason']],
    [{ mode: 'verify', run: -1 }, ['run']],
    [{ mode: 'rollback', run: 1.5, params: {} }, ['params', 'run']],
    [[], ['body']], [null, ['body']], ['text', ['body']], [7, ['body']],
  ]
  for (const [body, fields] of rows) {
    const { errors } = await stage.expectRefused(() => stage.operator.ask(CREATE, { method: 'POST', body: JSON.stringify(body) }), 422, 'invalid_parameter', CREATE)
    expect(errors!.map(({ field }) => field).sort()).toEqual(fields)
    expect(errors!.every(({ message }) => message.length > 0)).toBe(true)
  }
  const steps = command('dot_iu_create_workflow_from_steps')
  const { errors } = await stage.expectRefused(() => stage.operator.ask(steps, { method: 'POST', body: { mode: 'plan', params: { address: 'spec/w', title: 'W', steps: [{ title: 'One' }, { title: 2 }] } } }), 422, 'invalid_parameter', steps)
  expect(errors).toEqual([{ field: 'params.steps.1.title', message: expect.any(String) }])
})

const TOO_LONG = 'x'.repeat(1_000_000)
for (const [title, body, fields] of [
  ['a title of a million letters', piece({ title: TOO_LONG }), ['params.title']],
  ['a negative position', piece({ collection: 'first.md', position: -1 }), ['params.position']],
  ['a position that is no whole number', piece({ collection: 'first.md', position: 1.5 }), ['params.position']],
  ['a position beyond all numbers', piece({ collection: 'first.md', position: 1e300 }), ['params.position']],
  ['an address with a space', piece({ address: 'spec/a piece' }), ['params.address']],
  ['an address that climbs', piece({ address: '../etc/passwd' }), ['params.address']],
  ['an address with SQL in it', piece({ address: '\'; DROP TABLE iu_core.iu_account; --' }), ['params.address']],
  ['an address in another script', piece({ address: 'тест' }), ['params.address']],
  ['control characters in a title', piece({ title: 'a\u001b[31mred' }), ['params.title']],
  ['a line end in a title', piece({ title: 'two\nlines' }), ['params.title']],
  ['NUL in a title', piece({ title: 'a\0b' }), ['params.title']],
  ['NUL in a text', piece({ body: 'a\0b' }), ['params.body']],
  ['half a surrogate pair in a title', piece({ title: 'a\ud800b' }), ['params.title']],
  ['half a surrogate pair in a text', piece({ body: '\udc00' }), ['params.body']],
  ['NUL in a reason', { ...piece(), reason: 'a\0b' }, ['reason']],
  ['half a surrogate pair in a reason', { ...piece(), reason: 'a\ud800b' }, ['reason']],
  ['control characters in a reason', { ...piece(), reason: 'a\u0007b' }, ['reason']],
  ['NUL in what is typed once more', { ...piece(), confirm: 'a\0b' }, ['confirm']],
  ['half a surrogate pair in what is typed once more', { ...piece(), confirm: 'a\ud800' }, ['confirm']],
] as [string, Record<string, unknown>, string[]][]) {
  test(`${title} is not valid`, async () => {
    const { errors } = await stage.expectRefused(() => stage.operator.command('dot_iu_create_piece', body), 422, 'invalid_parameter', CREATE)
    expect([...new Set(errors!.map(({ field }) => field))]).toEqual(fields)
  })
}

test('a JSON Schema with what PostgreSQL cannot keep is not valid', async () => {
  const path = command('dot_iu_register_event_type')
  for (const schema of [{ title: 'a\0b' }, { ['a\0b']: 1 }, { title: '\ud800' }, { enum: [{ deep: ['\udfff'] }] }]) {
    const { errors } = await stage.expectRefused(() => stage.approver.command('dot_iu_register_event_type', { mode: 'plan', params: { event_type: 'spec.type', description: 'A type', payload_schema: schema } }), 422, 'invalid_parameter', path)
    expect(errors![0]!.field).toMatch(/^params\.payload_schema/)
  }
})

test('names and passwords with what PostgreSQL cannot keep are no fault of the server', async () => {
  for (const account of ['a\0b', '\ud800', '\0']) {
    const answer = await ask(stage.world.origin, '/api/session', { method: 'POST', headers: { origin: stage.world.origin }, body: { account, password: 'a\0b' } })
    expect([401, 422], `${JSON.stringify(account)}: ${answer.text}`).toContain(answer.status)
    problemOf(answer, '/api/session')
  }
})

test('a body that is too large is refused, whether it tells its length or not', async () => {
  const large = JSON.stringify(piece({ body: 'x'.repeat(4_100_000) }))
  for (const chunked of [false, true]) {
    for (const body of [large, large.repeat(3)]) await stage.expectRefused(() => stage.operator.ask(CREATE, { method: 'POST', body, chunked }), 413, 'body_too_large', CREATE)
  }
  const credentials = JSON.stringify({ account: 'x'.repeat(20_000), password: 'x' })
  for (const chunked of [false, true]) {
    await stage.expectRefused(() => ask(stage.world.origin, '/api/session', { method: 'POST', headers: { origin: stage.world.origin }, body: credentials, chunked }), 413, 'body_too_large', '/api/session')
  }
})

test('who is still writing a body that is refused gets to the end, and the answer', async () => {
  const written = Array.from({ length: 20 }, () => Buffer.alloc(300_000, 'x'))
  const headers = { 'content-type': 'application/json', 'content-length': 20 * 300_000, 'origin': stage.world.origin }
  for (const [path, status] of [[CREATE, 401], ['/api/session', 413], ['/api/shell', 405]] as const) {
    const { hostname, port } = new URL(stage.world.origin)
    const sent = request({ hostname, port, path, method: 'POST', agent: false, headers })
    const answered = new Promise<number>((resolve, reject) => sent.on('response', response => resolve(response.resume().statusCode!)).on('error', reject))
    for (const bytes of written) {
      await new Promise<void>((resolve, reject) => sent.write(bytes, error => error ? reject(error) : resolve()))
      await new Promise(setImmediate)
    }
    sent.end()
    expect(await answered, path).toBe(status)
  }
})

test('a body that is no JSON, or no UTF-8, is malformed', async () => {
  const broken: (string | Buffer)[] = ['', '{', 'nothing', '{"mode":"plan"}x', '{\'mode\':\'plan\'}', '\u0000', '[1,]', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), Buffer.from([0x22, 0xc0, 0x80, 0x22])]
  for (const body of broken) await stage.expectRefused(() => stage.operator.ask(CREATE, { method: 'POST', body }), 400, 'malformed_json', CREATE)
  await stage.expectRefused(() => ask(stage.world.origin, '/api/session', { method: 'POST', headers: { origin: stage.world.origin }, body: '{' }), 400, 'malformed_json', '/api/session')
})

test('a body of another type is not taken', async () => {
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonp', 'application/json-seq', 'text/json', '']) {
    await stage.expectRefused(() => stage.operator.ask(CREATE, { method: 'POST', body: JSON.stringify(piece()), headers: { 'content-type': type } }), 415, 'unsupported_media_type', CREATE)
  }
})

test('a closed gate locks, and another person opens it', async () => {
  const gate = 'iu_core.autocut_enabled'
  const path = command('dot_iu_import_text')
  await stage.approver.carry('dot_iu_close_gate', { gate })
  const body = { mode: 'apply', params: { source_path: 'third.md', text: '# Third\n' } }
  const problem = await stage.expectRefused(() => stage.operator.command('dot_iu_import_text', body), 423, 'gate_closed', path)
  expect(problem).toMatchObject({ run: expect.any(Number), detail: expect.stringContaining(gate) })
  const run = (await stage.manager.ask(`/api/ledger/run?id=${problem.run}`)).json<ReadModels['ledger/run']>()
  expect(run).toMatchObject({ status: 'refused', code: 'gate_closed', actor: 'operator' })
  // Who closed it does not open it.
  await stage.expectRefused(() => stage.approver.command('dot_iu_open_gate', { mode: 'plan', params: { gate } }), 403, 'second_person_required', command('dot_iu_open_gate'))
  const second = await stage.world.signIn('second')
  await second.carry('dot_iu_open_gate', { gate })
  expect((await stage.operator.command('dot_iu_import_text', body)).status).toBe(200)
})

test('a plan whose state has moved on is not applied', async () => {
  const path = command('dot_iu_remove_piece_from_collection')
  const params = { collection: 'first.md', piece: stage.pieces[1] }
  const plan = (await stage.operator.command('dot_iu_remove_piece_from_collection', { mode: 'plan', params })).json<Receipt>()
  await stage.operator.carry('dot_iu_reorder_piece', { collection: 'first.md', piece: stage.pieces[1], to: 'last' })
  const apply = { mode: 'apply', params, reason: 'a spec', planDigest: plan.plan_digest }
  await stage.expectRefused(() => stage.operator.command('dot_iu_remove_piece_from_collection', apply), 409, 'stale_plan', path)
  await stage.expectRefused(() => stage.operator.command('dot_iu_remove_piece_from_collection', { ...apply, planDigest: '0'.repeat(64) }), 409, 'stale_plan', path)
  const { errors } = await stage.expectRefused(() => stage.operator.command('dot_iu_remove_piece_from_collection', { ...apply, planDigest: undefined }), 422, 'invalid_parameter', path)
  expect(errors!.map(({ field }) => field)).toEqual(['plan_digest'])
})

test('a key is for one input: again it is told what the first was told, with another it is refused', async () => {
  const headers = { 'idempotency-key': 'one intention' }
  const params = { address: 'spec/once', kind: 'section', title: 'Once' }
  const path = command('dot_iu_create_collection')
  const first = (await stage.operator.command('dot_iu_create_collection', { mode: 'apply', params }, headers)).json<Receipt>()
  const before = await stage.world.rows()
  const again = (await stage.operator.command('dot_iu_create_collection', { mode: 'apply', params }, headers)).json<Receipt>()
  // Of a text the ledger has the digest.
  const kept = { sha256: createHash('sha256').update('Once').digest('hex'), bytes: 4 }
  expect(again).toEqual({ ...first, repeated: true, objects: first.objects!.map(object => ({ ...object, after: { ...object.after, title: kept } })) })
  expect(await stage.world.rows()).toEqual(before)
  const problem = await stage.expectRefused(() => stage.operator.command('dot_iu_create_collection', { mode: 'apply', params: { ...params, title: 'Twice' } }, headers), 409, 'key_conflict', path)
  expect(problem.run).toBeGreaterThan(first.run)
  // Another's key of the same name is another key.
  expect((await stage.approver.command('dot_iu_create_collection', { mode: 'apply', params: { ...params, address: 'spec/other' } }, headers)).status).toBe(200)
  await stage.expectRefused(() => stage.operator.command('dot_iu_create_collection', { mode: 'apply', params: { ...params, address: 'spec/long' } }, { 'idempotency-key': 'x'.repeat(201) }), 422, 'invalid_parameter', path)
})

test('a key is for one input of a command with a password as well', async () => {
  const params = { account: 'keyed', right: 'reviewer', password: 'a password that is long' }
  const headers = { 'idempotency-key': 'one account' }
  const first = await stage.manager.command('dot_iu_add_account', { mode: 'apply', params }, headers)
  expect(first.status, first.text).toBe(200)
  const again = await stage.manager.command('dot_iu_add_account', { mode: 'apply', params }, headers)
  expect(again.status, again.text).toBe(200)
  expect(again.json()).toEqual({ ...first.json<Receipt>(), repeated: true })
})

test('a plan of a command with a password can be applied', async () => {
  const params = { account: 'planned', right: 'reviewer', password: 'a password that is long' }
  const plan = (await stage.manager.command('dot_iu_add_account', { mode: 'plan', params })).json<Receipt>()
  const applied = await stage.manager.command('dot_iu_add_account', { mode: 'apply', params, planDigest: plan.plan_digest })
  expect(applied.status, applied.text).toBe(200)
})

test('of two tabs that apply one plan, one succeeds', async () => {
  const params = { collection: 'second.md' }
  const path = command('dot_iu_checkpoint_collection')
  const plan = (await stage.operator.command('dot_iu_checkpoint_collection', { mode: 'plan', params })).json<Receipt>()
  const other = await stage.world.signIn('operator')
  const answers = await Promise.all([stage.operator, other].map((tab, index) => tab.command('dot_iu_checkpoint_collection', { mode: 'apply', params, planDigest: plan.plan_digest }, { 'idempotency-key': `tab ${index}` })))
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
  expect(problemOf(answers.find(({ status }) => status === 409)!, path).code).toBe('stale_plan')
  const { checkpoints } = (await stage.operator.ask('/api/collections/checkpoints?address=second.md')).json<ReadModels['collections/checkpoints']>()
  expect(checkpoints).toHaveLength(1)
})

test('a piece of another collection is not found in this one', async () => {
  const { rows } = (await stage.operator.ask('/api/collections/pieces?address=second.md')).json<ReadModels['collections/pieces']>()
  await stage.expectRefused(() => stage.operator.ask(`/api/collections/piece?address=first.md&unit=${rows[1]!.unitId}`), 404, 'not_found', '/api/collections/piece', 'get')
  for (const [code, params] of [
    ['dot_iu_reorder_piece', { collection: 'second.md', piece: stage.pieces[1], to: 'first' }],
    ['dot_iu_reorder_piece', { collection: 'second.md', piece: rows[1]!.unitAddress, after: stage.pieces[1] }],
    ['dot_iu_remove_piece_from_collection', { collection: 'second.md', piece: stage.pieces[1] }],
  ] as const) await stage.expectRefused(() => stage.operator.command(code, { mode: 'plan', params }), 404, 'not_found', command(code))
})

test('what breaks inside is not told outside', async () => {
  const secret = 'the secret of the house'
  const { rows: [handler] } = await stage.world.db.query<{ sql: string }>(`SELECT pg_get_functiondef('iu_core.dot_iu_validate_collection(jsonb, jsonb)'::regprocedure) AS sql`)
  const path = command('dot_iu_validate_collection')
  try {
    for (const state of ['XX000', '22012', '42P01', '23505', '40003', 'P0001']) {
      await stage.world.db.query(`CREATE OR REPLACE FUNCTION iu_core.dot_iu_validate_collection(p_params jsonb, p_context jsonb) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER AS $f$
        BEGIN RAISE EXCEPTION '${secret}' USING ERRCODE = '${state}', HINT = '${secret}', DETAIL = '${secret}', COLUMN = '${secret}', TABLE = '${secret}'; END $f$; SELECT iu_core.fn_dot_inventory_register('a spec', NULL)`)
      const answer = await stage.operator.command('dot_iu_validate_collection', { mode: 'apply', params: { collection: 'first.md' } })
      expect([state, answer.status, answer.json().code], answer.text).toEqual([state, 500, 'internal'])
      problemOf(answer, path)
      expect(answer.text).not.toContain('secret')
      const run = await stage.manager.ask(`/api/ledger/run?id=${String(answer.json().run)}`)
      expect(run.text).not.toContain('secret')
    }
  }
  finally {
    await stage.world.db.query(`${handler!.sql}; SELECT iu_core.fn_dot_inventory_register('a spec', NULL)`)
  }
  const { rows: [view] } = await stage.world.db.query<{ sql: string }>(`SELECT pg_get_viewdef('iu_core.v_iu_accounting'::regclass) AS sql`)
  try {
    await stage.world.db.query(`CREATE OR REPLACE VIEW iu_core.v_iu_accounting AS SELECT x.*, (1 / (x.events - x.events)) AS a_secret FROM (${view!.sql.replace(/;$/, '')}) AS x WHERE 1 / (x.events - x.events) > 0`)
    const answer = await stage.manager.ask('/api/accounting')
    expect([answer.status, answer.json()], answer.text).toEqual([500, { type: 'urn:iu:problem:internal', title: 'Something went wrong on the server', status: 500, code: 'internal', correlationId: expect.any(String) }])
    await stage.world.db.query('ALTER VIEW iu_core.v_iu_accounting RENAME TO v_iu_hidden')
    const missing = await stage.manager.ask('/api/accounting')
    expect([missing.status, missing.json().code], missing.text).toEqual([503, 'database_not_ready'])
    expect(missing.headers['retry-after']).toBe('5')
    expect(missing.text).not.toContain('v_iu')
    problemOf(missing, '/api/accounting', 'get')
  }
  finally {
    await stage.world.db.query('DROP VIEW IF EXISTS iu_core.v_iu_accounting, iu_core.v_iu_hidden')
    await stage.world.db.query(`CREATE VIEW iu_core.v_iu_accounting AS ${view!.sql}`)
    await stage.world.db.query('GRANT SELECT ON iu_core.v_iu_accounting TO iu_reader')
  }
  expect((await stage.manager.ask('/api/accounting')).status).toBe(200)
})

test('after all of this the ledger\'s chain holds', async () => {
  await stage.world.db.query('SELECT iu_core.fn_dot_ledger_seal(100000)')
  const { rows: [verified] } = await stage.world.db.query<{ ok: boolean, problems: string[] }>('SELECT ok, problems FROM iu_core.fn_dot_ledger_verify(NULL)')
  expect(verified).toEqual({ ok: true, problems: [] })
})
