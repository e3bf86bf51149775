import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testDatabase, type TestDatabase } from '../harness.ts'
import { conformance, drift, named } from './drift.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

const CLASSES = ['table', 'view', 'function', 'trigger', 'config', 'event_type', 'route']

describe('a fresh deploy', () => {
  it('has every object in the inventory and no drift, for who may only read', async () => {
    await db.as('iu_reader', async (client) => {
      const checks = await conformance(client)
      expect(checks.map(check => [check.check_code, check.class])).toEqual([...CLASSES.map((kind, at) => [`D${at + 1}`, kind]), ['D8', 'drift'], ['D9', 'class'], ['D10', 'principal']])
      for (const { ok, expected, present, missing, unexpected, changed, unknown } of checks) {
        expect({ ok, present, missing, unexpected, changed, unknown }).toEqual({ ok: true, present: expected, missing: 0, unexpected: 0, changed: 0, unknown: 0 })
      }
      expect(await drift(client)).toEqual([])
    })
  })
})

describe('the checks', () => {
  it('count what has drifted in its class, in D8 and in D9', async () => {
    const client = await db.connect()
    await client.query(`BEGIN; DROP VIEW iu_core.v_iu_unit_axis; CREATE VIEW iu_core.v_extra AS SELECT 1 AS one; GRANT SELECT ON iu_core.v_iu_gate TO PUBLIC; CREATE SEQUENCE iu_core.x`)
    const checks = Object.fromEntries((await conformance(client)).map(check => [check.check_code, check]))
    expect(checks.D1).toMatchObject({ ok: true })
    expect(checks.D2).toMatchObject({ ok: false, missing: 1, unexpected: 1, changed: 1, unknown: 0, present: checks.D2!.expected - 1 })
    expect(checks.D8).toMatchObject({ ok: false, missing: 1, unexpected: 2, changed: 1, unknown: 0 })
    expect(checks.D9).toMatchObject({ ok: false, expected: 7, present: 6 })
    await client.query('ROLLBACK')
  })
})

describe('what is not known', () => {
  it.each([
    ['an empty inventory', 'DELETE FROM iu_core.dot_inventory', 'The inventory is empty.'],
    ['an inventory of another major', 'UPDATE iu_core.dot_inventory SET server_major = 14', 'The inventory was spelled by PostgreSQL 14'],
    ['a reader that fails', 'ALTER TABLE iu_core.dot_iu_command_run OWNER TO CURRENT_USER', 'The comparison failed: '],
    ['a snapshot of its own', 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ', 'A comparison under REPEATABLE READ'],
  ])('%s is no pass, and no drift', async (_, sql, why) => {
    const client = await db.connect()
    await client.query('BEGIN')
    await client.query(sql)
    const rows = await drift(client)
    expect(rows).toMatchObject([{ class: null, identity: null, state: 'unknown', expected: null, live: null }])
    expect(rows[0]!.suggested_action).toContain(why)
    for (const check of await conformance(client)) {
      expect(check).toMatchObject({ ok: false, missing: 0, unexpected: 0, changed: 0 })
      expect(check.unknown).toBeGreaterThan(0)
    }
    await client.query('ROLLBACK')
  })

  it.each([
    ['an altered entry', `UPDATE iu_core.dot_inventory SET definition = definition || ' ' WHERE identity = 'dot_config'`, ['table dot_config unknown']],
    ['a table that cannot be read', 'ALTER TABLE iu_core.iu_outbound_route OWNER TO CURRENT_USER', ['table iu_outbound_route changed', /^route .* unknown$/]],
  ])('%s makes its objects unknown', async (_, sql, expected) => {
    const client = await db.connect()
    await client.query('BEGIN')
    await client.query(sql)
    const names = named(await drift(client))
    expect(names.filter(name => !expected.some(one => typeof one === 'string' ? one === name : one.test(name)))).toEqual([])
    expect(names.length).toBeGreaterThanOrEqual(expected.length)
    await client.query('ROLLBACK')
  })
})
