import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { RefusedCommand } from '../commands/carry.ts'
import { makeFolder } from '../embedded/folder.ts'
import { DATA } from './database.ts'
import { note, Refusal, say } from './report.ts'

/** The first line of standard input. */
export const passwordFromInput = (): string => readFileSync(0, 'utf8').split('\n')[0]!.replace(/\r$/, '')

/**
 * Hands over a password that was made here, when `commit` has made it hold: shown once on a terminal, else in a file that
 * its owner alone may read. Never both, and never to a log. The file stands, with the password on the disk, before anything
 * is committed: else nobody might know it. @throws {Refusal} where it cannot; nothing was changed then
 */
export async function handOver<T>(account: string, password: string, commit: () => Promise<T>): Promise<T> {
  const place = process.stdout.isTTY ? terminal(account, password) : await fileFor(account, password)
  try {
    const done = await commit()
    await place.give()
    return done
  }
  catch (error) {
    // Refused, it does not hold. Of any other fault, such as a connection that broke, nobody knows.
    const isRefused = error instanceof RefusedCommand && error.receipt.mode !== 'verify'
    if (isRefused) await place.drop()
    else await place.give('It is not certain that it was set: ')
    throw error
  }
}

interface Place { give: (doubt?: string) => Promise<void>, drop: () => Promise<void> }

function terminal(account: string, password: string): Place {
  return {
    give: async (doubt = '') => say(`\n  account   ${account}\n  password  ${password}\n\n  ${doubt}It is shown this once.\n`),
    drop: async () => {},
  }
}

async function fileFor(account: string, password: string): Promise<Place> {
  const file = join(DATA, `${account}-password`)
  const draft = `${file}.${randomBytes(4).toString('hex')}`
  try {
    makeFolder(DATA)
    await write(draft, `${password}\n`)
  }
  catch (error) {
    throw new Refusal(`nothing was changed: the password of ${account} has no place to go, ${file} cannot be written (${(error as NodeJS.ErrnoException).code}); set IU_DATA to a folder that you may write, give a password with --password-stdin, or run this on a terminal`)
  }
  return {
    async give(doubt = '') {
      const at = await rename(draft, file).then(() => file, () => draft)
      note(`${doubt}the password of ${account} is in ${at}`)
    },
    drop: () => rm(draft, { force: true }),
  }
}

/** Writes a new file, through to the disk; where that fails there is none. */
async function write(path: string, text: string): Promise<void> {
  const handle = await open(path, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  }
  catch (error) {
    await rm(path, { force: true })
    throw error
  }
  finally {
    await handle.close()
  }
}
