/** Whoever only runs passes has the right to run passes, in the embedded database as well: no process of ours that goes on by itself is a superuser. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { openEmbedded } from '../../../server/embedded/index.ts'

const IU = join(import.meta.dirname, '../../../server/cli/iu.ts')

test('iu worker logs in as a member of iu_worker, and of nothing else', { timeout: 600_000 }, async () => {
  const data = await mkdtemp(join(tmpdir(), 'iu-worker-login-'))
  onTestFinished(() => rm(data, { recursive: true, force: true }))
  const { DATABASE_URL: _, ...env } = process.env
  const worker = spawn(process.execPath, [IU, 'worker'], { env: { ...env, IU_DATA: data }, stdio: 'ignore' })
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
      ARRAY(SELECT m.roleid::regrole::text FROM pg_auth_members AS m WHERE m.member = r.oid) AS roles
    FROM pg_stat_activity AS a JOIN pg_roles AS r ON r.rolname = a.usename WHERE a.application_name LIKE 'iu worker%' ORDER BY 1`)).rows
  await expect.poll(async () => (await sessions()).map(({ name }) => name).filter(name => name === 'iu worker').length, { timeout: 500_000, interval: 500 }).toBeGreaterThan(0)
  for (const { name, ...session } of await sessions()) expect(session, name).toEqual({ login: 'demo_worker', mighty: false, roles: ['iu_worker'] })
})
