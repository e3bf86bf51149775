import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ensureSecret, readSecret } from '../../../server/embedded/index.ts'
import { withLock } from '../../../server/embedded/lock.ts'
import { temporary } from './world.ts'

/** A pid that belonged to a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn('true')
  await once(child, 'exit')
  return child.pid!
}

test.each([
  ['a dead process', async () => ({ pid: await deadPid(), born: '', token: 'a1' })],
  ['a process whose pid was given to another', () => ({ pid: process.pid, born: 'an earlier boot/1', token: 'b2' })],
])('the lock left by %s is broken, and by one at a time', async (_, owner) => {
  const folder = await temporary()
  const path = join(folder, 'some.lock')
  await writeFile(path, JSON.stringify(await owner()))
  // One that died while breaking it has left its own lock, too.
  const { token } = JSON.parse(await readFile(path, 'utf8')) as { token: string }
  await writeFile(`${path}.${token}`, JSON.stringify({ pid: await deadPid(), born: '', token: 'c3' }))
  let inside = 0
  let most = 0
  await Promise.all(Array.from({ length: 20 }, () => withLock(path, async () => {
    most = Math.max(most, ++inside)
    await new Promise(setImmediate)
    inside--
  })))
  expect(most).toBe(1)
  expect(await readdir(folder)).toEqual([])
})

test('a lock that a power failure left empty is broken', async () => {
  const path = join(await temporary(), 'some.lock')
  await writeFile(path, '')
  expect(await withLock(path, async () => 'done')).toBe('done')
})

test('a lock is given back when the work fails, and those who wait are told for whom', async () => {
  const path = join(await temporary(), 'some.lock')
  await expect(withLock(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  const told: number[] = []
  await withLock(path, async () => {
    const waiting = withLock(path, async () => {}, pid => told.push(pid))
    await expect.poll(() => told).toEqual([process.pid])
    return { waiting }
  }).then(({ waiting }) => waiting)
  expect(told).toEqual([process.pid])
})

test('processes that ask for the same secrets at the same time get the same ones', async () => {
  const folder = await temporary()
  const module = join(import.meta.dirname, '../../../server/embedded/secrets.ts')
  const script = `import { ensureSecret } from ${JSON.stringify(module)}
    console.log(await Promise.all(['a', 'b'].map(name => ensureSecret(${JSON.stringify(folder)}, name))).then(all => all.join()))`
  const said = await Promise.all(Array.from({ length: 4 }, async () => {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    for await (const part of child.stdout) text += part
    return text.trim()
  }))
  expect(new Set(said).size).toBe(1)
  expect(said[0]).toBe([await readSecret(folder, 'a'), await readSecret(folder, 'b')].join())
  expect(await ensureSecret(folder, 'c', () => 'chosen')).toBe('chosen')
  expect(await readSecret(folder, 'nothing')).toBeUndefined()
  expect((await stat(join(folder, 'secrets.json'))).mode & 0o777).toBe(0o600)
  expect(await readdir(folder)).toEqual(['secrets.json'])
})
