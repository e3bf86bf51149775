import { afterAll, beforeAll, expect, test } from 'vitest'
import { pollWorker } from '../../../server/worker/poll.ts'
import type { TestDatabase } from '../harness.ts'
import { emit, expectWhole, openDatabase, WORKER } from '../world.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await openDatabase()
})
afterAll(() => db.drop())

test('an event whose judgement would last for ever ends no worker: it is dead-lettered, and all others are decided', async () => {
  // As a pattern would that nobody thought of.
  await db.pool.query(`CREATE OR REPLACE FUNCTION iu_core.fn_iu_payload_problems(p_payload jsonb, p_schema jsonb, p_path text DEFAULT '$') RETURNS text[] LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, iu_core, pg_temp
    AS $$ BEGIN WHILE p_payload ? 'slow' LOOP END LOOP; RETURN '{"$: bad"}'; END $$`)
  const ids: number[] = []
  for (const payload of [{ n: 1 }, { n: 0 }, { slow: 1 }, { n: 2 }, { n: 0 }, { n: 3 }]) ids.push(await emit(db.pool, `s${ids.length}`, payload, 'app.strict'))
  const met: string[] = []
  const total = await pollWorker({
    workerCode: WORKER, batchSize: 100, pollMs: 1, until: 'drain', signal: new AbortController().signal,
    connect: async () => {
      const client = await db.connect()
      await client.query(`SET statement_timeout = '5s'`)
      return client
    },
    onLost: error => met.push((error as { code?: string }).code ?? error.message),
  })
  expect(total).toMatchObject({ seen: 6, dead_lettered: 3 })
  expect(met).toEqual(['57014'])
  const { rows } = await db.pool.query('SELECT event_id::int AS id, coalesce(failure_code, status) AS what FROM iu_core.iu_route_attempt ORDER BY event_id')
  expect(rows).toEqual(['dry_run', 'payload_schema', 'cannot_be_judged', 'dry_run', 'payload_schema', 'dry_run'].map((what, index) => ({ id: ids[index], what })))
  await expectWhole(db.pool)
}, 300_000)
