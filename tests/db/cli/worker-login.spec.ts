/** What goes on by itself has the rights that it needs, in the embedded database as well: none of it is a superuser. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { openEmbedded } from '../../../server/embedded/index.ts'

const IU = join(import.meta.dirname, '../../../server/cli/iu.ts')

test.each([
  ['iu worker', ['worker'], 'demo_worker', ['iu_worker']],
  ['iu export', ['export', '--watch', '--to', mkdtempSync(join(tmpdir(), 'iu-export-login-'))], 'demo_exporter', ['iu_reader', 'iu_worker']],
])('%s logs in with no more than it needs', { timeout: 600_000 }, async (name, args, login, roles) => {
  const data = await mkdtemp(join(tmpdir(), 'iu-worker-login-'))
  onTestFinished(() => rm(data, { recursive: true, force: true }))
  const { DATABASE_URL: _, ...env } = process.env
  const worker = spawn(process.execPath, [IU, ...args], { env: { ...env, IU_DATA: data }, stdio: 'ignore' })
  const ended = once(worker, 'exit')
  onTestFinished(async () => {
    worker.kill('SIGTERM')
    await ended
  })
  const server = await openEmbedded({ directory: data })
  onTestFinished(() => server.release())
  const admin = new pg.Client(server.adminUrl)
  await admin.connect()
  onTestFinished(() => admin.end())
  const sessions = async () => (await admin.query<{ name: string, login: string, mighty: boolean, roles: string[] }>(`
    SELECT a.application_name AS name, a.usename AS login, r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls AS mighty,
      ARRAY(SELECT m.roleid::regrole::text FROM pg_auth_members AS m WHERE m.member = r.oid ORDER BY 1) AS roles
    FROM pg_stat_activity AS a JOIN pg_roles AS r ON r.rolname = a.usename WHERE starts_with(a.application_name, $1) ORDER BY 1`, [name])).rows
  await expect.poll(async () => (await sessions()).map(session => session.name).filter(is => is === name).length, { timeout: 500_000, interval: 500 }).toBeGreaterThan(0)
  for (const { name: is, ...session } of await sessions()) expect(session, is).toEqual({ login, mighty: false, roles })
})
