import { spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createWriteStream, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DATA, ROOT } from './database.ts'
import { Refusal } from './report.ts'

const SOURCES = ['app', 'server', 'shared', 'drizzle/schema', 'public', 'nuxt.config.ts', 'package.json', 'package-lock.json']
const STAMP = join(ROOT, '.output/iu-sources.sha256')
const SERVER = join(ROOT, '.output/server/index.mjs')
const READY_MS = 60_000

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
 * `.data/build.log`. @returns whether it had to build. @throws {Refusal} that names the log.
 */
export async function buildConsole(onTick: (seconds: number) => void): Promise<boolean> {
  const digest = sourcesDigest()
  if (existsSync(SERVER) && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === digest) return false
  mkdirSync(DATA, { recursive: true })
  const path = join(DATA, 'build.log')
  const log = createWriteStream(path)
  const build = spawn(process.execPath, [join(ROOT, 'node_modules/nuxt/bin/nuxt.mjs'), 'build'], { cwd: ROOT, env: { ...process.env, NODE_ENV: 'production' }, stdio: ['ignore', 'pipe', 'pipe'] })
  build.stdout.pipe(log, { end: false })
  build.stderr.pipe(log, { end: false })
  const started = performance.now()
  const ticker = setInterval(() => onTick((performance.now() - started) / 1000), 1000)
  const stop = () => build.kill('SIGTERM')
  process.once('exit', stop)
  const status = await new Promise(resolve => build.once('close', code => resolve(code)))
  process.removeListener('exit', stop)
  clearInterval(ticker)
  log.end()
  if (status !== 0) throw new Refusal(`the console could not be built; see ${path}`, 1)
  writeFileSync(STAMP, digest)
  return true
}

/** `wanted` if it is free on loopback, else a port that is. */
export async function freePort(wanted: number): Promise<number> {
  const listen = (port: number) => new Promise<number>((resolve, reject) => {
    const probe = createServer().once('error', reject).listen(port, '127.0.0.1', () => {
      const { port: got } = probe.address() as { port: number }
      probe.close(() => resolve(got))
    })
  })
  return listen(wanted).catch(() => listen(0))
}

/** Starts the built console, which ends with this process, and resolves when it answers. @throws {Refusal} when it does not. */
export async function startConsole(databaseUrl: string, port: number): Promise<ChildProcess> {
  const child = spawn(process.execPath, [SERVER], {
    cwd: ROOT,
    env: { ...process.env, DATABASE_URL: undefined, NUXT_DATABASE_URL: databaseUrl, NITRO_HOST: '127.0.0.1', NITRO_PORT: String(port), NODE_ENV: 'production' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const deadline = performance.now() + READY_MS
  for (;;) {
    if (child.exitCode !== null) throw new Refusal(`the console ended with status ${child.exitCode}`, 1)
    const isReady = await fetch(`http://127.0.0.1:${port}/api/health/ready`).then(response => response.ok, () => false)
    if (isReady) return child
    if (performance.now() > deadline) {
      child.kill()
      throw new Refusal(`the console did not answer within ${READY_MS / 1000} s`, 1)
    }
    await sleep(100)
  }
}
