import type { Client } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TestDatabase } from '../harness.ts'
import { accounting, drain, emit, expectWhole, openDatabase, pass, type Queryable } from '../world.ts'

const CLIENTS = 7
const TURNS = 120
const SUBJECTS = 5

let db: TestDatabase
beforeEach(async () => {
  db = await openDatabase()
  await db.pool.query('CREATE TABLE public.counter (subject text PRIMARY KEY, n integer NOT NULL)')
  await db.pool.query(`INSERT INTO public.counter SELECT 's' || i, 0 FROM generate_series(1, $1) AS i`, [SUBJECTS])
})
afterEach(async () => {
  const { rows } = await db.pool.query<{ gid: string }>('SELECT gid FROM pg_prepared_xacts WHERE database = current_database()')
  for (const { gid } of rows) await db.pool.query(`ROLLBACK PREPARED '${gid}'`)
  await db.drop()
})

/** A small generator with a seed, so that a failure can be tried again: IU_SEED=… */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6D2B79F5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

/** What is allowed to happen to a transaction under concurrency: it is rolled back, and that is that. */
const isConflict = (error: unknown): boolean => error instanceof Overtaken || ['40P01', '55P03'].includes((error as { code?: string }).code ?? '')

/** Somebody else has split or joined the same workers since they were looked at. */
class Overtaken extends Error {}

const workers = async (client: Queryable): Promise<string[]> =>
  (await client.query<{ code: string }>('SELECT worker_code AS code FROM iu_core.iu_route_worker_cursor ORDER BY bucket_from')).rows.map(row => row.code)

/** What is asked of a worker that may be gone by now. */
const ofWorker = <T>(asked: Promise<T>): Promise<T> => asked.catch((error: { code?: string }) => {
  throw /^IU00[234]$/.test(error.code ?? '') ? new Overtaken() : error
})

/** Splits a worker or joins two that touch, whichever chance wants. */
async function share(client: Queryable, below: (limit: number) => number): Promise<'splits' | 'joins'> {
  const codes = await workers(client)
  const isSplit = codes.length === 1 || (codes.length < 5 && below(2) === 0)
  const [one, other] = ((n: number) => below(2) ? [codes[n], codes[n + 1]] : [codes[n + 1], codes[n]])(below(Math.max(1, codes.length - 1)))
  await ofWorker(isSplit
    ? client.query('SELECT iu_core.fn_iu_cursor_split($1, $2, $3, $4)', [codes[below(codes.length)], 1 + below(15), `w${below(1e9)}`, below(2) ? 'upper' : 'lower'])
    : client.query('SELECT iu_core.fn_iu_cursor_join($1, $2)', [one, other]))
  return isSplit ? 'splits' : 'joins'
}

/** A pass of a worker at random; another may have joined it meanwhile. */
async function anyPass(client: Queryable, batch: number, below: (limit: number) => number): Promise<boolean> {
  const codes = await workers(client)
  return (await ofWorker(pass(client, batch, codes[below(codes.length)]))).status === 'routed'
}

const seed = Number(process.env.IU_SEED ?? Date.now() % 1_000_000)

// A reset reads everything once more, and so would make good what was lost: the other test has none.
test.each([['without resets', false], ['with resets', true]])(`any interleaving loses, doubles and disorders nothing, %s (seed ${seed})`, async (_, withResets) => {
  const acknowledged = new Set<number>()
  const prepared: { gid: string, ids: number[] }[] = []
  const done = { commits: 0, rollbacks: 0, prepared: 0, savepoints: 0, passes: 0, audits: 0, resets: 0, splits: 0, joins: 0 }

  async function act(client: Client, number: number): Promise<void> {
    const below = random(seed + number * 7919)
    const types = ['app.plain', 'app.plain', 'app.twice', 'app.unwanted', 'app.disabled', 'app.strict']
    await client.query(`SET deadlock_timeout = '20ms'; SET lock_timeout = '500ms'`)
    for (let turn = 0; turn < TURNS; turn++) {
      const ids: number[] = []
      try {
        if (below(12) === 0) {
          await client.query('SELECT * FROM iu_core.fn_iu_event_audit($1)', [1 + below(below(2) ? 5 : 200)])
          done.audits += 1
          continue
        }
        if (below(4) === 0) {
          if (below(6) === 0) done[await share(client, below)] += 1
          else await anyPass(client, 1 + below(below(2) ? 5 : 200), below)
          done.passes += 1
          continue
        }
        const waiting = prepared.length > 0 && below(3) === 0 ? prepared.splice(below(prepared.length), 1)[0] : undefined
        if (waiting) {
          const commit = below(3) > 0
          await client.query(`${commit ? 'COMMIT' : 'ROLLBACK'} PREPARED '${waiting.gid}'`)
          if (commit) waiting.ids.forEach(id => acknowledged.add(id))
          continue
        }
        await client.query('BEGIN')
        let passed = false
        for (let step = below(6); step >= 0; step--) {
          const what = below(20)
          if (what < 8) {
            // Writers of a counted subject serialise on its row, as every function of the schema does.
            const subject = `s${1 + below(SUBJECTS)}`
            const { rows } = await client.query<{ n: number }>('UPDATE public.counter SET n = n + 1 WHERE subject = $1 RETURNING n', [subject])
            ids.push(await emit(client, subject, { n: rows[0]!.n }, types[below(3)]))
          }
          else if (what < 13) {
            ids.push(await emit(client, `free ${below(100)}`, below(2) ? { n: 1 } : {}, types[below(types.length)]))
          }
          else if (what < 15) {
            await client.query('SAVEPOINT s')
            const inner = [await emit(client, 'savepoint')]
            if (below(3) === 0) await anyPass(client, 1 + below(20), below)
            if (below(2)) {
              await client.query('ROLLBACK TO s')
            }
            else {
              await client.query('RELEASE s')
              ids.push(...inner)
            }
            done.savepoints += 1
          }
          else if (what === 15 && below(3) === 0) {
            await client.query('SELECT * FROM iu_core.fn_iu_event_audit($1)', [1 + below(20)])
          }
          else if (what < 17) {
            passed = await anyPass(client, 1 + below(20), below) || passed
            if (below(8) === 0) done[await share(client, below)] += 1
            done.passes += 1
          }
          else if (what === 17 && withResets && below(4) === 0) {
            const codes = await workers(client)
            await ofWorker(client.query('SELECT iu_core.fn_iu_cursor_reset($1)', [codes[below(codes.length)]]))
            done.resets += 1
          }
          else {
            await client.query('SELECT pg_sleep($1)', [below(15) / 1000])
          }
        }
        const end = below(20)
        if (end < 3) {
          await client.query('ROLLBACK')
          done.rollbacks += 1
        }
        else if (end < 6 && prepared.length < 5) {
          const gid = `${db.name} ${number} ${turn}`
          await client.query(`PREPARE TRANSACTION '${gid}'`)
          prepared.push({ gid, ids })
          done.prepared += 1
        }
        else {
          await client.query('COMMIT')
          ids.forEach(id => acknowledged.add(id))
          done.commits += 1
        }
      }
      catch (error) {
        await client.query('ROLLBACK')
        if (!isConflict(error)) throw error
      }
    }
  }

  /** Looks on all the while: the identity holds at every instant, not only at the end. */
  let acting = true
  async function watch(): Promise<void> {
    while (acting) expect(await accounting(db.pool)).toMatchObject({ unexplained: 0 })
  }

  const all = Promise.all(Array.from({ length: CLIENTS }, async (_, number) => act(await db.connect(), number)))
  await Promise.all([watch(), all.finally(() => { acting = false })])
  for (const { gid, ids } of prepared) {
    await db.pool.query(`COMMIT PREPARED '${gid}'`)
    ids.forEach(id => acknowledged.add(id))
  }
  for (const worker of await workers(db.pool)) await drain(db.pool, 1000, worker)

  await expectWhole(db.pool)
  const { rows } = await db.pool.query<{ id: string }>('SELECT id FROM iu_core.event_outbox')
  expect(new Set(rows.map(row => Number(row.id)))).toEqual(acknowledged)
  const { rows: disordered } = await db.pool.query(`
    SELECT * FROM (
      SELECT event_subject_ref, event_id, (payload ->> 'n')::int AS n,
             lag((payload ->> 'n')::int) OVER (PARTITION BY event_subject_ref ORDER BY a.created_at, event_id) AS before
      FROM iu_core.iu_route_attempt AS a JOIN iu_core.event_outbox AS e ON e.id = a.event_id
      WHERE event_subject_ref LIKE 's_' AND attempt_no = 1
    ) AS routed WHERE n < before`)
  expect(disordered).toEqual([])
  // The model must have done something of everything.
  expect(Math.min(done.commits, done.rollbacks, done.prepared, done.savepoints, done.passes, done.audits, done.splits, done.joins, withResets ? done.resets : 1)).toBeGreaterThan(0)
})
