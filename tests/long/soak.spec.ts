import type { ChildProcess } from 'node:child_process'
import { chmod, mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { bootstrap, deploy } from '../../server/deploy/index.ts'
import { openEmbedded } from '../../server/embedded/index.ts'
import { accounting, drain, expectWhole, furnish, WORKER } from '../db/world.ts'
import { below, startLoad } from './load.ts'
import { eventsSeen, kill, seconds, startWorker, untilGone, untilRouting } from './programs.ts'

const SECONDS = seconds(300)
/** Between two kills, at most. */
const PAUSE_MS = 4000

test(`${SECONDS} s at full load, workers and PostgreSQL killed every few seconds, end with every event accounted for, once`, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'iu-soak-'))
  await chmod(directory, 0o755)
  const open = () => openEmbedded({ directory })
  const servers = [await open()]
  let data = join(directory, 'postgres')
  onTestFinished(async () => {
    for (const server of servers) await server.release()
    for (const folder of [data, directory]) await rm(folder, { recursive: true, force: true })
  })
  data = await realpath(data)
  const url = new URL(servers[0]!.adminUrl)
  const admin = new pg.Client(url.href)
  await admin.connect()
  await admin.query('CREATE DATABASE soak')
  await admin.end()
  url.pathname = 'soak'
  const first = new pg.Client(url.href)
  await first.connect()
  await bootstrap(first)
  await deploy(first)
  await furnish(first)
  for (const [at, code] of [[8, 'upper'], [4, 'middle']] as const) await first.query('SELECT iu_core.fn_iu_cursor_split($1, $2, $3)', [WORKER, at, code])
  await first.end()

  const pool = new pg.Pool({ connectionString: url.href, max: 2 })
  pool.on('error', () => {})
  onTestFinished(() => pool.end())
  const load = startLoad(url.href, 4, 3)
  const workers: ChildProcess[] = [startWorker(url.href), startWorker(url.href)]
  const killed = { workers: 0, immediate: 0, postmasters: 0 }
  const until = Date.now() + SECONDS * 1000
  while (Date.now() < until) {
    // Each kill meets work that is under way.
    await untilRouting(pool)
    await sleep(below(PAUSE_MS))
    if (below(3) > 0) {
      const at = below(workers.length)
      await kill(workers[at]!)
      workers[at] = startWorker(url.href)
      killed.workers += 1
      continue
    }
    const isImmediate = below(3) > 0
    const pid = Number((await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')[0])
    process.kill(pid, isImmediate ? 'SIGQUIT' : 'SIGKILL')
    killed[isImmediate ? 'immediate' : 'postmasters'] += 1
    await expect.poll(() => isRunning(pid)).toBe(false)
    servers.push(await open())
    // Whoever reconnects knows the old address only.
    expect(servers.at(-1)!.port).toBe(servers[0]!.port)
    expect(await accounting(pool)).toMatchObject({ unexplained: 0 })
  }
  await untilRouting(pool)
  await load.stop()
  for (const worker of workers) await kill(worker)
  await untilGone(pool)
  for (const worker of [WORKER, 'middle', 'upper']) await drain(pool, 5000, worker)

  await expectWhole(pool)
  await load.expectKept(pool)
  // No first attempt twice, and each event seen once: by the attempts, by the cursors and by the passes on record.
  const { rows: [counted] } = await pool.query(`
    SELECT (SELECT count(*)::int FROM iu_core.event_outbox) AS events, (SELECT count(DISTINCT event_id)::int FROM iu_core.iu_route_attempt) AS attempted,
           (SELECT sum(seen)::int FROM iu_core.iu_route_worker_run) AS passes, (SELECT sum(attempts_written)::int FROM iu_core.iu_route_worker_run) AS written,
           (SELECT count(*)::int FROM iu_core.iu_route_attempt) AS attempts, (SELECT sum(attempts)::int FROM iu_core.v_iu_route_attempt_summary) AS counted`)
  console.log(`${JSON.stringify(killed)}, ${load.acknowledged()} events acknowledged, ${counted.events} written, ${counted.attempts} attempts`)
  expect(counted).toEqual({ events: counted.events, attempted: counted.events, passes: counted.events, written: counted.attempts, attempts: counted.attempts, counted: counted.attempts })
  expect(await eventsSeen(pool)).toBe(counted.events)
  expect(counted.events).toBeGreaterThan(SECONDS * 20)
  expect(killed.workers).toBeGreaterThan(SECONDS / 20)
  expect(killed.immediate + killed.postmasters).toBeGreaterThan(SECONDS / 40)
})

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  }
  catch (error) {
    if ((error as { code?: string }).code === 'ESRCH') return false
    throw error
  }
}
