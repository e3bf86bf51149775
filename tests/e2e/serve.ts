/**
 * `node tests/e2e/serve.ts [COMMAND [ARGUMENT…]]` makes the worlds that the page specs look at: a PostgreSQL in a
 * temporary folder, the demo's data and more documents, the worker's passes, and the built console on a free
 * port; and all of it again for each further worker of Playwright, because a spec that closes a gate closes it
 * for its whole world. It runs the command with IU_E2E_URLS (a console for each worker), IU_E2E_DATABASE_URL
 * (superuser) and IU_CHROMIUM, and ends with its status; without a command it serves one world until Ctrl-C.
 * Nothing of it stays.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { buildConsole, endChild, freePort, startConsole } from '../../server/cli/console.ts'
import { within } from '../../server/cli/database.ts'
import { stopSignal } from '../../server/cli/signals.ts'
import { bootstrap } from '../../server/deploy/index.ts'
import { openTemporary } from '../db/embedded/temporary.ts'
import { addPeople, enterLogins } from './support/accounts.ts'
import { findBrowser } from './support/browser.ts'
import { revised, REVISED, writeDocuments } from './support/documents.ts'

const ROOT = join(import.meta.dirname, '../..')
const IU = join(ROOT, 'server/cli/iu.ts')

/** Worlds, and workers of Playwright: as many as the machines have cores that the tests are made for. */
const WORLDS = 2

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

/** The logins of consoles and workers. They belong to the whole cluster, and each database knows them from the beginning. */
const LOGIN = { username: 'spec_console', password: randomBytes(12).toString('hex') }
const WORKER = { username: 'spec_worker', password: LOGIN.password }

/** Seeds the first world and copies it for the others; the URLs of their databases, as the superuser. */
async function makeDatabases(adminUrl: string, directory: string, count: number): Promise<URL[]> {
  const named = (name: string) => Object.assign(new URL(adminUrl), { pathname: name })
  await seed(directory)
  const first = named('iu_core')
  await within(first.href, async (client) => {
    await client.query(`CREATE ROLE ${LOGIN.username} LOGIN PASSWORD '${LOGIN.password}' IN ROLE iu_console`)
    await client.query(`CREATE ROLE ${WORKER.username} LOGIN PASSWORD '${WORKER.password}' IN ROLE iu_worker`)
    await enterLogins(client)
    await addPeople(client)
  })
  const others = Array.from({ length: count - 1 }, (_, index) => `iu_core_${index + 2}`)
  for (const name of others) {
    await within(adminUrl, client => client.query(`CREATE DATABASE ${name} TEMPLATE iu_core`))
    // What belongs to a database as a whole (its grants and settings) is not copied with it.
    await within(named(name).href, bootstrap)
  }
  return [first, ...others.map(named)]
}

async function main(): Promise<number> {
  const [command, ...args] = process.argv.slice(2)
  const browser = command ? await findBrowser(tell) : undefined
  if (await buildConsole(() => {})) tell('built the console')
  const database = await openTemporary('e2e', { lasts: false })
  const servers: ChildProcess[] = []
  try {
    const databases = await makeDatabases(database.adminUrl, database.directory, command ? WORLDS : 1)
    const urls: string[] = []
    for (const url of databases) {
      const port = await freePort(0)
      servers.push(await startConsole(Object.assign(new URL(url), LOGIN).href, port, randomBytes(32).toString('hex'), Object.assign(new URL(url), WORKER).href))
      urls.push(`http://127.0.0.1:${port}`)
      tell(`a console is at ${urls.at(-1)}`)
    }
    if (command) return await run(command, args, { IU_E2E_URLS: urls.join(' '), IU_E2E_DATABASE_URL: databases[0]!.href, IU_E2E_CONSOLE_URL: Object.assign(new URL(databases[0]!), LOGIN).href, IU_CHROMIUM: browser, PATH: `${join(ROOT, 'node_modules/.bin')}${delimiter}${process.env.PATH}` })
    if (!signal.aborted) await once(signal, 'abort')
    return 0
  }
  catch (error) {
    // What was under way when the signal came failed because of it.
    if (signal.aborted) return 1
    throw error
  }
  finally {
    await Promise.all(servers.map(endChild))
    await database.stop()
  }
}

process.exitCode = await main()
