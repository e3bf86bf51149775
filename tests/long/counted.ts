/** Writers whose subjects are counted: who writes of a subject takes its turn, so that the order of writing is known. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { expect } from 'vitest'
import { emit, type Queryable } from '../db/world.ts'
import { below } from './load.ts'

const TYPES = ['app.plain', 'app.twice', 'app.unwanted', 'app.disabled']

export interface Counted {
  /** Lets the writers finish what they have begun. */
  stop(): Promise<void>
  /** The ids whose transactions were committed, and how many were rolled back. */
  done: { committed: Set<number>, aborted: number, savepoints: number }
}

/** Makes the table of the subjects' counters. */
export async function makeCounters(db: Queryable, subjects: number): Promise<void> {
  await db.query('CREATE TABLE public.counter (subject text PRIMARY KEY, n integer NOT NULL)')
  await db.query(`INSERT INTO public.counter SELECT 's' || i, 0 FROM generate_series(1, $1) AS i`, [subjects])
}

/**
 * Starts `writers` connections that write until stopped: a few events in a transaction, of counted and of free subjects,
 * within savepoints that are rolled back at times, and a pause before the end, which is a rollback at times.
 */
export function startCounted(url: string, writers: number, { subjects, delayMs }: { subjects: number, delayMs: number }): Counted {
  const done = { committed: new Set<number>(), aborted: 0, savepoints: 0 }
  let stopped = false
  async function write(): Promise<void> {
    const client = new pg.Client(url)
    await client.connect()
    await client.query(`SET deadlock_timeout = '100ms'`)
    while (!stopped) {
      const ids: number[] = []
      try {
        await client.query('BEGIN')
        for (let step = below(4); step >= 0; step--) {
          if (below(3)) {
            const { rows } = await client.query<{ subject: string, n: number }>('UPDATE public.counter SET n = n + 1 WHERE subject = $1 RETURNING subject, n', [`s${1 + below(subjects)}`])
            ids.push(await emit(client, rows[0]!.subject, { n: rows[0]!.n }, TYPES[below(TYPES.length)]))
          }
          else {
            await client.query('SAVEPOINT s')
            const id = await emit(client, `free ${below(1000)}`, {}, TYPES[below(TYPES.length)])
            done.savepoints += 1
            if (below(2)) ids.push(id)
            else await client.query('ROLLBACK TO s')
          }
        }
        await sleep(below(4) ? below(delayMs) : below(delayMs * 10))
        if (below(8)) {
          await client.query('COMMIT')
          ids.forEach(id => done.committed.add(id))
        }
        else {
          await client.query('ROLLBACK')
          done.aborted += 1
        }
      }
      catch (error) {
        // Two that wait for each other's subjects: one of them is rolled back.
        if ((error as { code?: string }).code !== '40P01') throw error
        await client.query('ROLLBACK')
        done.aborted += 1
      }
    }
    await client.end()
  }
  const running = Promise.all(Array.from({ length: writers }, write))
  // It is awaited in `stop`; until then a failure must not end the process.
  running.catch(() => {})
  return {
    async stop() {
      stopped = true
      await running
    },
    done,
  }
}

/** The first attempts of every counted subject stand in the order in which its events were written. */
export async function expectOrder(db: Queryable): Promise<void> {
  const { rows: disordered } = await db.query(`
    SELECT * FROM (
      SELECT e.event_subject_ref, e.id, (e.payload ->> 'n')::int AS n, lag((e.payload ->> 'n')::int) OVER (PARTITION BY e.event_subject_ref ORDER BY a.created_at, e.id) AS before
      FROM iu_core.event_outbox AS e
      JOIN (SELECT event_id, min(created_at) AS created_at FROM iu_core.iu_route_attempt WHERE attempt_no = 1 GROUP BY 1) AS a ON a.event_id = e.id
      WHERE e.payload ? 'n' AND e.event_subject_ref ~ '^s[0-9]+$'
    ) AS routed WHERE n <= before LIMIT 10`)
  expect(disordered).toEqual([])
}

/** The outbox holds what was acknowledged, and nothing else of these writers. */
export async function expectKept(db: Queryable, { done }: Counted, others = 0): Promise<void> {
  const { rows } = await db.query<{ id: string }>('SELECT id FROM iu_core.event_outbox')
  const kept = new Set(rows.map(row => Number(row.id)))
  expect([...done.committed].filter(id => !kept.has(id))).toEqual([])
  expect(kept.size).toBe(done.committed.size + others)
}
