import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, chmod, constants, mkdtemp, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { EmbeddedOptions } from '../../../server/embedded/index.ts'

export interface TemporaryServer {
  directory: string
  /** as the superuser, to the database `postgres` */
  adminUrl: string
  /** As in "18.4". */
  version: string
  /** Stops the server and removes its folder. */
  stop: () => Promise<void>
}

const MEMORY = '/dev/shm'
const ENOUGH = 4 * 1024 ** 3

/** Where files cost least: memory, where there is plenty; a disk's file system works hard on the databases that come and go. */
async function quickFolder(): Promise<string> {
  try {
    await access(MEMORY, constants.W_OK)
    const { bavail, bsize } = await statfs(MEMORY)
    return Math.min(bavail * bsize, process.availableMemory()) >= ENOUGH ? MEMORY : tmpdir()
  }
  catch {
    return tmpdir()
  }
}

/**
 * A PostgreSQL in a temporary folder (`lasts`: on disk), held by a process of its own: an interrupted run does not come to its end, but
 * that process sees its input end however this one dies, and stops the server and removes the folder then.
 * @throws {Error} when it does not start.
 */
export async function openTemporary(name: string, { lasts = true, ...options }: Omit<EmbeddedOptions, 'directory'> & { lasts?: boolean } = {}): Promise<TemporaryServer> {
  const directory = await mkdtemp(join(lasts ? tmpdir() : await quickFolder(), `iu-${name}-`))
  // Root's server runs as another user, who must get in.
  await chmod(directory, 0o755)
  // Detached, or the Ctrl-C that ends this process would end it as well.
  const holder = spawn(process.execPath, [join(import.meta.dirname, 'opener.ts'), directory, JSON.stringify({ ...options, remove: true })], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  })
  const exit = once(holder, 'exit')
  const stop = async (): Promise<void> => {
    holder.stdin.end()
    await exit
  }
  try {
    const line = await Promise.race([
      once(createInterface(holder.stdout), 'line').then(([text]) => text as string),
      exit.then(() => Promise.reject(new Error('PostgreSQL did not start'))),
    ])
    const { adminUrl, version } = JSON.parse(line) as Pick<TemporaryServer, 'adminUrl' | 'version'>
    return { directory, adminUrl, version, stop }
  }
  catch (error) {
    await stop()
    throw error
  }
}
