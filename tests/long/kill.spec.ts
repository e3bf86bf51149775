import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { access, chmod, mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { carry } from '../../server/commands/carry.ts'
import { hashPassword } from '../../server/commands/password.ts'
import { bootstrap, deploy } from '../../server/deploy/index.ts'
import { openEmbedded } from '../../server/embedded/index.ts'
import { accounting, drain, expectWhole, furnish, openDatabase, type Queryable } from '../db/world.ts'
import { below, startLoad } from './load.ts'
import { kill, ROOT, start, startWorker, untilGone, untilRouting } from './programs.ts'

const ROUNDS = 10
/** Drains once the backend of a killed worker has let go of the cursor. */
async function settle(db: Queryable): Promise<void> {
  await untilGone(db)
  await drain(db, 5000)
}

test('the worker, killed at any moment, loses and doubles nothing', async () => {
  const db = await openDatabase()
  onTestFinished(() => db.drop())
  const load = startLoad(db.url)
  for (let round = 0; round < ROUNDS; round++) {
    const worker = startWorker(db.url)
    await untilRouting(db.pool)
    await sleep(below(300))
    await kill(worker)
    expect(await accounting(db.pool)).toMatchObject({ unexplained: 0 })
  }
  await load.stop()
  await settle(db.pool)
  await expectWhole(db.pool)
  await load.expectKept(db.pool)
  expect(load.acknowledged()).toBeGreaterThan(1000)
})

test('PostgreSQL, killed at any moment, loses and doubles nothing; writers and worker come back', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'iu-kill-'))
  await chmod(directory, 0o755)
  const open = () => openEmbedded({ directory })
  const servers = [await open()]
  let data = join(directory, 'postgres')
  onTestFinished(async () => {
    for (const server of servers) await server.release()
    for (const folder of [data, directory]) await rm(folder, { recursive: true, force: true })
  })
  data = await realpath(data)

  const url = new URL(servers[0]!.adminUrl)
  const admin = new pg.Client(url.href)
  await admin.connect()
  await admin.query('CREATE DATABASE killed')
  await admin.end()
  url.pathname = 'killed'
  const first = new pg.Client(url.href)
  await first.connect()
  await bootstrap(first)
  await deploy(first)
  await furnish(first)
  await first.end()

  const pool = new pg.Pool({ connectionString: url.href, max: 2 })
  pool.on('error', () => {})
  onTestFinished(() => pool.end())
  const load = startLoad(url.href)
  const worker = startWorker(url.href)
  for (let round = 0; round < ROUNDS; round++) {
    await untilRouting(pool)
    await sleep(below(500))
    const [pid] = (await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')
    process.kill(Number(pid), 'SIGKILL')
    servers.push(await open())
    // Whoever reconnects knows the old address only.
    expect(servers.at(-1)!.port).toBe(servers[0]!.port)
    expect(await accounting(pool)).toMatchObject({ unexplained: 0 })
  }
  await untilRouting(pool)
  await load.stop()
  await kill(worker)
  await settle(pool)
  await expectWhole(pool)
  await load.expectKept(pool)
  expect(load.acknowledged()).toBeGreaterThan(1000)
})

describe('the console', () => {
  beforeAll(async () => {
    const built = await access(join(ROOT, '.output/server/index.mjs')).then(() => true, () => false)
    if (built) return
    const build = spawn('npx', ['nuxt', 'build'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] })
    const [code] = await once(build, 'exit') as [number]
    expect(code).toBe(0)
  }, 600_000)

  test('killed at any moment under load, disturbs nothing and comes back', async () => {
    const db = await openDatabase()
    onTestFinished(() => db.drop())
    const load = startLoad(db.url)
    const worker = startWorker(db.url)
    const origin = `http://127.0.0.1:${await freePort()}`
    const authorization = `Bearer ${await operatorToken(db.pool)}`
    const sessionPassword = randomBytes(32).toString('hex')
    let pages = 0

    /** Reads pages until told otherwise; a reader does not mind a server that is away. */
    let reading = true
    async function read(path: string): Promise<void> {
      while (reading) {
        const response = await fetch(`${origin}${path}`, { headers: { authorization } }).catch(() => undefined)
        if (response) {
          // What is answered at all is answered well; a body may break off with the server.
          expect(response.status).toBe(200)
          pages += await response.text().then(() => 1, () => 0)
        }
        else {
          await sleep(20)
        }
      }
    }
    /** Makes pieces, each under a key of its own; a call without an answer is made again with the same key. */
    const made: string[] = []
    async function write(number: number): Promise<void> {
      for (let turn = 0; reading;) {
        const address = `kill/${number}/${turn}`
        const response = await fetch(`${origin}/api/commands/dot_iu_create_piece`, {
          method: 'POST', headers: { authorization, 'content-type': 'application/json', 'idempotency-key': address },
          body: JSON.stringify({ mode: 'apply', params: { address, kind: 'text', body: 'text' } }),
        }).catch(() => undefined)
        if (!response) {
          await sleep(20)
          continue
        }
        expect([response.status, await response.json().catch(() => ({}))]).toEqual([200, expect.anything()])
        made.push(address)
        turn += 1
      }
    }
    const readers = Promise.all([...['/', '/attempts', '/', '/attempts'].map(read), write(1), write(2)])
    readers.catch(() => {})

    for (let round = 0; round < ROUNDS; round++) {
      const console = start(['.output/server/index.mjs'], { NUXT_DATABASE_URL: db.loginUrl('iu_console'), NUXT_SESSION_PASSWORD: sessionPassword, NITRO_HOST: '127.0.0.1', NITRO_PORT: new URL(origin).port, NODE_ENV: 'production' })
      const before = pages
      await expect.poll(() => pages).toBeGreaterThan(before + 2)
      await sleep(below(500))
      await kill(console)
      expect(await accounting(db.pool)).toMatchObject({ unexplained: 0 })
    }
    reading = false
    await readers
    await load.stop()
    await kill(worker)
    await settle(db.pool)
    await expectWhole(db.pool)
    await load.expectKept(db.pool)
    // Every command that was answered took place, and none twice: by the pieces, and by the ledger.
    expect(made.length).toBeGreaterThan(10)
    const { rows: [kept] } = await db.pool.query(`
      SELECT (SELECT count(*)::int FROM iu_core.information_unit WHERE canonical_address = ANY ($1)) AS pieces,
             (SELECT count(*)::int FROM iu_core.dot_iu_command_run WHERE idempotency_key = ANY ($1) AND status = 'succeeded') AS runs,
             (SELECT count(*)::int FROM iu_core.dot_iu_command_run WHERE status IN ('failed', 'refused')) AS others`, [made])
    expect(kept).toEqual({ pieces: made.length, runs: made.length, others: 0 })
    // No query of a killed console is left behind.
    await expect.poll(async () => (await db.pool.query(`SELECT FROM pg_stat_activity WHERE usename = 'iu_console' AND datname = current_database()`)).rowCount).toBe(0)
  })
})

/** An API token of an operator, told as the dispatcher tells it: once. */
async function operatorToken(db: pg.Pool): Promise<string> {
  const gate = 'iu_core.operator_runtime_enabled'
  await carry(db, 'dot_iu_open_gate', { gate }, { reason: 'a test', confirm: gate })
  const { password_salt, password_verifier } = await hashPassword('a password for the test')
  await carry(db, 'dot_iu_add_account', { account: 'killer', right: 'operator', password_salt, password_verifier })
  const token = `iut_${randomBytes(16).toString('hex')}`
  await db.query(`INSERT INTO iu_core.iu_api_token (account_id, label, token_digest, scopes, created_by, expires_at)
    SELECT id, 'test', sha256($1), ARRAY['*'], 'test', now() + interval '1 day' FROM iu_core.iu_account WHERE account = 'killer'`, [Buffer.from(token)])
  return token
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  return port
}
