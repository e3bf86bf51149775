/** The disable ladder: L0 the worker, L1 the routing, L2 the routes, L3 the triggers. */
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Member, memberOf } from '../roles/members.ts'
import { accounting, drain, emit, refusal, setGate } from '../world.ts'
import { beside, waiting } from './beside.ts'
import { ALL_GATES, gateOf, gatedWorld, type GatedWorld } from './gates-world.ts'
import { carry, type Params, type Receipt, run } from './world.ts'

let world: GatedWorld
let members: Record<'iu_operator' | 'iu_approver', Member>

beforeAll(async () => {
  world = await gatedWorld()
  members = { iu_operator: memberOf(world.db, 'iu_operator'), iu_approver: memberOf(world.db, 'iu_approver') }
})
afterAll(async () => {
  for (const member of Object.values(members)) await member.drop()
  await world.db.drop()
})

type Client = Pick<pg.Client, 'query'>
interface Rung { rung: string, subject: string, state: string, blocks: boolean, reason: string | null, changed_by: string | null, changed_at: Date | null, expires_at: Date | null, off: number | null, total: number | null, would_release: number | null, stops: string, loses: string }
const ladder = async (client: Client): Promise<Rung[]> => (await client.query('SELECT * FROM iu_core.v_iu_disable_ladder ORDER BY rung')).rows as Rung[]
const rung = async (client: Client, name: string): Promise<Rung> => (await ladder(client)).find(row => row.rung === name)!

/** Plans and applies one command, whatever its tier. */
async function did(client: Client, command: string, params: Params, token?: string): Promise<Receipt> {
  const plan = await run(client, command, 'plan', params, { token })
  expect(plan, JSON.stringify(plan)).toMatchObject({ status: 'planned' })
  return run(client, command, 'apply', params, { token, reason: 'an incident', plan: plan.plan_digest, confirm: params.gate as string | undefined })
}
const SUCCEEDED = { status: 'succeeded', reason: 'an incident' }

describe('the view of the ladder', () => {
  it('has four rungs, and says of each what it stops and what it loses', async () => {
    const rows = await ladder(world.db.pool)
    expect(rows.map(({ rung, subject }) => [rung, subject])).toEqual([['L0', 'iu_core.route_worker_enabled'], ['L1', 'iu_core.routes_master_enabled'], ['L2', 'routes'], ['L3', 'triggers']])
    for (const { stops, loses } of rows) expect(stops.length * loses.length).toBeGreaterThan(0)
    expect(rows.filter(({ loses }) => !loses.startsWith('nothing')).map(({ rung }) => rung)).toEqual(['L3'])
  })

  it.each([['L0', 'iu_core.route_worker_enabled'], ['L1', 'iu_core.routes_master_enabled']])('%s is as its gate is, with who, why and until when', async (name, gate) => {
    const { db, tokens } = world
    await beside(db, async (client) => {
      expect(await rung(client, name)).toMatchObject({ state: 'open', blocks: false })
      await did(client, 'dot_iu_close_gate', { gate }, tokens.operator)
      expect(await rung(client, name)).toMatchObject({ state: 'closed', blocks: true, reason: 'an incident', changed_by: 'operator', changed_at: expect.any(Date), expires_at: null })
      const expires = new Date(Date.now() + 3_600_000)
      await did(client, 'dot_iu_open_gate', { gate, expires_at: expires.toISOString() }, tokens.approver)
      expect(await rung(client, name)).toMatchObject({ state: 'open', blocks: false, changed_by: 'approver', expires_at: expires })
      await client.query('UPDATE iu_core.dot_config SET expires_at = clock_timestamp() WHERE key = $1', [gate])
      expect(await rung(client, name)).toMatchObject({ state: 'expired', blocks: true })
      await client.query(`UPDATE iu_core.dot_config SET value = 'on' WHERE key = $1`, [gate])
      expect(await rung(client, name)).toMatchObject({ state: 'malformed', blocks: true })
      await client.query('DELETE FROM iu_core.dot_config WHERE key = $1', [gate])
      expect(await rung(client, name)).toMatchObject({ state: 'missing', blocks: true, reason: null, changed_by: null })
    })
  })

  it('says what an opening would let go: events that wait for the worker, and events that are held', async () => {
    await beside(world.db, async (client) => {
      const before = { L0: (await rung(client, 'L0')).would_release!, L1: (await rung(client, 'L1')).would_release! }
      expect(before.L1).toBe(1)
      for (const subject of ['a', 'b']) await emit(client, subject, {}, 'app.held')
      await setGate(client, 'routes_master_enabled', false)
      for (const subject of ['c', 'd', 'e']) await emit(client, subject, {}, 'app.held')
      expect(await rung(client, 'L0')).toMatchObject({ would_release: before.L0 + 2 })
      expect(await rung(client, 'L1')).toMatchObject({ would_release: before.L1 + 3 })
      const plan = await run(client, 'dot_iu_open_gate', 'plan', { gate: 'iu_core.routes_master_enabled' }, { token: world.tokens.approver })
      expect(plan.notes.join(' ')).toContain(`${before.L1 + 3} held events stay held`)
    })
  })

  it('L2 is open, partly closed or closed as its routes are, with the last receipt\'s who and why', async () => {
    const { db, tokens } = world
    await beside(db, async (client) => {
      const codes = async (enabled: boolean) => (await client.query<{ route_code: string }>('SELECT route_code FROM iu_core.v_iu_outbound_route WHERE enabled = $1 ORDER BY 1', [enabled])).rows.map(row => row.route_code)
      for (const route of await codes(false)) await did(client, 'dot_iu_enable_route', { route }, tokens.operator)
      const all = await codes(true)
      expect(await rung(client, 'L2')).toMatchObject({ state: 'open', blocks: false, off: 0, total: all.length, changed_by: 'operator' })
      await did(client, 'dot_iu_disable_route', { route: all[0] }, tokens.admin)
      expect(await rung(client, 'L2')).toMatchObject({ state: 'partly', blocks: false, off: 1, total: all.length, reason: 'an incident', changed_by: 'admin' })
      for (const route of all.slice(1)) await did(client, 'dot_iu_disable_route', { route }, tokens.operator)
      expect(await rung(client, 'L2')).toMatchObject({ state: 'closed', blocks: true, off: all.length, total: all.length, changed_by: 'operator' })
    })
  })

  it('L3 is open, partly closed, closed or missing as its triggers are, and blocks when it is not wholly open', async () => {
    const { db, tokens } = world
    await beside(db, async (client) => {
      expect(await rung(client, 'L3')).toMatchObject({ state: 'open', blocks: false, off: 0, total: 3 })
      await did(client, 'dot_iu_disable_triggers', {}, tokens.approver)
      expect(await rung(client, 'L3')).toMatchObject({ state: 'closed', blocks: true, off: 3, total: 3, reason: 'an incident', changed_by: 'approver' })
      await did(client, 'dot_iu_enable_triggers', {}, tokens.operator)
      expect(await rung(client, 'L3')).toMatchObject({ state: 'open', blocks: false, off: 0, changed_by: 'operator' })
      for (const mode of ['DISABLE', 'ENABLE REPLICA']) {
        await client.query(`ALTER TABLE iu_core.unit_version ${mode} TRIGGER trg_iu_out_version`)
        expect(await rung(client, 'L3')).toMatchObject({ state: 'partly', blocks: true, off: 1 })
      }
      await client.query('DROP TRIGGER trg_iu_out_version ON iu_core.unit_version')
      expect(await rung(client, 'L3')).toMatchObject({ state: 'missing', blocks: true, total: 2 })
    })
  })
})

/** What is left of the schema when all that a rung has no need of is gone. */
const DISPATCHER = ['dot_iu_command', 'dot_iu_command_run', 'dot_iu_command_seal', 'dot_iu_command_unsealed', 'dot_iu_acting', 'iu_lock', 'dot_config', 'iu_vocabulary', 'event_outbox', 'v_iu_gate']
const ACCOUNTS = ['iu_account', 'iu_session', 'iu_api_token']
const RUNGS = [
  { rung: 'L0', command: 'dot_iu_close_gate', params: { gate: 'iu_core.route_worker_enabled' }, needs: [], right: 'operator' },
  { rung: 'L1', command: 'dot_iu_close_gate', params: { gate: 'iu_core.routes_master_enabled' }, needs: [], right: 'operator' },
  { rung: 'L2', command: 'dot_iu_disable_route', params: { route: 'app.on' }, needs: ['iu_outbound_route'], right: 'operator' },
  { rung: 'L3', command: 'dot_iu_disable_triggers', params: {}, needs: ['information_unit', 'unit_version', 'v_iu_emitting_trigger'], right: 'approver' },
] as const

async function dropAllBut(client: Client, kept: string[]): Promise<number> {
  const { rows } = await client.query<{ name: string, kind: string }>(`
    SELECT relname::text AS name, CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS kind FROM pg_class
    WHERE relnamespace = 'iu_core'::regnamespace AND relkind IN ('r', 'v') AND relname <> ALL ($1) ORDER BY relkind DESC`, [kept])
  for (const { name, kind } of rows) await client.query(`DROP ${kind} IF EXISTS iu_core.${name} CASCADE`)
  return rows.length
}

describe.each(RUNGS)('$rung', ({ command, params, needs, right }) => {
  const closeOthers = async (client: Client) => {
    for (const gate of ALL_GATES) if (gate !== (params as Params).gate) await setGate(client, gate.replace('iu_core.', ''), false)
  }
  const works = async (client: Client, token?: string) => expect(await did(client, command, params, token)).toMatchObject({ ...SUCCEEDED, events: [] })

  it('works while every other gate is closed, or has lost its row', async () => {
    await beside(world.db, async (client) => {
      await closeOthers(client)
      await works(client, world.tokens[right])
    })
    await beside(world.db, async (client) => {
      await client.query('DELETE FROM iu_core.dot_config WHERE key IS DISTINCT FROM $1', [(params as Params).gate ?? null])
      await works(client, world.tokens[right])
    })
  })

  it('works where every table and view that it has no need of is gone', async () => {
    await beside(world.db, async (client) => {
      await closeOthers(client)
      expect(await dropAllBut(client, [...DISPATCHER, ...ACCOUNTS, ...needs])).toBeGreaterThan(20)
      await works(client, world.tokens[right])
    })
  })

  it('works for a login of the database where even the accounts are gone', async () => {
    const { db } = world
    await beside(db, async (client) => {
      expect(await dropAllBut(client, [...DISPATCHER, ...needs])).toBeGreaterThan(20)
      await client.query(`SET SESSION AUTHORIZATION ${members[`iu_${right}`].name}`)
      await works(client)
      await client.query('RESET SESSION AUTHORIZATION')
    })
  })
})

describe('L3', () => {
  it('loses the unit family\'s events, and says so; the collections\' go on, and after it is undone so do the unit\'s', async () => {
    const { db, tokens } = world
    const token = tokens.approver
    const since = async (id: number) => (await db.pool.query<{ type: string }>('SELECT event_type AS type FROM iu_core.event_outbox WHERE id > $1 ORDER BY id', [id])).rows.map(row => row.type)
    const last = async () => Number((await db.pool.query<{ id: string }>('SELECT max(id) AS id FROM iu_core.event_outbox')).rows[0]!.id)
    const work = async (name: string) => {
      await carry(db.pool, 'dot_iu_create_piece', { address: name, kind: 'text', body: '1', collection: 'c' }, { token })
      await carry(db.pool, 'dot_iu_revise_piece', { piece: name, body: '2' }, { token })
      await carry(db.pool, 'dot_iu_retire_piece', { piece: name }, { token })
      await carry(db.pool, 'dot_iu_soft_delete_piece', { piece: name }, { token })
    }
    const disabled = await carry(db.pool, 'dot_iu_disable_triggers', {}, { token })
    expect(disabled.notes.join(' ')).toMatch(/LOSES EVENTS/)
    for (const type of ['iu.created', 'iu.version_applied', 'iu.retired', 'iu.soft_deleted']) expect(disabled.notes.join(' ')).toContain(type)
    const off = await last()
    await work('lost')
    expect(await since(off)).toEqual(['piece_added_to_collection', 'piece_retired', 'piece_removed_from_collection'])
    await carry(db.pool, 'dot_iu_enable_triggers', {}, { token })
    const on = await last()
    await work('found')
    expect((await since(on)).sort()).toEqual(['iu.created', 'iu.retired', 'iu.soft_deleted', 'iu.version_applied', 'piece_added_to_collection', 'piece_removed_from_collection', 'piece_retired'])
    const told = async (name: string) => (await db.pool.query(`SELECT FROM iu_core.event_outbox WHERE event_type LIKE 'iu.%' AND (event_subject_ref = $1 OR payload @? format('$.* ? (@ == "%s")', $1::text)::jsonpath)`, [name])).rows.length
    expect([await told('lost'), await told('found')]).toEqual([0, 4])
    await drain(db.pool)
    expect(await accounting(db.pool)).toMatchObject({ unexplained: 0, not_yet_routed: 0 })
  })

  it('gives up after a while behind a writer that does not end, and changes nothing; the caller may try again', async () => {
    const { db, tokens } = world
    await beside(db, async (writer) => {
      await writer.query('LOCK TABLE iu_core.information_unit IN ROW EXCLUSIVE MODE')
      const stopped = refusal(run(db.pool, 'dot_iu_disable_triggers', 'plan', {}, { token: tokens.approver }))
      await waiting(db, 1)
      expect(await stopped).toMatchObject({ code: '55P03' })
    })
    expect(await rung(db.pool, 'L3')).toMatchObject({ state: 'open' })
    expect(await run(db.pool, 'dot_iu_disable_triggers', 'plan', {}, { token: tokens.approver })).toMatchObject({ status: 'planned' })
  })
})

it('L0 and L1 lose nothing: what is emitted meanwhile waits or is held, and is routed after', async () => {
  const { db, tokens } = world
  await drain(db.pool)
  const before = await accounting(db.pool)
  await carry(db.pool, 'dot_iu_close_gate', { gate: 'iu_core.route_worker_enabled' }, { token: tokens.operator })
  await emit(db.pool, 'waits', {}, 'app.held')
  expect(await accounting(db.pool)).toMatchObject({ not_yet_routed: 1, held: before.held, unexplained: 0 })
  await carry(db.pool, 'dot_iu_close_gate', { gate: 'iu_core.routes_master_enabled' }, { token: tokens.operator })
  await emit(db.pool, 'held', {}, 'app.held')
  expect(await accounting(db.pool)).toMatchObject({ not_yet_routed: 1, held: before.held + 1, unexplained: 0 })
  for (const gate of ['iu_core.routes_master_enabled', 'iu_core.route_worker_enabled']) await carry(db.pool, 'dot_iu_open_gate', { gate }, { token: tokens.approver })
  expect((await gateOf(db.pool, 'iu_core.route_worker_enabled')).state).toBe('open')
  await carry(db.pool, 'dot_iu_release_held_events', {}, { token: tokens.operator })
  await drain(db.pool)
  expect(await accounting(db.pool)).toMatchObject({ not_yet_routed: 0, held: 0, unexplained: 0, released: before.held + 1 })
})
