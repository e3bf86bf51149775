/** A hundred thousand dead letters, replayed in the background through everything that stops it. */
import type { ChildProcess } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { buildConsole, freePort, startConsole } from '../../server/cli/console.ts'
import { bootstrap, deploy } from '../../server/deploy/index.ts'
import { openEmbedded } from '../../server/embedded/index.ts'
import type { Receipt } from '../../shared/commands/receipt.ts'
import { accounting, drain, expectWhole, furnish, setGate } from '../db/world.ts'

const LETTERS = 100_000

test('100,000 dead letters are replayed once each, though console and PostgreSQL are killed, and it is stopped', async () => {
  await buildConsole(() => {})
  const directory = await mkdtemp(join(tmpdir(), 'iu-replay-'))
  await chmod(directory, 0o755)
  const open = () => openEmbedded({ directory })
  const servers = [await open()]
  const data = await realpath(join(directory, 'postgres'))
  onTestFinished(async () => {
    for (const server of servers) await server.release()
    for (const folder of [data, directory]) await rm(folder, { recursive: true, force: true })
  })
  const url = new URL(servers[0]!.adminUrl)
  const admin = new pg.Client(url.href)
  await admin.connect()
  await admin.query('CREATE DATABASE replayed')
  await admin.end()
  url.pathname = 'replayed'
  const pool = new pg.Pool({ connectionString: url.href, max: 2 })
  pool.on('error', () => {})
  onTestFinished(() => pool.end())
  const first = await pool.connect()
  await bootstrap(first as unknown as pg.Client)
  await deploy(first as unknown as pg.Client)
  first.release()
  await furnish(pool)
  await setGate(pool, 'operator_runtime_enabled', true)

  const password = randomBytes(12).toString('hex')
  await pool.query(`ALTER ROLE iu_console PASSWORD '${password}'`)
  const token = `iut_${randomBytes(16).toString('hex')}`
  await pool.query(`SELECT iu_core.fn_dot_command_run('dot_iu_add_account', 'apply', $1)`, [{ account: 'operator', right: 'operator', password_salt: randomBytes(16).toString('hex'), password_verifier: randomBytes(32).toString('hex') }])
  await pool.query(`INSERT INTO iu_core.iu_api_token (account_id, label, token_digest, scopes, created_by, expires_at)
    SELECT id, 'test', sha256($1), ARRAY['*'], 'test', now() + interval '1 day' FROM iu_core.iu_account WHERE account = 'operator'`, [Buffer.from(token)])

  await pool.query(`SELECT iu_core.fn_iu_emit_event('app.strict', 'app_table', 's' || n % 1000, jsonb_build_object('n', 'x' || n)) FROM generate_series(1, $1) AS n`, [LETTERS])
  await drain(pool, 5000)
  expect((await pool.query('SELECT letters, failure_kind FROM iu_core.v_iu_route_dead_letter_cause')).rows).toEqual([{ letters: 10_001, failure_kind: '$.n: want integer, have string' }])
  await pool.query(`SELECT iu_core.fn_iu_event_types_register('application', 'delayed', false, '{"app.strict": {"description": "relaxed"}}')`)

  const login = Object.assign(new URL(url), { username: 'iu_console', password })
  const port = await freePort(0)
  const secret = randomBytes(32).toString('hex')
  let console: ChildProcess | undefined
  const serve = async () => {
    console = await startConsole(login.href, port, secret)
  }
  const kill = async () => {
    const exit = once(console!, 'exit')
    console!.kill('SIGKILL')
    await exit
    console = undefined
  }
  onTestFinished(() => void console?.kill('SIGKILL'))
  const command = async (code: string, body: object): Promise<Receipt> => {
    const response = await fetch(`http://127.0.0.1:${port}/api/commands/${code}`, {
      method: 'POST', headers: { 'authorization': `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': randomUUID() }, body: JSON.stringify(body),
    })
    const receipt = await response.json() as Receipt
    expect(response.status, JSON.stringify(receipt)).toBe(200)
    return receipt
  }
  const job = async () => (await pool.query<{ status: string, done: number, replayed: number, failed: number, alone: number }>(
    'SELECT status, done, replayed, failed_again AS failed, left_alone AS alone FROM iu_core.iu_replay_job')).rows[0]!
  const until = (done: number) => expect.poll(() => job().then(found => found.done, () => 0), { interval: 20 }).toBeGreaterThanOrEqual(done)

  await serve()
  const params = { event_type: 'app.strict', per_second: 5000 }
  const plan = await command('dot_iu_start_replay', { mode: 'plan', params })
  expect(plan.result).toMatchObject({ letters: LETTERS, would_become: { replayed: LETTERS } })
  const { result } = await command('dot_iu_start_replay', { mode: 'apply', params, reason: 'the schema was wrong', planDigest: plan.plan_digest })
  const replay = result!.replay as number

  await until(15_000)
  await kill()
  const atKill = await job()
  expect(atKill.status).toBe('running')
  await serve()
  await until(atKill.done + 10_000)

  const [pid] = (await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')
  process.kill(Number(pid), 'SIGKILL')
  servers.push(await open())
  expect(servers.at(-1)!.port).toBe(servers[0]!.port)
  await until((await job()).done + 10_000)

  await command('dot_iu_stop_replay', { mode: 'apply', params: { replay } })
  const stopped = await job()
  expect(stopped.status).toBe('stopped')
  expect(stopped.done).toBeLessThan(LETTERS)
  // A console that has just begun leaves it stopped: it has looked when it has sealed what the Stop wrote.
  await kill()
  await serve()
  await expect.poll(async () => (await pool.query('SELECT FROM iu_core.dot_iu_command_unsealed')).rowCount).toBe(0)
  expect(await job()).toEqual(stopped)
  await command('dot_iu_resume_replay', { mode: 'apply', params: { replay } })
  await until(LETTERS)
  expect(await job()).toEqual({ status: 'done', done: LETTERS, replayed: LETTERS, failed: 0, alone: 0 })

  const { rows: attempts } = await pool.query('SELECT attempt_no AS no, status, count(*)::int AS n FROM iu_core.iu_route_attempt GROUP BY 1, 2 ORDER BY 1')
  expect(attempts).toEqual([{ no: 1, status: 'failed', n: LETTERS }, { no: 2, status: 'dry_run', n: LETTERS }])
  const { rows: letters } = await pool.query('SELECT status, resolved_attempt_no AS no, resolved_by AS by, count(*)::int AS n FROM iu_core.iu_route_dead_letter GROUP BY 1, 2, 3')
  expect(letters).toEqual([{ status: 'replayed', no: 2, by: 'operator', n: LETTERS }])
  expect(await accounting(pool)).toMatchObject({ unexplained: 0 })
  await expectWhole(pool)
})
