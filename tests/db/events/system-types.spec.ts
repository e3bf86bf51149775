import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestDatabase } from '../harness.ts'
import { accounting, drain, expectWhole, openDatabase, refusal, setGate } from '../world.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await openDatabase()
})
afterAll(() => db.drop())

/** The events written since the last call, oldest first. */
let seen = 0
async function events(): Promise<{ event_type: string, event_subject_table: string, event_subject_ref: string, payload: Record<string, unknown>, actor: string }[]> {
  const { rows } = await db.pool.query('SELECT id, event_type, event_subject_table, event_subject_ref, payload, actor FROM iu_core.event_outbox WHERE id > $1 ORDER BY id', [seen])
  seen = Number(rows.at(-1)?.id ?? seen)
  return rows.map(({ id: _, ...row }) => row)
}

async function importFile(source: string, ...pieces: string[]): Promise<string> {
  const content = Buffer.from(pieces.map(piece => `${piece}\n\n`).join(''))
  let at = 0
  const starts = pieces.map((piece) => {
    const start = at
    at += Buffer.byteLength(piece) + 2
    return start
  })
  const { rows } = await db.pool.query('SELECT outcome FROM iu_core.fn_iu_import_file($1, $2, $3, $4, $5, $6, $7)', [
    source, content, pieces.map(() => 'paragraph'), starts, pieces.map(piece => Buffer.byteLength(piece)), pieces.map(() => ''), pieces.map(() => 0)])
  return rows[0].outcome
}

describe('the system\'s types and routes', () => {
  test('are 15 and 16, all on lane delayed, every type with a route and iu.version_applied with two', async () => {
    const { rows: types } = await db.pool.query('SELECT event_domain, event_type, delivery_lane FROM iu_core.iu_event_type WHERE is_system ORDER BY 1, 2')
    const of = (event_domain: string, ...names: string[]) => names.sort().map(event_type => ({ event_domain, event_type, delivery_lane: 'delayed' }))
    expect(types).toEqual([
      ...of('composer', 'collection_created', 'piece_added_to_collection', 'piece_removed_from_collection', 'piece_reordered', 'collection_validated', 'collection_rendered', 'piece_retired', 'piece_restored'),
      ...of('unit', 'iu.created', 'iu.version_applied', 'iu.retired', 'iu.soft_deleted', 'iu.split', 'iu.merged', 'iu.sql_link_changed'),
    ])
    const { rows: routes } = await db.pool.query(`SELECT event_type, count(*)::int AS routes, bool_and(enabled AND dry_run) AS safe FROM iu_core.v_iu_outbound_route WHERE event_domain <> 'application' GROUP BY 1`)
    expect(routes).toHaveLength(15)
    expect(routes.filter(row => row.routes !== 1)).toEqual([{ event_type: 'iu.version_applied', routes: 2, safe: true }])
    expect(routes.every(row => row.safe)).toBe(true)
    expect((await db.pool.query(`SELECT FROM iu_core.iu_outbound_route WHERE route_code = 'iu.version_applied.workflow'`)).rowCount).toBe(1)
  })

  test('registered again with the same content, change nothing', async () => {
    const { rows: [before] } = await db.pool.query(`SELECT event_type, payload_schema, description, registered_at::text FROM iu_core.iu_event_type WHERE event_type = 'iu.created'`)
    await db.pool.query(`SELECT iu_core.fn_iu_event_types_register('unit', 'delayed', true, $1)`, [{ 'iu.created': { description: before.description, payload_schema: before.payload_schema } }])
    const { rows: [after] } = await db.pool.query(`SELECT event_type, payload_schema, description, registered_at::text FROM iu_core.iu_event_type WHERE event_type = 'iu.created'`)
    expect(after).toEqual(before)
  })

  test.each([
    ['a name of the system for an application', ['application', 'delayed', false, { 'iu.created': { description: 'x' } }], 'IU008', 'event_type'],
    ['a name of an application for the system', ['unit', 'delayed', true, { 'app.plain': { description: 'x' } }], 'IU008', 'event_type'],
    ['an unknown domain', ['elsewhere', 'delayed', false, {}], 'IU002', 'event_domain'],
    ['an unknown lane', ['application', 'express', false, {}], 'IU002', 'delivery_lane'],
    ['lane held', ['application', 'held', false, {}], 'IU002', 'delivery_lane'],
  ] as const)('%s is refused', async (_, args, code, column) => {
    expect(await refusal(db.pool.query('SELECT iu_core.fn_iu_event_types_register($1, $2, $3, $4)', [...args]))).toEqual({ code, column })
  })

  test.each([
    ['an unknown event type', { 'x.log': { event_type: 'x', target_kind: 'log', target_ref: 'x' } }, 'IU007', 'event_type'],
    ['an unclassified target', { 'x.log': { event_type: 'app.plain', target_kind: 'carrier_pigeon', target_ref: 'x' } }, 'IU002', 'target_kind'],
  ])('a route with %s is refused', async (_, routes, code, column) => {
    expect(await refusal(db.pool.query('SELECT iu_core.fn_iu_routes_register($1)', [routes]))).toEqual({ code, column })
  })
})

describe('the unit triggers', () => {
  const unit = { event_subject_table: 'information_unit', actor: 'db:iu_deployer' }

  test('emit iu.created for each unit of a set, and nothing for its first version', async () => {
    await db.pool.query(`SELECT iu_core.fn_iu_create_batch(ARRAY['u.b', 'u.a'], ARRAY['paragraph', 'heading'], ARRAY['B', 'A'], ARRAY['', ''])`)
    const written = await events()
    expect(written).toMatchObject([
      { ...unit, event_type: 'iu.created', event_subject_ref: 'u.b', payload: { canonical_address: 'u.b', unit_kind: 'paragraph', version_seq: 1 } },
      { ...unit, event_type: 'iu.created', event_subject_ref: 'u.a', payload: { canonical_address: 'u.a', unit_kind: 'heading', version_seq: 1 } },
    ])
  })

  test('emit iu.version_applied for each version after the first, whoever writes it', async () => {
    await db.pool.query(`
      INSERT INTO iu_core.unit_version (unit_id, version_seq, body, content_digest, byte_length)
      SELECT id, seq, 'v' || seq, sha256(convert_to('v' || seq, 'UTF8')), 2
      FROM iu_core.information_unit, generate_series(2, 3) AS seq WHERE canonical_address LIKE 'u.%' ORDER BY seq DESC, id DESC`)
    expect((await events()).map(event => [event.event_type, event.event_subject_ref, event.payload.version_seq, event.payload.byte_length])).toEqual([
      ['iu.version_applied', 'u.b', 2, 2], ['iu.version_applied', 'u.b', 3, 2], ['iu.version_applied', 'u.a', 2, 2], ['iu.version_applied', 'u.a', 3, 2],
    ])
  })

  test('emit iu.retired and iu.soft_deleted when the lifecycle says so, in one statement too', async () => {
    await db.pool.query(`UPDATE iu_core.information_unit SET lifecycle_status = 'enacted', title = 't' WHERE canonical_address LIKE 'u.%'`)
    expect(await events()).toEqual([])
    await db.pool.query(`UPDATE iu_core.information_unit SET lifecycle_status = CASE canonical_address WHEN 'u.a' THEN 'retired' ELSE 'deleted' END WHERE canonical_address LIKE 'u.%'`)
    const written = await events()
    expect(written.sort((a, b) => a.event_type.localeCompare(b.event_type))).toMatchObject([
      { ...unit, event_type: 'iu.retired', event_subject_ref: 'u.a', payload: { canonical_address: 'u.a', previous_status: 'enacted' } },
      { ...unit, event_type: 'iu.soft_deleted', event_subject_ref: 'u.b', payload: { canonical_address: 'u.b', previous_status: 'enacted' } },
    ])
    await db.pool.query(`UPDATE iu_core.information_unit SET lifecycle_status = lifecycle_status WHERE canonical_address LIKE 'u.%'`)
    await db.pool.query(`UPDATE iu_core.information_unit SET lifecycle_status = 'draft' WHERE canonical_address LIKE 'u.%'`)
    expect(await events()).toEqual([])
  })

  test('emit nothing for a statement that touches no row, and a thousand for a thousand', async () => {
    await db.pool.query(`UPDATE iu_core.information_unit SET lifecycle_status = 'retired' WHERE false`)
    await db.pool.query(`SELECT iu_core.fn_iu_create_batch('{}', '{}', '{}', '{}')`)
    expect(await events()).toEqual([])
    await db.pool.query(`SELECT iu_core.fn_iu_create_batch(array_agg('m.' || n), array_agg('paragraph'::text), array_agg('x'::text), array_agg(''::text)) FROM generate_series(1, 1000) AS n`)
    expect(await events()).toHaveLength(1000)
  })

  test('hold what happens while the master gate is closed', async () => {
    await setGate(db.pool, 'routes_master_enabled', false)
    await db.pool.query(`SELECT iu_core.fn_iu_create('u.held', 'paragraph', 'x')`)
    await setGate(db.pool, 'routes_master_enabled', true)
    expect(await events()).toMatchObject([{ event_type: 'iu.created', event_subject_ref: 'u.held' }])
    expect((await accounting(db.pool)).held).toBe(1)
  })
})

test('every payload that the schema\'s own functions emit meets its schema', async () => {
  expect(await importFile('doc.md', 'first', 'second', 'third', 'fourth', 'fifth')).toBe('created')
  expect(await importFile('doc.md', 'first', 'third', 'fourth', 'fifth', 'second', 'new')).toBe('updated')
  expect(await importFile('doc.md', 'first', 'third, revised a little', 'new')).toBe('updated')
  expect(await importFile('doc.md', 'first', 'third, revised a little', 'new')).toBe('unchanged')
  expect(await importFile('empty.md')).toBe('created')
  await db.pool.query(`UPDATE iu_core.information_unit SET lifecycle_status = 'retired' WHERE canonical_address LIKE 'u.%'`)
  await db.pool.query(`UPDATE iu_core.information_unit SET lifecycle_status = 'deleted' WHERE canonical_address LIKE 'u.%'`)
  await drain(db.pool, 500)
  await expectWhole(db.pool)
  expect((await db.pool.query('SELECT event_type, payload, failure_detail FROM iu_core.v_iu_route_dead_letter_open')).rows).toEqual([])
  const { rows } = await db.pool.query<{ event_type: string }>('SELECT DISTINCT event_type FROM iu_core.event_outbox ORDER BY 1')
  expect(rows.map(row => row.event_type)).toEqual(expect.arrayContaining([
    'collection_created', 'collection_rendered', 'iu.created', 'iu.retired', 'iu.soft_deleted', 'iu.version_applied', 'piece_added_to_collection', 'piece_removed_from_collection', 'piece_reordered',
  ]))
})
