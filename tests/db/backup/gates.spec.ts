/** What a deploy over data looks at before it begins, gate by gate. */
import { rmSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname } from 'node:path'
import type pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { deployHere } from '../../../server/cli/deploying.ts'
import { deployUnits, rollbackUnits } from '../../../server/deploy/index.ts'
import { checkBackup, examineGates, outlook, tryAlone } from '../../../server/deploy/gates.ts'
import { NEWEST, unit, UNITS } from '../deploy/world.ts'
import { testDatabase, type TestDatabase } from '../harness.ts'
import { emit } from '../world.ts'
import { emptyDatabase, fill, folder, write } from './world.ts'

let db: TestDatabase
let client: pg.Client
let file: string
beforeAll(async () => {
  db = await testDatabase()
  client = await db.connect()
  await fill(db.pool)
  file = await write(client)
})
afterAll(() => db.drop())

const more = unit('more', { migration: 'CREATE TABLE iu_core.more ()', rollback: 'DROP TABLE iu_core.more' })
const units = [...UNITS, more]

/** The gates, as lines. */
async function gates(with_ = units): Promise<string[]> {
  const lines: string[] = []
  await tryAlone(client, async (isAlone) => {
    for (const { name, ok, detail, remedy } of await examineGates(client, with_, { isAlone })) lines.push(`${ok ? '✓' : '✗'} ${name}: ${detail}${remedy ? ` → ${remedy}` : ''}`)
  })
  return lines
}
async function backupGate(): Promise<string> {
  const { ok, detail, remedy } = await checkBackup(client, NEWEST)
  return `${ok ? '✓' : '✗'} ${detail}${remedy ? ` → ${remedy}` : ''}`
}

const CHECKS = ['restored', 'rows', 'units', 'conformance', 'accounting'].map(name => ({ name, ok: true, detail: '' }))
/** Evidence as a trial would have written it. */
async function evidence(of: { tag?: string, age?: string, host?: string, name?: string, checks?: unknown[] } = {}): Promise<void> {
  await client.query(`
    SELECT iu_core.fn_dot_backup_record(jsonb_build_object('file_name', $1::text, 'folder', $2::text, 'host', $3::text, 'kind', 'copy', 'unit_tag', $4::text, 'server_version', '18.4',
      'file_bytes', $5::bigint, 'file_digest', repeat('00', 32), 'entries', 1, 'row_count', 1, 'taken_at', clock_timestamp() - $6::interval,
      'last_event', (SELECT max(id) FROM iu_core.event_outbox), 'last_run', (SELECT coalesce(max(id), 0) FROM iu_core.dot_iu_command_run)), $7)`,
  [of.name ?? basename(file), dirname(file), of.host ?? hostname(), of.tag ?? NEWEST, statSync(file).size, of.age ?? '0 minutes', JSON.stringify(of.checks ?? CHECKS)])
}

it('each gate is told with its remedy; a backup must be of this schema, whole, fresh and still there', async () => {
  expect(await gates()).toEqual([
    '✓ no deploy under way: this one alone',
    `✓ book of units whole: ${UNITS.length} applied, none missing`,
    `✓ units in order: ${more.tag} after ${NEWEST}`,
    '✓ as deployed: every unit holds in its verify; drift 0',
    `✗ backup fresh and restorable: none of ${NEWEST} is on record → iu db backup --to FOLDER, or iu db deploy --backup-to FOLDER`,
  ])
  await evidence({ tag: '0001_foundation' })
  expect(await backupGate()).toContain(`none of ${NEWEST} is on record`)
  await evidence({ checks: CHECKS.map(check => ({ ...check, ok: check.name !== 'accounting' })) })
  expect(await backupGate()).toContain('could not be restored whole')
  await evidence({ name: 'gone.tar' })
  expect(await backupGate()).toMatch(/^✗ .*gone\.tar is not there any more →/)
  await evidence({ name: 'elsewhere.tar', host: 'another' })
  expect(await backupGate()).toMatch(/^✓ .*elsewhere\.tar, taken 0 minutes ago, was restored whole; nothing was written since$/)
})

it('fresh is what nothing was written since, or what is at most an hour old', async () => {
  await emit(db.pool, 'later')
  expect(await backupGate()).toMatch(/^✓ .*was restored whole$/)
  await client.query('ALTER TABLE iu_core.iu_backup_evidence DISABLE TRIGGER trg_iu_backup_evidence_append_only')
  await client.query('TRUNCATE iu_core.iu_backup_evidence')
  await client.query('ALTER TABLE iu_core.iu_backup_evidence ENABLE ALWAYS TRIGGER trg_iu_backup_evidence_append_only')
  await evidence({ age: '2 hours' })
  expect(await backupGate()).toMatch(/^✓ .*taken 120 minutes ago, was restored whole; nothing was written since$/)
  await emit(db.pool, 'later still')
  expect(await backupGate()).toMatch(/^✗ .*taken 120 minutes ago: something was written since, and it is older than an hour →/)
})

it('what was changed by hand, a hole in the book, a unit merged late and another deploy each close theirs', async () => {
  await client.query('ALTER TABLE iu_core.dot_config ADD COLUMN mine text')
  expect((await gates())[3]).toMatch(/^✗ as deployed: .*table dot_config/)
  await client.query('ALTER TABLE iu_core.dot_config DROP COLUMN mine')
  expect((await gates([...UNITS.slice(0, 3), more, ...UNITS.slice(3)])).at(-1)).toMatch(/^✗ units in order: .*was merged late, .* → deploy with a checkout/)
  await client.query('BEGIN; SET LOCAL ROLE iu_owner')
  await client.query('DELETE FROM iu_deploy.applied_unit WHERE number = 3')
  await client.query('COMMIT')
  expect((await gates())[1]).toMatch(/^✗ book of units whole: number 3 is missing → put its row back/)
  await client.query('INSERT INTO iu_deploy.applied_unit (number, tag, hash) VALUES (3, $1, $2)', [UNITS[2]!.tag, UNITS[2]!.hash])
  const other = await db.connect()
  await tryAlone(other, async () => {
    expect(await gates()).toEqual([expect.stringMatching(/^✗ no deploy under way: somebody else is deploying this database → pid \d+ \(.*\)\. Wait until it has ended/)])
    await expect(deployHere(client, { kind: 'copy', onStep: () => {}, units })).rejects.toThrow('nothing was deployed: no deploy under way does not hold')
  })
})

it('a deploy over data is refused behind a closed gate, and goes through with the backup that it takes', async () => {
  const told: string[] = []
  const options = { kind: 'copy' as const, onStep: (line: string) => void told.push(line), units }
  await expect(deployHere(client, options)).rejects.toThrow('nothing was deployed: backup fresh and restorable does not hold')
  expect((await outlook(client, units)).pending).toEqual([more])
  expect(told.filter(line => /^[✓✗]/.test(line))).toHaveLength(5)
  const { deployed, gates: passed } = await deployHere(client, { ...options, backupTo: folder() })
  expect([deployed, passed.map(({ ok }) => ok)]).toEqual([[more.tag], [true, true, true, true, true]])
  expect(await deployHere(client, options)).toEqual({ deployed: [], gates: [] })
  await rollbackUnits(client, units, NEWEST)
  // That one is on record, and is good for an hour.
  expect(await deployHere(client, options)).toMatchObject({ deployed: [more.tag] })
  await rollbackUnits(client, units, NEWEST)
})

it('over nothing there is no gate: a first deployment asks for nothing', async () => {
  const fresh = await (await emptyDatabase()).connect()
  expect(await deployHere(fresh, { kind: 'pg_dump', onStep: () => {} })).toEqual({ deployed: UNITS.map(({ tag }) => tag), gates: [] })
  expect(await outlook(fresh, units)).toEqual({ pending: [more], data: [] })
  expect(await deployUnits(fresh, units)).toEqual([more.tag])
  rmSync(file)
})
