/**
 * `node tests/e2e/serve.ts [COMMAND [ARGUMENT…]]` makes the world that the page specs look at: a PostgreSQL in a
 * temporary folder, the demo's data and more documents, the worker's passes, and the built console on a free
 * port. It runs the command with IU_E2E_URL, IU_E2E_DATABASE_URL (superuser) and IU_CHROMIUM, and ends with its
 * status; without a command it serves until Ctrl-C. Nothing of it stays.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { buildConsole, endChild, freePort, startConsole } from '../../server/cli/console.ts'
import { within } from '../../server/cli/database.ts'
import { stopSignal } from '../../server/cli/signals.ts'
import { addPeople } from './support/accounts.ts'
import { findBrowser } from './support/browser.ts'
import { revised, REVISED, writeDocuments } from './support/documents.ts'

const ROOT = join(import.meta.dirname, '../..')
const OPENER = join(ROOT, 'tests/db/embedded/opener.ts')
const IU = join(ROOT, 'server/cli/iu.ts')

const signal = stopSignal()
const tell = (message: string): void => console.error(`  ${message}`)

/** Runs a program to its end, or to the signal; its exit status. */
async function run(command: string, args: string[], env: NodeJS.ProcessEnv, stdout: 'inherit' | 'ignore' = 'inherit'): Promise<number> {
  if (signal.aborted) return 1
  const child = spawn(command, args, { cwd: ROOT, env: { ...process.env, ...env }, stdio: ['ignore', stdout, 'inherit'] })
  const stop = () => child.kill('SIGTERM')
  signal.addEventListener('abort', stop)
  const [status] = await once(child, 'exit') as [number | null]
  signal.removeEventListener('abort', stop)
  return status ?? 1
}

/** Opens PostgreSQL through a process that ends with its input, hence with this process, and removes the folder then. */
async function openDatabase(directory: string): Promise<{ adminUrl: string, stop: () => Promise<void> }> {
  // Detached, or the Ctrl-C that ends this process would end it as well.
  const holder = spawn(process.execPath, [OPENER, directory, JSON.stringify({ remove: true, settings: { fsync: 'off' } })], { stdio: ['pipe', 'pipe', 'inherit'], detached: true })
  const exit = once(holder, 'exit')
  const line = await Promise.race([once(createInterface(holder.stdout), 'line'), exit.then(() => Promise.reject(new Error('PostgreSQL did not start')))])
  return {
    ...JSON.parse(line[0] as string) as { adminUrl: string },
    stop: async () => {
      holder.stdin.end()
      await exit
    },
  }
}

/** Fills the database as `iu demo` does, and with the documents of the specs. */
async function seed(directory: string): Promise<void> {
  const iu = async (...args: string[]) => {
    const status = await run(process.execPath, [IU, ...args], { IU_DATA: directory, DATABASE_URL: undefined }, 'ignore')
    if (status !== 0) throw new Error(`iu ${args.join(' ')} ended with status ${status}`)
  }
  const documents = mkdtempSync(join(tmpdir(), 'iu-e2e-documents-'))
  try {
    await iu('demo', '--no-serve')
    writeDocuments(documents)
    await iu('import', documents)
    writeFileSync(join(documents, REVISED), revised('second'))
    await iu('import', documents)
    await iu('worker', '--drain')
  }
  finally {
    rmSync(documents, { recursive: true })
  }
}

/** The product's database, as the console's login. */
async function consoleUrl(databaseUrl: string): Promise<string> {
  const url = new URL(databaseUrl)
  url.username = 'iu_console'
  url.password = randomBytes(12).toString('hex')
  await within(databaseUrl, client => client.query(`ALTER ROLE iu_console PASSWORD '${url.password}'`))
  return url.href
}

async function main(): Promise<number> {
  const [command, ...args] = process.argv.slice(2)
  const browser = command ? await findBrowser(tell) : undefined
  if (await buildConsole(() => {})) tell('built the console')
  const directory = mkdtempSync(join(tmpdir(), 'iu-e2e-'))
  // Root's server runs as another user, who must get in.
  chmodSync(directory, 0o755)
  const database = await openDatabase(directory)
  let server: ChildProcess | undefined
  try {
    await seed(directory)
    const databaseUrl = new URL(database.adminUrl)
    databaseUrl.pathname = 'iu_core'
    await within(databaseUrl.href, addPeople)
    const port = await freePort(0)
    server = await startConsole(await consoleUrl(databaseUrl.href), port, randomBytes(32).toString('hex'))
    const url = `http://127.0.0.1:${port}`
    tell(`the console is at ${url}`)
    if (command) return await run(command, args, { IU_E2E_URL: url, IU_E2E_DATABASE_URL: databaseUrl.href, IU_CHROMIUM: browser, PATH: `${join(ROOT, 'node_modules/.bin')}${delimiter}${process.env.PATH}` })
    if (!signal.aborted) await once(signal, 'abort')
    return 0
  }
  catch (error) {
    // What was under way when the signal came failed because of it.
    if (signal.aborted) return 1
    throw error
  }
  finally {
    if (server) await endChild(server)
    await database.stop()
  }
}

process.exitCode = await main()
