import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { restoreBackup } from '../../../server/backup/restore.ts'
import type { Tried } from '../../../server/backup/take.ts'
import { deployUnits } from '../../../server/deploy/index.ts'
import { NEWEST, UNITS } from '../deploy/world.ts'
import { testDatabase, type TestDatabase } from '../harness.ts'
import { accounting, drain, emit, expectWhole, pastTriggers } from '../world.ts'
import { contents, emptyDatabase, fill, folder, take } from './world.ts'

let db: TestDatabase
let client: pg.Client
let whole: Tried
beforeAll(async () => {
  db = await testDatabase()
  client = await db.connect()
  await fill(db.pool)
  whole = await take(client, folder())
})
afterAll(() => db.drop())

const onRecord = async () => (await db.pool.query<{ restorable: boolean }>('SELECT * FROM iu_core.v_iu_backup_evidence ORDER BY backup_id')).rows

describe('a backup', () => {
  it('is one file for its owner alone, tried in a scratch database, and on record as what it is', async () => {
    const { path, of, bytes, digest } = whole.backup
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect([bytes, digest]).toEqual([statSync(path).size, createHash('sha256').update(readFileSync(path)).digest('hex')])
    expect(whole.checks.map(({ name, ok, detail }) => ok ? name : detail)).toEqual(['restored', 'rows', 'units', 'conformance', 'accounting'])
    expect((await onRecord())[0]).toMatchObject({
      backup_id: String(whole.evidence), restorable: true, kind: 'copy', unit_tag: NEWEST, file_digest: digest, file_bytes: String(bytes), entries: String(of.entries), last_event: String(of.lastEvent), is_fresh: true, written_since: false,
    })
    // Those of other spec files are soon connected to, or gone.
    await expect.poll(async () => (await db.pool.query(`SELECT FROM pg_database AS d WHERE datname LIKE 'iu\\_scratch\\_%' AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE datid = d.oid)`)).rowCount).toBe(0)
  })

  it('comes back with every row, number and computed column, and goes on', async () => {
    const other = await emptyDatabase()
    const into = await other.connect()
    const { checks, lacking } = await restoreBackup(into, whole.backup.path, UNITS)
    expect([checks.every(({ ok }) => ok), lacking]).toEqual([true, []])
    // The evidence of a backup is written after it, and waits to be sealed.
    const except = ['iu_backup_evidence', 'dot_iu_history_unsealed', 'dot_iu_history_unsealed_id_seq']
    expect(await contents(other.pool, except)).toEqual(await contents(db.pool, except))
    expect(await accounting(other.pool)).toEqual(await accounting(db.pool))
    expect(await emit(other.pool, 'after')).toBe(whole.backup.of.lastEvent + 1)
    await drain(other.pool)
    await expectWhole(other.pool)
  })

  it('has all but the payload of an event that nobody could write out', async () => {
    // As one of a database that is older than the bound; ten times as many are more than a row can have as a text.
    const { rows: [poison] } = await db.pool.query<{ id: string }>(`INSERT INTO iu_core.event_outbox (event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane)
      VALUES ('application', 'app.plain', 't', 'poison', $1, 'delayed') RETURNING id`, [`[${Array(1000).fill('1e131071').join()}]`])
    const tried = await take(client, folder())
    expect([tried.isRestorable, tried.checks.filter(({ ok }) => !ok)]).toEqual([true, []])
    expect(tried.backup.bytes).toBeLessThan(1_000_000)
    const other = await emptyDatabase()
    await restoreBackup(await other.connect(), tried.backup.path, UNITS)
    const { rows } = await other.pool.query('SELECT payload FROM iu_core.event_outbox WHERE id = $1', [poison!.id])
    expect(rows).toEqual([{ payload: { not_written_out: 'a number of more than 500 digits', bytes: expect.any(Number) } }])
    // It is routed here as there.
    await drain(other.pool)
    await expectWhole(other.pool)
    await pastTriggers(client, () => client.query(`DELETE FROM iu_core.event_outbox WHERE event_subject_ref = 'poison'`))
  })

  it('in which something does not hold is on record as not restorable, and says what', async () => {
    const trigger = 'iu_core.unit_version DISABLE TRIGGER trg_unit_version_append_only'
    await client.query(`UPDATE iu_core.iu_event_audit SET attempted = attempted + 5; ALTER TABLE ${trigger}`)
    const tried = await take(client, folder())
    await client.query(`UPDATE iu_core.iu_event_audit SET attempted = attempted - 5; ALTER TABLE ${trigger.replace('DISABLE', 'ENABLE ALWAYS')}`)
    // The trigger came along, and is off without a command that says so.
    expect(tried.checks.filter(({ ok }) => !ok)).toMatchObject([
      { name: 'conformance', detail: 'changed trigger trg_unit_version_append_only on unit_version' }, { name: 'accounting', detail: expect.stringContaining('attempted is') as string },
    ])
    expect((await onRecord()).at(-1)).toMatchObject({ restorable: false, backup_id: String(tried.evidence) })
  })
})

it('a backup of an older schema comes back at its tag, and says what to deploy', async () => {
  const old = await emptyDatabase()
  const from = await old.connect()
  await deployUnits(from, UNITS, { to: '0020_dead_letter_commands' })
  for (const gate of ['routes_master_enabled', 'route_worker_enabled', 'composer_enabled']) await from.query(`SELECT iu_core.fn_iu_gate_set($1, true, 'a test')`, [`iu_core.${gate}`])
  for (const name of ['a/b', 'a/c']) await from.query(`SELECT iu_core.fn_iu_create($1, 'paragraph', 'Text', 'Title', NULL)`, [name])
  await drain(from)
  const tried = await take(from, folder())
  // It has no place for evidence yet.
  expect([tried.isRestorable, tried.evidence, tried.backup.of.tag]).toEqual([true, undefined, '0020_dead_letter_commands'])
  const other = await emptyDatabase()
  const into = await other.connect()
  const { lacking } = await restoreBackup(into, tried.backup.path, UNITS)
  expect(lacking).toEqual(UNITS.slice(20).map(({ tag }) => tag))
  const account = await accounting(other.pool)
  expect(await deployUnits(into, UNITS)).toEqual(lacking)
  expect(await accounting(other.pool)).toEqual(account)
  await drain(other.pool)
  await expectWhole(other.pool)
})

describe('evidence', () => {
  const record = `SELECT * FROM iu_core.fn_dot_backup_record('{}', '[]')`
  it.each(['iu_console', 'iu_reader', 'iu_emitter', 'iu_worker', 'iu_operator', 'iu_approver'])('is not for %s to write', async (role) => {
    await db.as(role, as => expect(as.query(record)).rejects.toMatchObject({ code: '42501' }))
  })

  it('is not rewritten, and not restorable where a check is missing', async () => {
    await expect(client.query('UPDATE iu_core.iu_backup_evidence SET restorable = true')).rejects.toMatchObject({ code: 'IU005' })
    const { rows: [row] } = await client.query(`
      SELECT r.restorable FROM iu_core.v_iu_backup_evidence AS e, iu_core.fn_dot_backup_record(to_jsonb(e), '[{"name": "restored", "ok": true}, {"name": "rows", "ok": true}, {"name": "units", "ok": true}, {"name": "accounting", "ok": true}]') AS r
      ORDER BY e.backup_id DESC LIMIT 1`)
    expect(row).toEqual({ restorable: false })
  })
})
