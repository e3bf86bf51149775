import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { carry, RefusedCommand } from '../../server/commands/carry.ts'
import { accounting, drain, expectWhole, openDatabase, setGate } from '../db/world.ts'
import { expectKept, expectOrder, makeCounters, startCounted } from './counted.ts'
import { below } from './load.ts'
import { eventsSeen, kill, seconds, startWorker, untilGone } from './programs.ts'

const SECONDS = seconds(60)
const SUBJECTS = 200

test(`splitting and joining at random for ${SECONDS} s under full load loses, doubles and disorders nothing`, async () => {
  const db = await openDatabase()
  onTestFinished(() => db.drop())
  await setGate(db.pool, 'operator_runtime_enabled', true)
  await makeCounters(db.pool, SUBJECTS)
  const writers = startCounted(db.url, 12, { subjects: SUBJECTS, delayMs: 4 })
  const processes = [startWorker(db.url), startWorker(db.url), startWorker(db.url)]
  await expect.poll(() => eventsSeen(db.pool)).toBeGreaterThan(0)

  const done = { splits: 0, joins: 0, again: 0, most: 1 }
  const until = Date.now() + SECONDS * 1000
  for (let turn = 0; Date.now() < until; turn++) {
    const { rows } = await db.pool.query<{ code: string, first: number, last: number }>('SELECT worker_code AS code, bucket_from AS first, bucket_to AS last FROM iu_core.v_iu_worker_cursor ORDER BY bucket_from')
    done.most = Math.max(done.most, rows.length)
    const wide = rows.filter(({ first, last }) => first < last)
    const seen = await eventsSeen(db.pool)
    if (rows.length === 1 || (wide.length > 0 && below(2))) {
      const { code, first, last } = wide[below(wide.length)]!
      await carry(db.pool, 'dot_iu_split_cursor', { worker: code, bucket: first + 1 + below(last - first), new_worker: `w${turn}`, new_part: below(2) ? 'upper' : 'lower' }, { reason: 'a test' })
      done.splits += 1
    }
    else {
      const at = below(rows.length - 1)
      const [worker, joined] = below(2) ? [rows[at]!.code, rows[at + 1]!.code] : [rows[at + 1]!.code, rows[at]!.code]
      const { receipt } = await carry(db.pool, 'dot_iu_join_cursors', { worker, joined }, { reason: 'a test' }).catch((error: unknown) => {
        throw error instanceof RefusedCommand ? new Error(JSON.stringify(error.receipt)) : error
      })
      done.joins += 1
      if ((receipt.result as { reads_again: string }).reads_again !== 'nothing') done.again += 1
    }
    // It went on meanwhile: the work was under way.
    await expect.poll(() => eventsSeen(db.pool)).toBeGreaterThan(seen)
    if (turn % 20 === 0) expect(await accounting(db.pool)).toMatchObject({ unexplained: 0 })
    await sleep(below(200))
  }
  await writers.stop()
  for (const child of processes) await kill(child)
  await untilGone(db.pool)
  const { rows: workers } = await db.pool.query<{ code: string }>('SELECT worker_code AS code FROM iu_core.v_iu_worker_cursor')
  for (const { code } of workers) await drain(db.pool, 1000, code)

  await expectKept(db.pool, writers)
  await expectWhole(db.pool)
  await expectOrder(db.pool)
  console.log(`${writers.done.committed.size} events; ${done.splits} splits, ${done.joins} joins (${done.again} read something again), at most ${done.most} workers`)
  expect(Math.min(done.splits, done.joins)).toBeGreaterThan(Math.min(10, SECONDS / 4))
  expect(done.most).toBeGreaterThan(2)
})
