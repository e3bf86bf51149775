import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestDatabase } from '../harness.ts'
import { emit, openDatabase, refusal } from '../world.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await openDatabase()
})
afterAll(() => db.drop())

describe('the outbox', () => {
  test.each([
    `UPDATE iu_core.event_outbox SET delivery_lane = 'held'`,
    `UPDATE iu_core.event_outbox SET payload = payload WHERE false`,
    'DELETE FROM iu_core.event_outbox',
    'TRUNCATE iu_core.event_outbox CASCADE',
  ])('is append-only: %s', async (statement) => {
    await emit(db.pool, 'a')
    expect(await refusal(db.pool.query(statement))).toMatchObject({ code: 'IU005' })
  })

  test('keeps an event with its writer\'s transaction, a bucket by its subject and the time of writing', async () => {
    const client = await db.connect()
    await client.query('BEGIN')
    const first = await emit(client, 'subject')
    await client.query('SAVEPOINT a')
    const second = await emit(client, 'subject')
    await client.query('RELEASE a')
    const { rows: [own] } = await client.query('SELECT pg_current_xact_id()::text AS xid')
    await client.query('COMMIT')
    const { rows } = await db.pool.query('SELECT xid::text, bucket, created_at FROM iu_core.event_outbox WHERE id IN ($1, $2) ORDER BY id', [first, second])
    expect(rows.map(row => row.xid)).toEqual([own.xid, own.xid])
    expect(rows[0].bucket).toBe(rows[1].bucket)
    expect(rows[0].created_at <= rows[1].created_at).toBe(true)
  })

  test('spreads subjects over all sixteen buckets', async () => {
    await db.pool.query(`SELECT iu_core.fn_iu_outbox_append('app.plain', 'app_table', array_agg('s' || n), array_agg('{}'::jsonb)) FROM generate_series(1, 400) AS n`)
    const { rows } = await db.pool.query('SELECT count(DISTINCT bucket)::int AS buckets, min(bucket) AS first, max(bucket) AS last FROM iu_core.event_outbox')
    expect(rows).toEqual([{ buckets: 16, first: 0, last: 15 }])
  })

  test('takes no row that is immediate without a key, or on a lane of its own', async () => {
    const insert = (lane: string): Promise<unknown> => db.pool.query(
      `INSERT INTO iu_core.event_outbox (event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane) VALUES ('application', 'app.plain', 't', 'r', '{}', $1)`, [lane])
    await expect(insert('immediate')).rejects.toMatchObject({ constraint: 'event_outbox_key_chk' })
    await expect(insert('express')).rejects.toMatchObject({ constraint: 'event_outbox_lane_chk' })
  })

  test('releases a held row once', async () => {
    const release = (): Promise<unknown> => db.pool.query(
      `INSERT INTO iu_core.event_outbox (event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane, released_from) VALUES ('application', 'app.plain', 't', 'r', '{}', 'delayed', 1)`)
    await release()
    await expect(release()).rejects.toMatchObject({ constraint: 'idx_event_outbox_released_from' })
  })
})

describe('an array of events', () => {
  test('is written in the given order, one row each', async () => {
    const { rows } = await db.pool.query<{ id: string }>(
      `SELECT iu_core.fn_iu_outbox_append('app.plain', 'app_table', ARRAY['z', 'y', 'x'], ARRAY['1', '2', '3']::jsonb[]) AS id`)
    const ids = rows.map(row => Number(row.id))
    const { rows: written } = await db.pool.query('SELECT event_subject_ref AS ref, payload FROM iu_core.event_outbox WHERE id = ANY ($1) ORDER BY id', [ids])
    expect(written).toEqual([{ ref: 'z', payload: 1 }, { ref: 'y', payload: 2 }, { ref: 'x', payload: 3 }])
  })
})
