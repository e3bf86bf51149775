import { spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LOOPBACK } from '../../shared/loopback.ts'
import { withLock } from '../embedded/index.ts'
import { ROOT } from './database.ts'
import { Refusal } from './report.ts'

const SOURCES = ['app', 'server', 'shared', 'drizzle/schema', 'drizzle/migrations', 'public', 'nuxt.config.ts', 'package.json', 'package-lock.json']
const STAMP = join(ROOT, '.output/iu-sources.sha256')
const SERVER = join(ROOT, '.output/server/index.mjs')
/** Beside what is built, whichever data it serves. */
const BUILD = join(ROOT, 'node_modules/.cache/iu')
/** Only a hang is ended by it: a machine that does other work as well may take minutes. */
const READY_MS = 300_000

/** SHA-256 over the path and content of everything that the build reads. */
export function sourcesDigest(): string {
  const hash = createHash('sha256')
  const add = (path: string) => {
    const full = join(ROOT, path)
    if (!existsSync(full)) return
    if (statSync(full).isDirectory()) return readdirSync(full).sort().forEach(entry => add(`${path}/${entry}`))
    hash.update(`${path}\0`).update(readFileSync(full)).update('\0')
  }
  SOURCES.forEach(add)
  return hash.digest('hex')
}

/**
 * Builds the console unless the last build is of these very sources. What the build says goes to
 * `node_modules/.cache/iu/build.log`. The signal stops it. @returns whether it had to build. @throws {Refusal} that names the log.
 */
export async function buildConsole(onTick: (seconds: number) => unknown, signal?: AbortSignal): Promise<boolean> {
  mkdirSync(BUILD, { recursive: true })
  // Two builds at once would write into one folder.
  return withLock(join(BUILD, 'build.lock'), async () => {
    const digest = sourcesDigest()
    if (existsSync(SERVER) && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === digest) return false
    await build(onTick, signal)
    if (signal?.aborted) return false
    writeFileSync(STAMP, digest)
    return true
  })
}

async function build(onTick: (seconds: number) => unknown, signal?: AbortSignal): Promise<void> {
  const path = join(BUILD, 'build.log')
  const log = createWriteStream(path)
  const nuxt = spawn(process.execPath, [join(ROOT, 'node_modules/nuxt/bin/nuxt.mjs'), 'build'], { cwd: ROOT, env: { ...process.env, NODE_ENV: 'production' }, stdio: ['ignore', 'pipe', 'pipe'] })
  nuxt.stdout.pipe(log, { end: false })
  nuxt.stderr.pipe(log, { end: false })
  const started = performance.now()
  const ticker = setInterval(() => onTick((performance.now() - started) / 1000), 1000)
  const stop = () => nuxt.kill('SIGTERM')
  signal?.addEventListener('abort', stop, { once: true })
  const status = await new Promise(resolve => nuxt.once('close', code => resolve(code)))
  signal?.removeEventListener('abort', stop)
  clearInterval(ticker)
  log.end()
  if (status !== 0 && !signal?.aborted) throw new Refusal(`the console could not be built; see ${path}`, 1)
}

/** `wanted` if it is free on loopback, else a port that is. */
export async function freePort(wanted: number): Promise<number> {
  const listen = (port: number) => new Promise<number>((resolve, reject) => {
    const probe = createServer().once('error', reject).listen(port, LOOPBACK, () => {
      const { port: got } = probe.address() as { port: number }
      probe.close(() => resolve(got))
    })
  })
  return listen(wanted).catch(() => listen(0))
}

/**
 * Starts the built console, which ends with this process, and resolves when it answers; with `workerUrl` it can run the
 * schedule. @throws {Refusal} when it does not answer.
 */
export async function startConsole(databaseUrl: string, port: number, sessionPassword: string, workerUrl?: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [SERVER], {
    cwd: ROOT,
    env: { ...withoutTargets(), NUXT_DATABASE_URL: databaseUrl, NUXT_WORKER_DATABASE_URL: workerUrl, NUXT_SESSION_PASSWORD: sessionPassword, NITRO_HOST: LOOPBACK, NITRO_PORT: String(port), NODE_ENV: 'production' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const deadline = performance.now() + READY_MS
  for (;;) {
    if (child.exitCode !== null) throw new Refusal(`the console ended with status ${child.exitCode}`, 1)
    const isReady = await fetch(`http://${LOOPBACK}:${port}/api/health/live`).then(response => response.ok, () => false)
    if (isReady) return child
    if (performance.now() > deadline) {
      child.kill()
      throw new Refusal(`the console did not answer within ${READY_MS / 1000} s`, 1)
    }
    await sleep(100)
  }
}

/** Our environment for a child process that is given its target: nothing in it names another one, or changes how it is reached. */
export const withoutTargets = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^PG|^(?:NUXT_(?:WORKER_)?)?DATABASE_URL$/.test(name)))

/** Ends a child process and waits until it is gone. */
export async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}
