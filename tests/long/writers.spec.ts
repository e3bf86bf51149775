import pg from 'pg'
import { expect, inject, onTestFinished, test } from 'vitest'
import { setTimeout as sleep } from 'node:timers/promises'
import { accounting, drain, emit, expectWhole, openDatabase } from '../db/world.ts'
import { expectKept, expectOrder, makeCounters, startCounted } from './counted.ts'
import { kill, seconds, startWorker, untilGone, untilRouting } from './programs.ts'

const SECONDS = seconds(120)
const SUBJECTS = 200

test(`16 writers for ${SECONDS} s, beside transactions that stay open, lose, double and disorder nothing, and nobody waits for a stranger`, async () => {
  const db = await openDatabase()
  onTestFinished(() => db.drop())
  await makeCounters(db.pool, SUBJECTS)
  // One that writes here, and one in another database of the cluster: both older than all that follows.
  const [here, elsewhere] = [await db.connect(), new pg.Client(inject('server').adminUrl)]
  await elsewhere.connect()
  onTestFinished(() => elsewhere.end())
  await here.query('BEGIN')
  await emit(here, 'late')
  await elsewhere.query('BEGIN')
  await elsewhere.query('SELECT pg_current_xact_id()')

  const writers = startCounted(db.url, 16, { subjects: SUBJECTS, delayMs: 20 })
  const worker = startWorker(db.url)
  const until = Date.now() + SECONDS * 1000
  let looks = 0
  while (Date.now() < until) {
    await untilRouting(db.pool)
    expect(await accounting(db.pool)).toMatchObject({ unexplained: 0 })
    looks += 1
    await sleep(Math.min(2000, Math.max(0, until - Date.now())))
  }
  await writers.stop()
  // All that was committed is routed while the strangers are still there.
  await expect.poll(async () => (await accounting(db.pool)).not_yet_routed).toBe(0)
  await expectKept(db.pool, writers)
  const before = await accounting(db.pool)
  await elsewhere.query('ROLLBACK')
  await emit(here, 'late')
  await here.query('COMMIT')
  await kill(worker)
  await untilGone(db.pool)
  await drain(db.pool)

  expect((await accounting(db.pool)).attempted).toBe(before.attempted + 2)
  await expectKept(db.pool, writers, 2)
  await expectWhole(db.pool)
  await expectOrder(db.pool)
  const { committed, aborted, savepoints } = writers.done
  console.log(`${committed.size} events committed, ${aborted} transactions rolled back, ${savepoints} savepoints, looked at ${looks} times`)
  expect(Math.min(committed.size / 100, aborted, savepoints, looks)).toBeGreaterThan(Math.min(10, SECONDS / 5))
})
