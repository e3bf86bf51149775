import { execFile } from 'node:child_process'
import { lstat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { EmbeddedError } from './errors.ts'

const NAME = 'postgres'

/** The user and group the server runs as; undefined means those of this process. */
export type Account = { uid: number, gid: number } | undefined

/** What a finished command printed. */
export interface Output {
  stdout: string
  stderr: string
}

/**
 * Runs a command as `account`, with an environment of our own making: no PG* variable, LD_LIBRARY_PATH or
 * locale of the user reaches PostgreSQL. Rejects with execFile's error (`code`, `stdout`, `stderr`) when it fails.
 */
export function run(account: Account, command: string, args: string[], cwd = '/'): Promise<Output> {
  const { PATH, SystemRoot, TEMP } = process.env
  const env = { LC_ALL: 'C', TZ: 'UTC', PATH, SystemRoot, TEMP }
  // PostgreSQL asks for its working folder, and ours may be closed to that account.
  return promisify(execFile)(command, args, { ...account, env, cwd })
}

/**
 * The account for the data folder `data`. PostgreSQL refuses to run as root, so root gives it to the owner of an
 * existing folder, else to the system user `postgres`, made when missing.
 * Throws EmbeddedError when the folder belongs to somebody else or the user cannot be made.
 */
export async function accountFor(data: string): Promise<Account> {
  const me = process.getuid?.()
  if (me === undefined) return undefined
  const owner = await lstat(data).catch(() => undefined)
  if (me !== 0) {
    if (owner && owner.uid !== me) throw foreign(data, owner.uid)
    return undefined
  }
  if (owner?.isDirectory() && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  return (await systemUser()) ?? makeSystemUser()
}

/** The error for a file or folder of another user that this process needs. */
export function foreign(path: string, owner: number): EmbeddedError {
  const me = process.getuid?.()
  return new EmbeddedError(
    `${path} belongs to user ${owner} and cannot be used by this process (user ${me}): `
    + `run as that user, hand it over with "sudo chown -R ${me} ${path}", or set DATABASE_URL`,
  )
}

/** Whether `account` can enter `folder`: every folder on the way must let it pass. */
export async function canEnter(account: Account, folder: string): Promise<boolean> {
  if (!account) return true
  return run(account, '/bin/sh', ['-c', 'cd -- "$0"', folder]).then(() => true, () => false)
}

async function systemUser(): Promise<Account> {
  try {
    const [uid, gid] = await Promise.all(['-u', '-g'].map(async flag => Number((await run(undefined, 'id', [flag, NAME])).stdout)))
    return { uid: uid!, gid: gid! }
  }
  catch {
    return undefined
  }
}

async function makeSystemUser(): Promise<Account> {
  const command = `useradd --system --no-create-home --user-group --shell /bin/false ${NAME}`
  try {
    const [file, ...args] = command.split(' ')
    await run(undefined, file!, args)
  }
  catch {
    // Another process may have made it meanwhile: what counts is whether it is there.
  }
  const made = await systemUser()
  if (made) return made
  throw new EmbeddedError(
    `PostgreSQL refuses to run as root and there is no user "${NAME}": make one with "${command}", `
    + 'run as an ordinary user, or set DATABASE_URL',
  )
}
