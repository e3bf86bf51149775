/** What becomes of a command whose output, or whose signal, is not what it hoped for. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import type { TestDatabase } from '../harness.ts'
import { testDatabase } from '../harness.ts'
import { openDatabase } from '../world.ts'

const IU = join(import.meta.dirname, '../../../server/cli/iu.ts')

let db: TestDatabase
beforeAll(async () => {
  db = await openDatabase()
})
afterAll(() => db.drop())

const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'iu-output-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}
const iu = (args: string[], { env = {}, stdout = 'pipe' as 'pipe' | number, url = db.url } = {}): ChildProcess =>
  spawn(process.execPath, [IU, ...args], { env: { ...process.env, DATABASE_URL: url, ...env }, stdio: ['ignore', stdout, 'pipe'] })
async function ended(child: ChildProcess): Promise<{ status: number | null, out: string, err: string }> {
  const text = { out: '', err: '' }
  child.stdout?.on('data', chunk => text.out += String(chunk))
  child.stderr?.on('data', chunk => text.err += String(chunk))
  const [status] = await once(child, 'close') as [number | null]
  return { status, ...text }
}

describe('output', () => {
  test('to a full disk is told in one line, without a stack', async () => {
    const { status, err } = await ended(iu(['command'], { stdout: openSync('/dev/full', 'w') }))
    expect(err).toMatch(/^iu: the output could not be written \(ENOSPC\): .+\n$/)
    expect(status).toBe(1)
  })

  test('to a reader that has ended says nothing', async () => {
    const child = iu(['command'])
    child.stdout!.destroy()
    expect(await ended(child)).toEqual({ status: 0, out: '', err: '' })
  })

  test('has no colours in a pipe, whatever NO_COLOR says; FORCE_COLOR asks for them', async () => {
    // A test runner has variables of its own that speak of colours.
    const silent = { TEST: undefined, CI: undefined, NO_COLOR: undefined, FORCE_COLOR: undefined }
    const [plain, refused, forced] = await Promise.all([{}, { NO_COLOR: 'true', FORCE_COLOR: '1' }, { FORCE_COLOR: '1' }].map(env => ended(iu(['--help'], { env: { ...silent, ...env } }))))
    for (const { out } of [plain!, refused!]) {
      expect(out).toContain('worker')
      expect(out).not.toContain('\u001B')
    }
    expect(forced!.out).toContain('\u001B')
  })

  test('has descriptions whole', async () => {
    const { out } = await ended(iu(['command']))
    expect(out).not.toContain('…')
  })
})

describe('a password that was made here', () => {
  const verifiers = async () => (await db.pool.query<{ v: string }>(`SELECT coalesce(string_agg(a::text, ' ' ORDER BY a::text), '') AS v FROM iu_core.iu_account AS a`)).rows[0]!.v

  test('is written before anything is committed; without a place nothing is changed', async () => {
    const data = folder()
    const before = await verifiers()
    writeFileSync(join(data, 'a-file'), '')
    const refused = await ended(iu(['account', 'add', 'lisa', '--right', 'reviewer'], { env: { IU_DATA: join(data, 'a-file', 'below') } }))
    expect(refused.err).toMatch(/^iu: nothing was changed: the password of lisa has no place to go/)
    expect([refused.status, await verifiers()]).toEqual([3, before])
    const made = await ended(iu(['account', 'add', 'lisa', '--right', 'reviewer'], { env: { IU_DATA: join(data, 'new', 'deep') } }))
    expect([made.status, made.err]).toEqual([0, expect.stringContaining('lisa-password')])
    const file = join(data, 'new/deep/lisa-password')
    expect([readdirSync(join(data, 'new/deep')), statSync(file).mode & 0o777, readFileSync(file, 'utf8')]).toEqual([['lisa-password'], 0o600, expect.stringMatching(/^\w{20,}\n$/)])
    const password = readFileSync(file, 'utf8')
    const again = await ended(iu(['account', 'add', 'lisa', '--right', 'reviewer'], { env: { IU_DATA: join(data, 'new', 'deep') } }))
    expect(again.status).toBe(3)
    expect([readdirSync(join(data, 'new/deep')), readFileSync(file, 'utf8')]).toEqual([['lisa-password'], password])
    expect((await ended(iu(['account', 'add', '../../etc/x', '--right', 'reviewer'], { env: { IU_DATA: data } }))).status).toBe(3)
    expect(readdirSync(data).sort()).toEqual(['a-file', 'new'])
  })
})

describe('a worker', () => {
  test('takes its row away on SIGHUP', async () => {
    const child = iu(['worker'])
    const end = ended(child)
    const rows = async () => (await db.pool.query(`SELECT FROM iu_core.v_iu_worker_process WHERE pid = $1`, [child.pid])).rowCount
    await expect.poll(rows).toBe(1)
    child.kill('SIGHUP')
    child.kill('SIGHUP')
    expect((await end).status).toBe(0)
    expect(await rows()).toBe(0)
  })

  test('ends in order when nobody reads what it says any more', async () => {
    const child = iu(['worker'])
    const end = once(child, 'exit')
    await once(child.stderr!, 'data')
    child.stderr!.destroy()
    child.stdout!.destroy()
    await db.pool.query(`SELECT iu_core.fn_iu_emit_event('app.plain', 'app_table', 'more', '{}')`)
    expect(await end).toEqual([0, null])
    expect((await db.pool.query(`SELECT FROM iu_core.v_iu_worker_process WHERE pid = $1`, [child.pid])).rowCount).toBe(0)
  })
})

test('a deploy before the bootstrap names the remedy', async () => {
  const bare = await testDatabase({ deployed: false })
  try {
    const role = `newcomer_${bare.name.slice(-6)}`
    await bare.pool.query(`CREATE ROLE ${role} LOGIN PASSWORD '${inject('server').password}'`)
    await bare.pool.query(`GRANT CONNECT ON DATABASE ${bare.name} TO ${role}`)
    const client = await bare.login(role)
    const { deploy } = await import('../../../server/deploy/index.ts')
    await expect(deploy(client)).rejects.toThrow(/run iu db bootstrap first/)
    await client.end()
    await bare.pool.query(`REVOKE CONNECT ON DATABASE ${bare.name} FROM ${role}`)
    await bare.pool.query(`DROP ROLE ${role}`)
  }
  finally {
    await bare.drop()
  }
})
