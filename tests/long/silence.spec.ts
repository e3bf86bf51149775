/** Connections fall silent at any moment under a console and workers that run: each is noticed and replaced, and nothing is lost or doubled. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { endChild, freePort, startConsole } from '../../server/cli/console.ts'
import { LOOPBACK } from '../../shared/loopback.ts'
import { silentProxy } from '../db/connections/silent-proxy.ts'
import { drain, expectWhole, openDatabase } from '../db/world.ts'
import { below, startLoad } from './load.ts'
import { eventsSeen, ROOT, seconds, startWorker, untilGone } from './programs.ts'

/** As long as a silence may last that begins in the middle of a pass. */
const NOTICED = { timeout: 240_000, interval: 200 }

beforeAll(async () => {
  const built = await access(join(ROOT, '.output/server/index.mjs')).then(() => true, () => false)
  if (built) return
  const build = spawn('npx', ['nuxt', 'build'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] })
  expect((await once(build, 'exit'))[0]).toBe(0)
}, 600_000)

test('connections that fall silent, old and new ones, cost an answer at most', async () => {
  const db = await openDatabase()
  onTestFinished(() => db.drop())
  const proxy = await silentProxy(db.url)
  onTestFinished(() => proxy.close())
  const load = startLoad(db.url, 1, 50)
  const workers = [startWorker(proxy.through(db.url)), startWorker(proxy.through(db.url))]
  const port = await freePort(0)
  const console_: ChildProcess = await startConsole(proxy.through(db.loginUrl('iu_console')), port, 'a secret of thirty-two characters')
  onTestFinished(() => endChild(console_))
  const isReady = () => fetch(`http://${LOOPBACK}:${port}/api/health/ready`).then(answer => answer.status, () => 0)
  await expect.poll(isReady, NOTICED).toBe(200)

  let silenced = 0
  for (const end = Date.now() + 1000 * seconds(240); Date.now() < end;) {
    await sleep(below(3000))
    const isHeld = below(3) === 0
    proxy.hold(isHeld)
    silenced += proxy.silence()
    if (isHeld) {
      await sleep(below(8000))
      proxy.hold(false)
    }
    await expect.poll(isReady, NOTICED).toBe(200)
    const before = await eventsSeen(db.pool)
    await expect.poll(() => eventsSeen(db.pool), NOTICED).toBeGreaterThan(before)
  }
  expect(silenced).toBeGreaterThan(3)
  await load.stop()
  for (const worker of workers) {
    expect([worker.exitCode, worker.signalCode]).toEqual([null, null])
    worker.kill('SIGTERM')
    await once(worker, 'exit')
  }
  await untilGone(db.pool)
  await drain(db.pool, 5000)
  await expectWhole(db.pool)
  await load.expectKept(db.pool)
})
