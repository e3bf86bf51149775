import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { bootstrap, deploy } from '../../server/deploy/index.ts'
import { openTemporary } from '../db/embedded/temporary.ts'
import { accounting, drain, expectWhole, openDatabase, type Queryable, WORKER } from '../db/world.ts'
import { expectKept, expectOrder, makeCounters, startCounted } from './counted.ts'
import { kill, startWorker, untilGone, untilRouting } from './programs.ts'

const SUBJECTS = 50
const WORKERS = [WORKER, 'middle', 'upper']

/** Tables of the product and of the test, and sequences with their values, as a dump takes them. */
async function contents(db: Queryable): Promise<{ tables: string[], sequences: { name: string, value: string }[] }> {
  const { rows: tables } = await db.query<{ name: string }>(`SELECT oid::regclass::text AS name FROM pg_class WHERE relnamespace IN ('iu_core'::regnamespace, 'public'::regnamespace) AND relkind = 'r' ORDER BY 1`)
  const { rows: sequences } = await db.query<{ name: string, value: string }>(`SELECT format('%I.%I', schemaname, sequencename) AS name, last_value::text AS value FROM pg_sequences WHERE schemaname = 'iu_core' AND last_value IS NOT NULL`)
  return { tables: tables.map(row => row.name), sequences }
}

test('a dump that was taken under load goes on in a fresh cluster: nothing is lost, stranded, doubled or disordered', async () => {
  const db = await openDatabase()
  onTestFinished(() => db.drop())
  await makeCounters(db.pool, SUBJECTS)
  for (const [at, code] of [[8, 'upper'], [4, 'middle']] as const) await db.pool.query('SELECT iu_core.fn_iu_cursor_split($1, $2, $3)', [WORKER, at, code])
  // The other cluster's transaction ids are far behind these.
  for (let n = 0; n < 20; n++) await db.pool.query(`DO $$ BEGIN FOR n IN 1 .. 1000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$`)
  const writers = startCounted(db.url, 8, { subjects: SUBJECTS, delayMs: 10 })
  const worker = startWorker(db.url)
  await untilRouting(db.pool)
  await sleep(5000)
  // Some are inside a window, some have nothing done, when it is taken.
  await kill(worker)
  await untilGone(db.pool)
  await sleep(2000)
  await db.pool.query('SELECT * FROM iu_core.fn_iu_route_worker_run($1, 50)', ['middle'])

  const folder = await mkdtemp(join(tmpdir(), 'iu-dump-'))
  await chmod(folder, 0o777)
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = (name: string) => `'${join(folder, name)}'`
  const dump = await db.connect()
  await dump.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
  const { tables, sequences } = await contents(dump)
  for (const table of tables) await dump.query(`COPY ${table} TO ${file(table)}`)
  const dumped = await accounting(dump)
  const { rows: [cut] } = await dump.query<{ attempts: number, xid: string }>('SELECT count(*)::int AS attempts, (SELECT min(xid)::text FROM iu_core.event_outbox) AS xid FROM iu_core.iu_route_attempt')
  await dump.query('COMMIT')
  await writers.stop()
  expect(dumped.attempted).toBeGreaterThan(100)
  expect(dumped.not_yet_routed).toBeGreaterThan(100)

  const server = await openTemporary('restored')
  onTestFinished(() => server.stop())
  const within = async (database: string, work: (client: pg.Client) => Promise<unknown>) => {
    const client = new pg.Client(Object.assign(new URL(server.adminUrl), { pathname: database }).href)
    await client.connect()
    await work(client).finally(() => client.end())
  }
  await within('postgres', client => client.query(`CREATE DATABASE restored TEMPLATE template0 ENCODING 'UTF8'`))
  await within('restored', async (client) => {
    await bootstrap(client)
    await deploy(client)
    await client.query('CREATE TABLE public.counter (subject text PRIMARY KEY, n integer NOT NULL)')
    // As a restore does: no trigger speaks, and rows come as they were.
    await client.query(`SET session_replication_role = replica`)
    for (const table of tables) if ((await client.query(`SELECT FROM ${table} LIMIT 1`)).rowCount) await client.query(`DELETE FROM ${table}`)
    for (const table of tables) await client.query(`COPY ${table} FROM ${file(table)}`)
    for (const { name, value } of sequences) await client.query('SELECT setval($1, $2)', [name, value])
  })

  const url = Object.assign(new URL(server.adminUrl), { pathname: 'restored' }).href
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  pool.on('error', () => {})
  onTestFinished(() => pool.end())
  const { rows: [now] } = await pool.query<{ is_behind: boolean }>('SELECT pg_snapshot_xmax(pg_current_snapshot()) < $1::xid8 AS is_behind', [cut!.xid])
  expect(now).toEqual({ is_behind: true })
  expect(await accounting(pool)).toEqual(dumped)

  // It goes on as it is used: writers and a worker at once.
  const more = startCounted(url, 8, { subjects: SUBJECTS, delayMs: 10 })
  const again = startWorker(url)
  await untilRouting(pool)
  await sleep(3000)
  expect(await accounting(pool)).toMatchObject({ unexplained: 0 })
  await more.stop()
  await kill(again)
  await untilGone(pool)
  for (const code of WORKERS) await drain(pool, 1000, code)

  await expectWhole(pool)
  await expectOrder(pool)
  await expectKept(pool, more, dumped.events)
  const { rows: [kept] } = await pool.query<{ attempts: number }>('SELECT count(*)::int AS attempts FROM iu_core.iu_route_attempt')
  expect(kept!.attempts).toBeGreaterThan(cut!.attempts)
  console.log(`dumped with ${dumped.attempted} events attempted and ${dumped.not_yet_routed} not yet routed; ${more.done.committed.size} more were written since`)
})
