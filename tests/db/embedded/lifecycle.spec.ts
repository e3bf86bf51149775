import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { openEmbedded } from '../../../server/embedded/index.ts'
import { isAlive } from '../../../server/embedded/lock.ts'
import { ask, opener, postmaster, root, temporary } from './world.ts'

const WRITE = 'CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)'
const READ = 'SELECT n FROM kept'

test('the first process makes and starts the server, the second attaches, the last one out stops it', async () => {
  const folder = await temporary()
  const steps: string[] = []
  const first = await openEmbedded({ directory: folder, onStep: message => steps.push(message) })
  expect(first).toMatchObject({ started: true, version: expect.stringMatching(/^18\.\d+$/) })
  expect(steps).toEqual(['creating the database cluster (first time only)', `starting PostgreSQL ${first.version} on 127.0.0.1:${first.port}`])
  const pid = (await postmaster(folder))!

  const second = await opener(folder)
  expect(second).toMatchObject({ started: false, port: first.port, adminUrl: first.adminUrl, steps: [] })
  const third = await openEmbedded({ directory: folder })
  expect(third.started).toBe(false)

  await first.release()
  await first.release()
  await third.release()
  expect(await isAlive(pid)).toBe(true)
  expect(await second.leave()).toBe(0)
  await gone(pid)
  expect(await postmaster(folder)).toBeUndefined()

  const again = await openEmbedded({ directory: folder })
  expect(again).toMatchObject({ started: true, port: first.port })
  await again.release()
})

test('processes that leave at the same moment leave no server behind', async () => {
  const folder = await temporary()
  const openers = await Promise.all([opener(folder), opener(folder), opener(folder)])
  expect(openers.filter(one => one.started)).toHaveLength(1)
  expect(new Set(openers.map(one => one.port)).size).toBe(1)
  expect(await Promise.all(openers.map(one => one.leave()))).toEqual([0, 0, 0])
  expect(await postmaster(folder)).toBeUndefined()
  expect((await readdir(folder)).sort()).toEqual(['postgres', 'secrets.json'])
})

test('a process that comes while the last one leaves is not cut off', async () => {
  const folder = await temporary()
  let held = await openEmbedded({ directory: folder })
  for (let turn = 0; turn < 5; turn++) {
    const [next] = await Promise.all([openEmbedded({ directory: folder }), held.release()])
    expect(await ask(next.adminUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
    held = next
  }
  await held.release()
})

test('a server whose process was killed is taken over by the next one', async () => {
  const folder = await temporary()
  const killed = await opener(folder)
  const pid = (await postmaster(folder))!
  await killed.kill()
  expect(await isAlive(pid)).toBe(true)

  const successor = await openEmbedded({ directory: folder })
  expect(successor).toMatchObject({ started: false, port: killed.port })
  await successor.release()
  await gone(pid)
})

test('after the server itself was killed, the next start recovers what was committed', async () => {
  const folder = await temporary()
  const first = await openEmbedded({ directory: folder })
  await ask(first.adminUrl, WRITE)
  process.kill((await postmaster(folder))!, 'SIGKILL')

  const second = await openEmbedded({ directory: folder })
  expect(second).toMatchObject({ started: true, adminUrl: first.adminUrl })
  expect(await ask(second.adminUrl, READ)).toEqual([{ n: 42 }])

  // The first process still holds it: its connection came back by itself.
  await expect.poll(() => keepers(second.adminUrl)).toBe(2)
  await second.release()
  expect(await ask(first.adminUrl, READ)).toEqual([{ n: 42 }])
  await first.release()
  expect(await postmaster(folder)).toBeUndefined()
})

test('a crashed backend, which costs every process its connection, costs none its hold', async () => {
  const folder = await temporary()
  const here = await openEmbedded({ directory: folder })
  const there = await opener(folder)
  const [backend] = await ask(here.adminUrl, `SELECT pid FROM pg_stat_activity WHERE application_name = 'iu_keeper' LIMIT 1`)
  process.kill(backend!.pid as number, 'SIGKILL')

  await expect.poll(() => keepers(here.adminUrl)).toBe(2)
  await here.release()
  expect(await ask(there.adminUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  await there.leave()
  expect(await postmaster(folder)).toBeUndefined()
})

test('a postmaster.pid whose pid now belongs to another process does not stop the start', async () => {
  const folder = await temporary()
  const first = await openEmbedded({ directory: folder })
  await first.release()
  const other = spawn('sleep', ['60'], root ? { uid: 65534, gid: 65534, cwd: '/' } : { cwd: '/' })
  onTestFinished(() => void other.kill())
  await writeFile(join(folder, 'postgres/postmaster.pid'), `${other.pid}\n${folder}/postgres\n0\n${first.port}\n\n127.0.0.1\n0 0\nready\n`)

  const second = await openEmbedded({ directory: folder })
  expect(second.started).toBe(true)
  await second.release()
  expect(await isAlive(other.pid!)).toBe(true)
})

test('a cluster of which the making was cut short is begun anew', async () => {
  const folder = await temporary()
  const half = join(folder, 'postgres.new-0badf00d')
  await mkdir(join(half, 'base/1'), { recursive: true })
  await writeFile(join(half, 'PG_VERSION'), '18\n')
  await writeFile(`${half}.password`, 'left behind')
  await symlink('/var/lib/iu-core/never-made', join(folder, 'postgres.new-1badf00d'))

  // And one killed for real, in the middle of initdb.
  const child = spawn(process.execPath, [join(import.meta.dirname, 'opener.ts'), folder], { stdio: 'ignore' })
  const exit = once(child, 'exit')
  await expect.poll(() => readdir(folder, { recursive: true }), { interval: 2 }).toContainEqual(expect.stringMatching(/^postgres\.new-(?!0bad).{8}\/\w/))
  // It goes no further; initdb, which it has begun, goes on by itself.
  child.kill('SIGSTOP')
  await expect.poll(async () => (await readdir(folder, { recursive: true })).filter(path => /^postgres\.new-(?!0bad).+\/base\/1$/.test(path)), { interval: 2 }).toHaveLength(1)
  child.kill('SIGKILL')
  await exit
  expect(await readdir(folder)).not.toContain('postgres')

  const server = await openEmbedded({ directory: folder })
  expect(server.started).toBe(true)
  expect(await ask(server.adminUrl, WRITE, READ)).toEqual([{ n: 42 }])
  await server.release()
  expect((await readdir(folder)).sort()).toEqual(['postgres', 'secrets.json'])
})

/** The server is stopped when its postmaster.pid goes; its process ends a moment later. */
async function gone(pid: number): Promise<void> {
  await expect.poll(() => isAlive(pid)).toBe(false)
}

async function keepers(url: string): Promise<unknown> {
  const [row] = await ask(url, `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'iu_keeper'`)
  return row!.n
}
