/** What the specs of the embedded server share: folders that go away, processes that can be killed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import pg from 'pg'
import { onTestFinished } from 'vitest'
import { isAlive } from '../../../server/embedded/lock.ts'

/** Whether the specs run as root, for whom much is different. */
export const root = process.getuid?.() === 0

/** A new folder in the system's temporary one, removed with all it points to when the test is over. */
export async function temporary(mode = 0o755): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'iu-embedded-'))
  await chmod(folder, mode)
  onTestFinished(async () => {
    const data = join(folder, 'postgres')
    const pid = await postmaster(folder)
    // Only a failed test leaves a server.
    if (pid && await isAlive(pid)) process.kill(pid, 'SIGKILL')
    const elsewhere = await readlink(data).catch(() => undefined)
    for (const path of [elsewhere, folder]) if (path) await rm(path, { recursive: true, force: true, maxRetries: 5 })
  })
  return folder
}

/** The pid in `postmaster.pid` of a folder's cluster, if there is one. */
export async function postmaster(folder: string): Promise<number | undefined> {
  const text = await readFile(join(folder, 'postgres/postmaster.pid'), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : Number(text.split('\n')[0])
}

/** Runs statements on a connection of its own; returns the rows of the last. */
export async function ask(url: string, ...statements: string[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    let rows: Record<string, unknown>[] = []
    for (const statement of statements) ({ rows } = await client.query<Record<string, unknown>>(statement))
    return rows
  }
  finally {
    await client.end()
  }
}

export interface Opener {
  adminUrl: string
  port: number
  started: boolean
  steps: string[]
  /** Lets it release the server and waits for its end; the exit code. */
  leave(): Promise<number>
  /** kill -9, and waits for its end. */
  kill(): Promise<void>
}

/** Starts a process that opens the server of `folder`; see opener.ts. */
export async function opener(folder: string): Promise<Opener> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'opener.ts'), folder], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exit = once(child, 'exit')
  onTestFinished(() => void child.kill('SIGKILL'))
  const line = await Promise.race([
    once(createInterface(child.stdout), 'line').then(([text]) => text as string),
    exit.then(([code]) => Promise.reject(new Error(`the opener ended with ${code}`))),
  ])
  return {
    ...JSON.parse(line) as Pick<Opener, 'adminUrl' | 'port' | 'started' | 'steps'>,
    async leave() {
      child.stdin.end()
      return (await exit)[0] as number
    },
    async kill() {
      child.kill('SIGKILL')
      await exit
    },
  }
}
