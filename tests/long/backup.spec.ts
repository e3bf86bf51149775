import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { restoreBackup } from '../../server/backup/restore.ts'
import { takeBackup } from '../../server/backup/take.ts'
import { fill } from '../db/backup/world.ts'
import { UNITS } from '../db/deploy/world.ts'
import { testDatabase } from '../db/harness.ts'
import { accounting, drain, expectWhole } from '../db/world.ts'
import { makeCounters, startCounted } from './counted.ts'

const EVENTS = 100_000
const TEXTS = 60
const TEXT_BYTES = 6_000_000
const MOST_MEMORY = 250_000_000

/** The most memory that this process had while `work` ran. */
async function peak(work: () => Promise<unknown>): Promise<number> {
  let most = 0
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss)
  }, 20)
  await work().finally(() => clearInterval(timer))
  return most
}

test('a large backup, taken under load, streams through, comes back whole, and goes on', async () => {
  const db = await testDatabase()
  onTestFinished(() => db.drop())
  await fill(db.pool)
  await makeCounters(db.pool, 20)
  await db.pool.query(`SELECT iu_core.fn_iu_emit_event('app.plain', 't', (n % 997)::text, jsonb_build_object('n', n), NULL) FROM generate_series(1, $1::integer) AS n`, [EVENTS])
  for (let n = 0; n < TEXTS; n++) await db.pool.query(`SELECT iu_core.fn_iu_create($1, 'paragraph', $2, 'Title', NULL)`, [`large/t${n}`, randomBytes(TEXT_BYTES / 2).toString('hex')])
  await drain(db.pool, 20_000)
  const folder = mkdtempSync(join(tmpdir(), 'iu-backup-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const writers = startCounted(db.url, 4, { subjects: 20, delayMs: 20 })
  const client = await db.connect()
  const before = process.memoryUsage().rss
  let tried!: Awaited<ReturnType<typeof takeBackup>>
  const most = await peak(async () => {
    tried = await takeBackup(client, { folder, kind: 'copy', units: UNITS })
  })
  await writers.stop()
  console.log(`${tried.backup.bytes} bytes, ${tried.backup.of.entries} entries; memory grew by ${most - before}`)
  expect(tried.checks.map(({ ok, name, detail }) => ok ? name : detail)).toEqual(['restored', 'rows', 'units', 'conformance', 'accounting'])
  expect(tried.backup.bytes).toBeGreaterThan(TEXTS * TEXT_BYTES / 3)
  // A text at a time may be in memory, and its copies on the way; all of them (and their events) would be more.
  expect(most - before).toBeLessThan(MOST_MEMORY)

  const other = await testDatabase({ deployed: false })
  onTestFinished(() => other.drop())
  const { checks } = await restoreBackup(await other.connect(), tried.backup.path, UNITS)
  expect(checks.every(({ ok }) => ok)).toBe(true)
  // Rows came in without their checks: the digests tell whether they are the texts.
  const { rows: [texts] } = await other.pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM iu_core.unit_version WHERE byte_length > 1000000 AND byte_length = octet_length(body) AND content_digest = sha256(convert_to(body, 'UTF8'))`)
  expect(texts).toEqual({ n: TEXTS })
  expect(await accounting(other.pool)).toMatchObject({ unexplained: 0 })
  await drain(other.pool, 20_000)
  await expectWhole(other.pool)
})
