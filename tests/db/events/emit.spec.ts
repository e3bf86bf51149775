import type { Client } from 'pg'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { waiting } from '../commands/beside.ts'
import type { TestDatabase } from '../harness.ts'
import { memberOf } from '../roles/members.ts'
import { drain, emit, openDatabase, refusal, setGate } from '../world.ts'

let db: TestDatabase
beforeEach(async () => {
  db = await openDatabase()
})
afterEach(() => db.drop())

async function outbox(): Promise<Record<string, unknown>[]> {
  return (await db.pool.query('SELECT id::int, event_type, event_subject_ref, delivery_lane, idempotency_key, actor FROM iu_core.event_outbox ORDER BY id')).rows
}

async function begun(): Promise<Client> {
  const client = await db.connect()
  await client.query('BEGIN')
  return client
}

describe('lane immediate', () => {
  test('a repeat returns the first id, whatever its payload', async () => {
    const first = await emit(db.pool, 'a', { n: 1 }, 'app.once', 'key')
    expect(await emit(db.pool, 'a', { n: 2 }, 'app.once', 'key')).toBe(first)
    expect(await emit(db.pool, 'a', {}, 'app.once', 'other key')).not.toBe(first)
    expect(await emit(db.pool, 'other subject', {}, 'app.once', 'key')).not.toBe(first)
    expect(await outbox()).toHaveLength(3)
  })

  test('a repeat in the same transaction returns it as well, also after a savepoint was rolled back', async () => {
    const client = await begun()
    await client.query('SAVEPOINT a')
    const dropped = await emit(client, 'a', {}, 'app.once', 'key')
    await client.query('ROLLBACK TO a')
    const first = await emit(client, 'a', {}, 'app.once', 'key')
    expect(first).not.toBe(dropped)
    expect(await emit(client, 'a', {}, 'app.once', 'key')).toBe(first)
    await client.query('COMMIT')
    expect(await outbox()).toHaveLength(1)
  })

  test('a concurrent emitter waits for the first and returns its id', async () => {
    const first = await begun()
    const id = await emit(first, 'a', {}, 'app.once', 'key')
    const repeat = emit(db.pool, 'a', {}, 'app.once', 'key')
    await waiting(db, 1)
    await first.query('COMMIT')
    expect(await repeat).toBe(id)
    expect(await outbox()).toHaveLength(1)
  })

  test('a concurrent emitter takes over when the first rolls back', async () => {
    const first = await begun()
    const id = await emit(first, 'a', {}, 'app.once', 'key')
    const repeat = emit(db.pool, 'a', {}, 'app.once', 'key')
    await waiting(db, 1)
    await first.query('ROLLBACK')
    expect(await repeat).not.toBe(id)
    expect(await outbox()).toHaveLength(1)
  })

  test('many at once write one event', async () => {
    const ids = await Promise.all(Array.from({ length: 30 }, () => emit(db.pool, 'a', {}, 'app.once', 'key')))
    expect(new Set(ids).size).toBe(1)
    expect(await outbox()).toHaveLength(1)
  })

  test('under REPEATABLE READ a repeat that cannot be seen is a conflict to retry', async () => {
    const client = await db.connect()
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
    await client.query('SELECT')
    await emit(db.pool, 'a', {}, 'app.once', 'key')
    expect(await refusal(emit(client, 'a', {}, 'app.once', 'key'))).toMatchObject({ code: '40001' })
    await client.query('ROLLBACK')
  })

  test('a repeat while held, and after the gate is open again, returns the held id', async () => {
    await setGate(db.pool, 'routes_master_enabled', false)
    const held = await emit(db.pool, 'a', {}, 'app.once', 'key')
    expect(await emit(db.pool, 'a', {}, 'app.once', 'key')).toBe(held)
    await setGate(db.pool, 'routes_master_enabled', true)
    expect(await emit(db.pool, 'a', {}, 'app.once', 'key')).toBe(held)
    expect(await outbox()).toMatchObject([{ delivery_lane: 'held', idempotency_key: 'key' }])
  })

  test('a repeat while the gate is closed returns what was emitted before', async () => {
    const first = await emit(db.pool, 'a', {}, 'app.once', 'key')
    await setGate(db.pool, 'routes_master_enabled', false)
    expect(await emit(db.pool, 'a', {}, 'app.once', 'key')).toBe(first)
    expect(await outbox()).toMatchObject([{ delivery_lane: 'immediate' }])
  })

  test('two emitters on either side of a closing gate write one event', async () => {
    const first = await begun()
    const id = await emit(first, 'a', {}, 'app.once', 'key')
    await setGate(db.pool, 'routes_master_enabled', false)
    const repeat = emit(db.pool, 'a', {}, 'app.once', 'key')
    await waiting(db, 1)
    await first.query('COMMIT')
    expect(await repeat).toBe(id)
    expect(await outbox()).toHaveLength(1)
  })

  test('a repeat after the held row was released returns the first id', async () => {
    await setGate(db.pool, 'routes_master_enabled', false)
    const held = await emit(db.pool, 'a', {}, 'app.once', 'key')
    await setGate(db.pool, 'routes_master_enabled', true)
    await db.pool.query(`
      INSERT INTO iu_core.event_outbox (event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane, idempotency_key, released_from)
      SELECT event_domain, event_type, event_subject_table, event_subject_ref, payload, 'immediate', idempotency_key, id FROM iu_core.event_outbox`)
    expect(await emit(db.pool, 'a', {}, 'app.once', 'key')).toBe(held)
    expect((await drain(db.pool)).seen).toBe(1)
  })
})

describe('lane delayed', () => {
  test('is never deduplicated, and keeps no key', async () => {
    const ids = [await emit(db.pool, 'a', {}, 'app.plain', 'key'), await emit(db.pool, 'a', {}, 'app.plain', 'key')]
    expect(new Set(ids).size).toBe(2)
    expect(await outbox()).toMatchObject([{ delivery_lane: 'delayed', idempotency_key: null }, { delivery_lane: 'delayed', idempotency_key: null }])
  })

  test('is held, and not deduplicated, while the master gate is closed, missing or expired', async () => {
    await setGate(db.pool, 'routes_master_enabled', false)
    await emit(db.pool, 'a', {}, 'app.plain', 'key')
    await emit(db.pool, 'a', {}, 'app.plain', 'key')
    await db.pool.query(`UPDATE iu_core.dot_config SET value = 'true', expires_at = now() WHERE key = 'iu_core.routes_master_enabled'`)
    await emit(db.pool, 'a')
    await db.pool.query(`DELETE FROM iu_core.dot_config WHERE key = 'iu_core.routes_master_enabled'`)
    await emit(db.pool, 'a')
    expect((await outbox()).map(row => row.delivery_lane)).toEqual(['held', 'held', 'held', 'held'])
  })
})

describe('an application with its own login', () => {
  async function login(role: string): Promise<{ role: string, client: Client }> {
    const member = memberOf(db, role)
    onTestFinished(() => member.drop())
    return { role: member.name, client: await member.login() }
  }

  test('is the actor of what it emits, and cannot be another', async () => {
    const { role, client } = await login('iu_emitter')
    await emit(client, 'a')
    await client.query(`SET ROLE iu_emitter`)
    await emit(client, 'b')
    await client.query(`SET iu_core.actor = 'somebody'; SET application_name = 'somebody'`)
    await emit(client, 'c')
    expect((await outbox()).map(row => row.actor)).toEqual([`db:${role}`, `db:${role}`, `db:${role}`])
    expect(await refusal(client.query('SET SESSION AUTHORIZATION iu_owner'))).toMatchObject({ code: '42501' })
  })

  test('emits inside its own transaction', async () => {
    const { client } = await login('iu_emitter')
    await client.query('BEGIN')
    await emit(client, 'a')
    await client.query('ROLLBACK')
    expect(await outbox()).toEqual([])
  })

  test('may do nothing else', async () => {
    const { client } = await login('iu_emitter')
    for (const statement of [
      'SELECT * FROM iu_core.event_outbox',
      `INSERT INTO iu_core.event_outbox (event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane) VALUES ('application', 'app.plain', 't', 'r', '{}', 'delayed')`,
      `SELECT iu_core.fn_iu_outbox_append('iu.created', 't', ARRAY['r'], ARRAY['{}'::jsonb])`,
      `SELECT iu_core.fn_iu_event_types_register('application', 'delayed', false, '{}')`,
      `SELECT iu_core.fn_iu_route_worker_run('iu_outbound_default', 1)`,
      `SELECT iu_core.fn_iu_gate_set('iu_core.routes_master_enabled', true, 'x')`,
    ]) expect(await refusal(client.query(statement)), statement).toMatchObject({ code: '42501' })
  })

  test('needs the right to emit', async () => {
    for (const role of ['iu_reader', 'iu_worker', 'iu_operator']) expect(await refusal(emit((await login(role)).client, 'a'))).toMatchObject({ code: '42501' })
    expect(await refusal(emit(await db.login('iu_console'), 'a'))).toMatchObject({ code: '42501' })
  })
})
