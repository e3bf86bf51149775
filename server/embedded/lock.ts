import { randomBytes } from 'node:crypto'
import { link, readFile, rm, writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { codeOf, EmbeddedError } from './errors.ts'

const PATIENCE_MS = 180_000
const POLL_MS = 50

/** Who holds a lock: the process, told apart from a later one with the same pid, and this one holding. */
interface Owner {
  pid: number
  born: string
  token: string
}

/**
 * Runs `work` while no other process (and no other call in this one) holds the lock file `path`.
 *
 * A lock left by a dead process, or by one whose pid now belongs to another, is broken.
 * `onWait` is told once, with the pid of the owner, when the lock is not free.
 * Throws EmbeddedError when one owner holds the lock for three minutes.
 */
export async function withLock<T>(path: string, work: () => Promise<T>, onWait?: (pid: number) => void): Promise<T> {
  let deadline = 0
  let waitedFor: string | undefined
  let told = false
  while (!(await take(path))) {
    const owner = await ownerOf(path)
    if (!owner) continue
    if (!(await isAlive(owner.pid, owner.born))) {
      await breakLock(path, owner)
      continue
    }
    if (!told) onWait?.(owner.pid)
    told = true
    // Others may come before this one, and each does its work.
    if (owner.token !== waitedFor) deadline = Date.now() + PATIENCE_MS
    waitedFor = owner.token
    if (Date.now() > deadline) throw new EmbeddedError(`process ${owner.pid} has held ${path} for three minutes: end it and try again`)
    await delay(POLL_MS)
  }
  try {
    return await work()
  }
  finally {
    await rm(path, { force: true })
  }
}

/**
 * Whether process `pid` lives; with `born` (see `birthOf`), whether it is still that same process.
 * A zombie is dead. Where there is no /proc, only the pid is looked at.
 */
export async function isAlive(pid: number, born?: string): Promise<boolean> {
  if (!(pid > 0)) return false
  try {
    process.kill(pid, 0)
  }
  catch (error) {
    if (codeOf(error) === 'ESRCH') return false
  }
  const now = await birthOf(pid)
  if (now === 'zombie') return false
  return !now || !born || now === born
}

/** When a process began, as text that no later process repeats; '' where /proc does not tell. */
async function birthOf(pid: number): Promise<string> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The command name is in parentheses and may hold anything: the fields are counted after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? 'zombie' : `${boot.trim()}/${fields[19]}`
  }
  catch {
    return ''
  }
}

/** Tries to make the lock file. A hard link appears whole or not at all, and never replaces another. */
async function take(path: string): Promise<boolean> {
  const owner: Owner = { pid: process.pid, born: await birthOf(process.pid), token: randomBytes(8).toString('hex') }
  const draft = `${path}.${owner.token}.new`
  await writeFile(draft, JSON.stringify(owner))
  try {
    await link(draft, path)
    return true
  }
  catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
  finally {
    await rm(draft, { force: true })
  }
}

async function ownerOf(path: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Owner
  }
  catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    // The link was made after the text: only a power failure leaves a lock without it.
    if (error instanceof SyntaxError) return { pid: 0, born: '', token: 'unreadable' }
    throw error
  }
}

/**
 * Removes the lock of a dead owner. Two processes may find the same dead owner; the slower must not
 * remove the lock that the faster has since taken. So removing is itself done under a lock, named for
 * that one holding, and only while the file still is the one that was judged.
 */
async function breakLock(path: string, dead: Owner): Promise<void> {
  await withLock(`${path}.${dead.token}`, async () => {
    if ((await ownerOf(path))?.token === dead.token) await rm(path, { force: true })
  })
}
