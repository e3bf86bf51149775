import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type TestDatabase, testDatabase } from '../harness.ts'

let db: TestDatabase
let unit: string
beforeAll(async () => {
  db = await testDatabase()
  await db.pool.query('SELECT iu_core.fn_iu_gate_set(\'iu_core.composer_enabled\', true, \'test\')')
})
afterAll(() => db.drop())

let number = 0
const born = async (body = 'first') => (await db.pool.query<{ id: string }>('SELECT iu_core.fn_iu_create($1, \'paragraph\', $2) AS id', [`unit/${++number}`, body])).rows[0]!.id
beforeEach(async () => {
  unit = await born()
})

const apply = (units: (string | null)[], bodies: (string | null)[], kinds: string[] | null = null, titles: string[] | null = null) =>
  db.pool.query<{ written: number }>('SELECT iu_core.fn_iu_apply_versions($1, $2, $3, $4) AS written', [units, bodies, kinds, titles]).then(({ rows }) => rows[0]!.written)
const versions = async (id = unit) =>
  (await db.pool.query<{ body: string }>('SELECT body FROM iu_core.unit_version WHERE unit_id = $1 ORDER BY version_seq', [id])).rows.map(row => row.body)
const current = async (id = unit) =>
  (await db.pool.query('SELECT current_version_seq, unit_kind, title FROM iu_core.information_unit WHERE id = $1', [id])).rows[0] as object

const sha256 = (body: string) => createHash('sha256').update(body).digest()

describe('a version', () => {
  it.each([
    ['changed', 'UPDATE iu_core.unit_version SET body = \'other\''],
    ['changed, even to the same', 'UPDATE iu_core.unit_version SET body = body'],
    ['deleted', 'DELETE FROM iu_core.unit_version'],
    ['truncated', 'TRUNCATE iu_core.unit_version CASCADE'],
  ])('cannot be %s, not by a superuser either', async (_, sql) => {
    await expect(db.pool.query(sql)).rejects.toMatchObject({ code: 'IU005', table: 'unit_version' })
    expect(await versions()).toEqual(['first'])
  })

  it.each<[string, string, Buffer, number]>([
    ['unit_version_digest_chk', 'second', sha256('another'), 6],
    ['unit_version_digest_chk', 'second', Buffer.alloc(32), 6],
    ['unit_version_digest_chk', 'second', Buffer.alloc(0), 6],
    ['unit_version_length_chk', 'zweites Stück', sha256('zweites Stück'), 13],
  ])('does not enter the table against %s (%s)', async (constraint, body, digest, length) => {
    await expect(db.pool.query('INSERT INTO iu_core.unit_version (unit_id, version_seq, body, content_digest, byte_length) VALUES ($1, 2, $2, $3, $4)', [unit, body, digest, length]))
      .rejects.toMatchObject({ constraint })
    expect(await versions()).toEqual(['first'])
  })

  it('enters the table with the digest and length of its bytes', async () => {
    await db.pool.query('INSERT INTO iu_core.unit_version (unit_id, version_seq, body, content_digest, byte_length) VALUES ($1, 2, $2, $3, $4)', [unit, 'zweites Stück', sha256('zweites Stück'), 14])
    expect(await versions()).toEqual(['first', 'zweites Stück'])
  })

  it.each([0, -1])('has no number %i', async (seq) => {
    await expect(db.pool.query('INSERT INTO iu_core.unit_version (unit_id, version_seq, body, content_digest, byte_length) VALUES ($1, $2, \'\', $3, 0)', [unit, seq, sha256('')]))
      .rejects.toMatchObject({ constraint: 'unit_version_seq_chk' })
  })
})

describe('applying versions', () => {
  it('writes the next version where the body differs, and nothing where it does not', async () => {
    const other = await born('stays')
    expect(await apply([unit, other], ['second', 'stays'])).toBe(1)
    expect(await versions()).toEqual(['first', 'second'])
    expect(await current()).toMatchObject({ current_version_seq: 2 })
    expect(await versions(other)).toEqual(['stays'])
    expect(await apply([unit], ['first'])).toBe(1)
    expect(await versions()).toEqual(['first', 'second', 'first'])
  })

  it('takes the new kind and title along, and keeps them where none is given', async () => {
    await apply([unit], ['second'], ['heading'], ['Second'])
    expect(await current()).toEqual({ current_version_seq: 2, unit_kind: 'heading', title: 'Second' })
    await apply([unit], ['third'])
    expect(await current()).toEqual({ current_version_seq: 3, unit_kind: 'heading', title: 'Second' })
  })

  it('emits one iu.version_applied per version written', async () => {
    const other = await born()
    await apply([unit, other], ['second', 'first'])
    const { rows } = await db.pool.query('SELECT event_domain, payload FROM iu_core.event_outbox WHERE event_type = \'iu.version_applied\' AND payload -> \'unit_id\' IN (to_jsonb($1::bigint), to_jsonb($2::bigint))', [unit, other])
    expect(rows).toEqual([{
      event_domain: 'unit',
      payload: { unit_id: Number(unit), canonical_address: expect.stringMatching(/^unit\//), version_seq: 2, content_digest: sha256('second').toString('hex'), byte_length: 6 },
    }])
  })

  it.each<[string, () => Promise<unknown>, object]>([
    ['a missing body', () => apply([unit], [null]), { code: 'IU002', column: 'body' }],
    ['too few bodies', () => apply([unit, unit], ['x']), { code: 'IU002', column: 'body' }],
    ['an unknown kind', () => apply([unit], ['x'], ['prose']), { code: 'IU002', column: 'unit_kind' }],
    ['an unknown unit', () => apply([unit, '999999999'], ['x', 'y']), { code: 'IU003', column: 'unit_ids' }],
    ['a unit given twice', () => apply([unit, unit], ['x', 'y']), { code: 'IU003', column: 'unit_ids' }],
  ])('is refused for %s', async (_, attempt, error) => {
    await expect(attempt()).rejects.toMatchObject(error)
    expect(await versions()).toEqual(['first'])
  })

  it.each(['retired', 'deleted'])('is refused for a %s unit', async (status) => {
    await db.pool.query('UPDATE iu_core.information_unit SET lifecycle_status = $2 WHERE id = $1', [unit, status])
    await expect(apply([unit], ['second'])).rejects.toMatchObject({ code: 'IU009', column: 'unit_ids' })
    expect(await versions()).toEqual(['first'])
  })

  it('is refused while the composer gate is closed', async () => {
    await db.pool.query('SELECT iu_core.fn_iu_gate_set(\'iu_core.composer_enabled\', false, \'test\')')
    await expect(apply([unit], ['second'])).rejects.toMatchObject({ code: 'IU001' })
    await db.pool.query('SELECT iu_core.fn_iu_gate_set(\'iu_core.composer_enabled\', true, \'test\')')
    expect(await versions()).toEqual(['first'])
  })

  it('numbers the versions of concurrent writers one after the other', async () => {
    const others = [await born(), await born(), await born()]
    const all = [unit, ...others]
    const bodies = Array.from({ length: 12 }, (_, i) => `body ${i}`)
    await Promise.all(bodies.map((body, i) => apply(i % 2 ? all : [...all].reverse(), all.map(() => body))))
    for (const id of all) {
      expect((await versions(id)).slice(1).sort()).toEqual([...bodies].sort())
      expect(await current(id)).toMatchObject({ current_version_seq: 13 })
    }
  })
})
