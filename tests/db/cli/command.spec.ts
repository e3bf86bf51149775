import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hashPassword } from '../../../server/commands/password.ts'
import { carry } from '../../../server/commands/carry.ts'
import { testDatabase, type TestDatabase } from '../harness.ts'

const IU = join(import.meta.dirname, '../../../server/cli/iu.ts')

let db: TestDatabase
let folder: string
beforeAll(async () => {
  db = await testDatabase()
  folder = mkdtempSync(join(tmpdir(), 'iu-cli-'))
})
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await db.drop()
})

interface Said { status: number, out: string, err: string }

/** Runs `iu`; what it said, and its exit status. */
function iu(args: string[], { env = {}, input }: { env?: Record<string, string>, input?: string } = {}): Promise<Said> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [IU, ...args], { env: { ...process.env, DATABASE_URL: db.url, IU_DATA: folder, ...env } }, (error, out, err) =>
      resolve({ status: error ? Number(error.code) : 0, out, err }))
    child.stdin!.end(input ?? '')
  })
}
const json = async (...args: string[]) => JSON.parse((await iu([...args, '--json'])).out) as Record<string, never>
const GATES = ['operator_runtime', 'composer', 'autocut', 'routes_master', 'route_worker'].map(gate => `iu_core.${gate}_enabled`)

describe('iu gate', () => {
  it('opens through the dispatcher, and says what it did', async () => {
    for (const gate of GATES) {
      const { status, out } = await iu(['gate', 'open', gate, '--reason', 'the specs'])
      expect([status, out]).toEqual([0, expect.stringContaining(`${gate} is open (run `)])
    }
    const { rows } = await db.pool.query(`SELECT count(*)::int AS n FROM iu_core.dot_iu_command_run WHERE command_code = 'dot_iu_open_gate' AND status = 'succeeded' AND actor LIKE 'db:%'`)
    expect(rows).toEqual([{ n: GATES.length }])
  })

  it('refuses what is so already with status 3, in words and in JSON', async () => {
    const words = await iu(['gate', 'open', GATES[0]!, '--reason', 'again'])
    expect([words.status, words.err]).toEqual([3, expect.stringContaining('is open already')])
    expect(await json('gate', 'open', GATES[0]!, '--reason', 'again')).toMatchObject({ error: { code: 'nothing_to_do', field: 'gate' } })
  })

  it('opens until a time, which the list shows', async () => {
    expect((await iu(['gate', 'close', GATES[2]!, '--reason', 'for a moment'])).status).toBe(0)
    expect((await iu(['gate', 'open', GATES[2]!, '--reason', 'for a day', '--until', '2099-01-01T00:00:00Z'])).status).toBe(0)
    const { gates } = await json('gate', 'list') as unknown as { gates: { gate: string, state: string, expires_at: string }[] }
    expect(gates.find(({ gate }) => gate === GATES[2])).toMatchObject({ state: 'open', expires_at: '2099-01-01T00:00:00.000Z' })
  })
})

describe('iu command', () => {
  it('carries numbers as they are written: the payload of a correction is the one that was given', async () => {
    await db.pool.query(`SELECT iu_core.fn_iu_event_types_register('application', 'delayed', false, '{"app.exact": {"description": "strict", "payload_schema": {"type": "object", "required": ["id"]}}}')`)
    await db.pool.query(`SELECT iu_core.fn_iu_routes_register('{"app.exact.log": {"event_type": "app.exact", "target_kind": "log", "target_ref": "x", "enabled": true}}')`)
    await db.pool.query(`SELECT iu_core.fn_iu_emit_event('app.exact', 't', 's', '{}')`)
    await db.pool.query(`SELECT iu_core.fn_iu_route_worker_run('iu_outbound_default')`)
    const { rows: [letter] } = await db.pool.query<{ id: string }>(`SELECT id FROM iu_core.iu_route_dead_letter WHERE event_type = 'app.exact'`)
    const params = `{"dead_letter": ${letter!.id}, "payload": {"id": 9007199254740993, "share": 0.30000000000000000001, "much": 1e400}}`
    const { plan_digest: digest } = await json('command', 'correct_dead_letter', '--plan', '--params', params)
    expect(await json('command', 'correct_dead_letter', '--apply', '--params', params, '--plan-digest', digest!, '--reason', 'the specs')).toMatchObject({ status: 'succeeded', verified: true })
    const { rows } = await db.pool.query(`SELECT payload ->> 'id' AS id, payload ->> 'share' AS share, (payload -> 'much')::text = '1' || repeat('0', 400) AS much FROM iu_core.event_outbox WHERE event_type = 'app.exact' ORDER BY event_outbox.id DESC LIMIT 1`)
    expect(rows).toEqual([{ id: '9007199254740993', share: '0.30000000000000000001', much: true }])
  })

  it('lists them', async () => {
    const { status, out } = await iu(['command'])
    expect([status, out]).toEqual([0, expect.stringContaining('dot_iu_reorder_piece')])
  })

  it('plans, applies, verifies and undoes', async () => {
    writeFileSync(join(folder, 'a.md'), '# One\n\nTwo.\n\nThree.\n')
    expect((await iu(['import', join(folder, 'a.md')])).status).toBe(0)
    const { rows } = await db.pool.query<{ unit_address: string }>(`SELECT unit_address FROM iu_core.v_iu_collection_piece WHERE collection_address = 'a.md' ORDER BY position`)
    const params = JSON.stringify({ collection: 'a.md', piece: rows[1]!.unit_address })
    const plan = await json('command', 'remove_piece_from_collection', '--plan', '--params', params)
    expect(plan).toMatchObject({ status: 'planned', counts: { delete: 1 } })
    expect((await iu(['command', 'remove_piece_from_collection', '--apply', '--params', params, '--reason', 'spec'])).status).toBe(3)
    const applied = await json('command', 'remove_piece_from_collection', '--apply', '--params', params, '--reason', 'spec', '--plan-digest', plan.plan_digest!)
    expect(applied).toMatchObject({ status: 'succeeded', verified: true })
    const told = await iu(['ledger', 'show', String(applied.run)])
    expect([told.status, told.out]).toEqual([0, expect.stringMatching(new RegExp(`^dot_iu_remove_piece_from_collection apply: succeeded \\(run ${applied.run}\\)\n[^]*  undo: iu command dot_iu_remove_piece_from_collection --undo ${applied.run}\n[^]*: spec\n  verification: verified by run \\d+\n$`))])
    const undone = await iu(['command', 'dot_iu_remove_piece_from_collection', '--undo', String(applied.run)])
    expect([undone.status, undone.out]).toEqual([0, expect.stringContaining('✓ piece_in_place')])
    expect(await iu(['render', 'a.md'])).toMatchObject({ status: 0, out: '# One\n\nTwo.\n\nThree.\n' })
  })

  it('tells a plan in lines: what differs, texts in quotes, and nothing to undo yet', async () => {
    const { rows } = await db.pool.query<{ unit_address: string }>(`SELECT unit_address FROM iu_core.v_iu_collection_piece WHERE collection_address = 'a.md' ORDER BY position`)
    const { status, out } = await iu(['command', 'reorder_piece', '--plan', '--params', JSON.stringify({ collection: 'a.md', piece: rows[2]!.unit_address, to: 'first' })])
    expect([status, out]).toEqual([0, expect.stringContaining('dot_iu_reorder_piece would undo it')])
    expect(out).not.toContain('--undo')
    for (const line of out.trimEnd().split('\n').slice(1)) expect(line).toMatch(/^ {2}\S|^ {6}(was|is ) /)
    const [was, is] = ['was', 'is '].map(word => new RegExp(`^ {6}${word} (.+)$`, 'm').exec(out)![1]!.match(/\w+=/g)!)
    expect(was).toEqual(is)
    expect(was).not.toContain('separator=')
  })

  it('takes parameters from a file and from standard input, and cuts a text', async () => {
    const params = JSON.stringify({ source_path: 'b.md', text: '# B\n\nText.\n' })
    writeFileSync(join(folder, 'params.json'), params)
    expect(await json('command', 'import_text', '--apply', '--params', `@${join(folder, 'params.json')}`)).toMatchObject({ result: { outcome: 'created', pieces: 2 } })
    expect((await iu(['command', 'import_text', '--apply', '--params', '-', '--json'], { input: params })).out).toContain('"unchanged"')
  })

  it.each([
    ['an unknown command', ['nothing', '--plan'], 2, 'there is no command nothing'],
    ['no mode', ['render_collection'], 2, 'say one of'],
    ['two modes', ['render_collection', '--apply', '--undo', '3'], 2, 'say one of'],
    ['no JSON', ['render_collection', '--plan', '--params', '{'], 2, '--params'],
    ['a wrong parameter', ['render_collection', '--plan', '--params', '{"collection": 7}'], 3, 'params.collection'],
    ['a run that is none', ['render_collection', '--undo', 'x'], 2, 'is not a run'],
    ['an unknown flag', ['render_collection', '--force'], 2, 'unknown option --force'],
  ])('says what is wrong: %s', async (_, args, status, message) => {
    const said = await iu(['command', ...args])
    expect([said.status, said.err]).toEqual([status, expect.stringContaining(message)])
  })

  it('acts as the account of a token', async () => {
    const client = await db.connect()
    await carry(client, 'dot_iu_add_account', { account: 'carol', right: 'reviewer', ...await hashPassword('a password of hers') })
    const token = 'iut_spec'
    await client.query(`INSERT INTO iu_core.iu_api_token (account_id, label, token_digest, scopes, created_by, expires_at) SELECT id, 'spec', sha256($1), ARRAY['*'], 'spec', now() + interval '1 day' FROM iu_core.iu_account WHERE account = 'carol'`, [Buffer.from(token)])
    const refused = await iu(['command', 'render_collection', '--plan', '--params', '{"collection": "a.md"}'], { env: { IU_TOKEN: token } })
    expect([refused.status, refused.err]).toEqual([3, expect.stringContaining('needs the right operator, and carol has reviewer')])
    expect((await iu(['command', 'render_collection', '--plan', '--params', '{"collection": "a.md"}'], { env: { IU_TOKEN: 'iut_made_up' } })).status).toBe(3)
  })
})

describe('iu ledger', () => {
  it('lists, filters and shows', async () => {
    const { rows } = await json('ledger', 'list', '--object', 'collection:a.md', '--mode', 'apply') as unknown as { rows: { runId: number, command: string }[] }
    expect(rows.map(({ command }) => command)).toEqual(['dot_iu_remove_piece_from_collection', 'dot_iu_import_text'])
    expect(JSON.parse((await iu(['ledger', 'show', String(rows[0]!.runId), '--json'])).out)).toMatchObject({ command: 'dot_iu_remove_piece_from_collection', receipt: { status: 'succeeded' } })
    expect((await iu(['ledger', 'show', '999999'])).status).toBe(3)
    expect((await iu(['ledger', 'list', '--status', 'odd'])).status).toBe(2)
    const help = await iu(['gate', 'close', 'iu_core.composer_enabled'])
    expect([help.status, help.err]).toEqual([2, expect.stringContaining('See iu gate close --help')])
  })

  it('proves the chain, and finds a head that it does not have', async () => {
    const state = await json('ledger', 'verify') as unknown as { ok: boolean, head: string, unsealed: number }
    expect(state).toMatchObject({ ok: true, unsealed: 0 })
    expect((await iu(['ledger', 'verify', '--head', state.head])).status).toBe(0)
    const lost = await iu(['ledger', 'verify', '--head', '0'.repeat(64)])
    expect([lost.status, lost.out]).toEqual([1, expect.stringContaining('is not in this chain')])
    const wrong = await iu(['ledger', 'verify', '--head', 'zz'])
    expect([wrong.status, wrong.err]).toEqual([2, expect.stringContaining('--head: "zz" is no SHA-256 in hex')])
  })

  it('names the flag of a time that is none', async () => {
    for (const until of ['2026-02-31', 'tomorrow', '2030-13-01T00:00:00Z']) {
      const wrong = await iu(['gate', 'open', 'iu_core.autocut_enabled', '--reason', 'x', '--until', until])
      expect([wrong.status, wrong.err]).toEqual([2, expect.stringContaining(`--until: "${until}" is no time: write it as 2030-01-31T12:00:00Z`)])
    }
  })
})

describe('iu account', () => {
  it('makes one with a password that only a file of its owner has, where there is no terminal', async () => {
    const { status, out, err } = await iu(['account', 'add', 'dora', '--right', 'approver', '--name', 'Dora'])
    const file = join(folder, 'dora-password')
    const password = readFileSync(file, 'utf8').trim()
    expect([status, statSync(file).mode & 0o777, password]).toEqual([0, 0o600, expect.stringMatching(/^\w{24}$/)])
    expect(out + err).not.toContain(password)
    expect((await db.pool.query('SELECT receipt::text || params::text AS all FROM iu_core.dot_iu_command_run')).rows.some(row => row.all.includes(password))).toBe(false)
  })

  it('takes a password from standard input, and refuses a short one', async () => {
    expect((await iu(['account', 'passwd', 'dora', '--password-stdin'], { input: 'a new password of hers\n' })).status).toBe(0)
    const short = await iu(['account', 'passwd', 'dora', '--password-stdin'], { input: 'short\n' })
    expect([short.status, short.err]).toEqual([3, expect.stringContaining('password: at least 12 characters')])
  })

  it('lists, demotes, disables and enables', async () => {
    expect((await iu(['account', 'right', 'dora', 'operator', '--reason', 'spec'])).status).toBe(2)
    expect((await iu(['account', 'right', 'dora', '--right', 'operator', '--reason', 'spec'])).status).toBe(0)
    expect((await iu(['account', 'disable', 'dora', '--reason', 'spec'])).status).toBe(0)
    expect((await iu(['account', 'list'])).out).toMatch(/dora\s+operator\s+disabled/)
    expect((await iu(['account', 'enable', 'dora', '--reason', 'spec'])).status).toBe(0)
    expect((await iu(['account', 'disable', 'nobody', '--reason', 'spec'])).status).toBe(3)
  })
})

describe('iu replay', () => {
  it('carries out what was started, says when nothing is, and stops at a closed gate with status 3', async () => {
    expect(await iu(['replay'])).toMatchObject({ status: 0, out: '0 attempted\n' })
    await db.pool.query(`SELECT iu_core.fn_iu_event_types_register('application', 'delayed', false, '{"app.x": {"description": "x", "payload_schema": {"type": "object", "required": ["n"]}}}')`)
    await db.pool.query(`SELECT iu_core.fn_iu_routes_register('{"app.x.log": {"event_type": "app.x", "target_kind": "log", "target_ref": "x", "enabled": true}}')`)
    await db.pool.query(`SELECT iu_core.fn_iu_emit_event('app.x', 't', n::text, '{}') FROM generate_series(1, 3) AS n`)
    await db.pool.query(`SELECT iu_core.fn_iu_route_worker_run('iu_outbound_default')`)
    await carry(db.pool, 'dot_iu_start_replay', {}, { reason: 'the specs' })
    await db.pool.query(`SELECT iu_core.fn_iu_gate_set('iu_core.route_worker_enabled', false, 'a test')`)
    expect(await iu(['replay'])).toMatchObject({ status: 3, out: '0 attempted\n', err: expect.stringContaining('a gate is closed') })
    await db.pool.query(`SELECT iu_core.fn_iu_gate_set('iu_core.route_worker_enabled', true, 'a test')`)
    expect(await json('replay')).toMatchObject({ attempted: 3, status: 'idle' })
  })
})
