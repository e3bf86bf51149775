/** What takes turns: no login stops it by taking a lock of its choice, and whoever waits is told for whom. */
import type pg from 'pg'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { explain } from '../../../server/cli/report.ts'
import { carry, imported, openDatabase, password, run, signedIn } from '../commands/world.ts'
import type { TestDatabase } from '../harness.ts'
import { refusal } from '../world.ts'
import { type Member, memberOf } from './members.ts'

let db: TestDatabase
let member: Member
let stranger: pg.Client

beforeAll(async () => {
  db = await openDatabase()
  member = memberOf(db, 'iu_operator')
  stranger = await member.login()
})
afterAll(async () => {
  await member.drop()
  await db.drop()
})

const LOCKS = 'pg_advisory_lock(bigint), pg_advisory_lock(integer, integer), pg_advisory_unlock_all()'

/** Runs `work` while the stranger, to whom somebody gave the right, holds every lock that a name of ours might come to. */
async function besideLocks(work: () => Promise<void>): Promise<void> {
  await db.pool.query(`GRANT EXECUTE ON FUNCTION ${LOCKS} TO ${member.name}`)
  const names = ['iu_core.admins', 'iu_core.held_events', 'iu_core.iu_replay_job', 'iu_core.iu_worker_schedule', 'iu_core.sign_in alice', 'iu_core.sign_in ', 'iu_core.import locked.md', 'iu_core.event_type app.locked', 'iu_core.route app.locked.log',
    'iu_core.command alice\na key', 'iu_core deploy', 'iu_core drift known', 'iu_core.ledger_seal']
  try {
    for (const name of names) await stranger.query('SELECT pg_advisory_lock(hashtext($1)), pg_advisory_lock(hashtextextended($1, 0))', [name])
    await work()
  }
  finally {
    await stranger.query('SELECT pg_advisory_unlock_all()')
    await db.pool.query(`REVOKE EXECUTE ON FUNCTION ${LOCKS} FROM ${member.name}`)
  }
}

it('advisory locks are nobody\'s to take', async () => {
  for (const call of ['pg_advisory_lock(1)', 'pg_try_advisory_lock(1, 1)', 'pg_advisory_xact_lock_shared(1)']) expect((await refusal(stranger.query(`SELECT ${call}`))).code, call).toBe('42501')
})

it('where somebody has them all the same, people sign in, commands run, and texts are imported', { timeout: 300_000 }, async () => {
  const { key, params } = password()
  const admin = await signedIn(db.pool, 'alice', 'admin')
  await carry(db.pool, 'dot_iu_add_account', { account: 'bob', right: 'admin', ...params })
  const server = await db.login('iu_console')
  // A wait that would not end is a failure.
  await server.query(`SET statement_timeout = '60s'`)
  await besideLocks(async () => {
    const { rows } = await server.query<{ status: string }>(`SELECT status FROM iu_core.fn_iu_sign_in('bob', $1, 'c')`, [key])
    expect(rows).toEqual([{ status: 'signed_in' }])
    expect(await run(server, 'dot_iu_create_piece', 'apply', { address: 'locked', kind: 'text', body: 'L' }, { token: admin, key: 'a key' })).toMatchObject({ status: 'succeeded' })
    await carry(server, 'dot_iu_import_text', await imported('locked.md', '# Locked\n\nA text.\n'), { token: admin })
    await carry(server, 'dot_iu_register_event_type', { event_type: 'app.locked', description: 'L' }, { token: admin })
    await carry(server, 'dot_iu_register_route', { route: 'app.locked.log', event_type: 'app.locked', target_kind: 'log', target_ref: 'x', enabled: true }, { token: admin })
    await carry(server, 'dot_iu_set_account_right', { account: 'bob', right: 'operator' }, { token: admin })
    await carry(server, 'dot_iu_enable_schedule', {}, { token: admin })
  })
})

it('a stranger\'s lock is no deploy: the schema is compared, and drift refuses commands', { timeout: 300_000 }, async () => {
  const state = async () => (await db.pool.query<{ state: string }>(`SELECT iu_core.fn_dot_compare() ->> 'state' AS state`)).rows[0]!.state
  const deployer = await db.connect()
  await deployer.query(`SELECT pg_advisory_lock(hashtext('iu_core deploy'))`)
  expect(await state()).toBe('unknown')
  await deployer.query('SELECT pg_advisory_unlock_all()')
  await db.pool.query(`COMMENT ON TABLE iu_core.iu_collection IS 'changed by hand'`)
  await besideLocks(async () => {
    expect(await state()).toBe('drift')
    expect(await run(db.pool, 'dot_iu_create_collection', 'plan', { address: 'd', kind: 'file', title: 'D' })).toMatchObject({ status: 'refused', code: 'drifted' })
  })
})

it('who waits too long for another\'s turn is told whose it is, and nothing is left', { timeout: 300_000 }, async () => {
  const [one, other] = [await db.connect(), await db.connect()]
  await one.query('BEGIN')
  await one.query(`SELECT iu_core.fn_iu_lock('the same')`)
  const { rows: [holder] } = await one.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  const error: unknown = await other.query(`SELECT iu_core.fn_iu_lock('the same')`).catch((error: unknown) => error)
  const told = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  explain(error, false)
  expect(told.mock.calls.join('')).toMatch(new RegExp(`another command is at work on the same[^]*process ${holder!.pid}, since `))
  told.mockRestore()
  expect(error).toMatchObject({
    code: '55P03', message: expect.stringContaining('the same'), detail: expect.stringMatching(new RegExp(`iu_deployer, process ${holder!.pid}, since `)), hint: expect.stringContaining('pg_terminate_backend'),
  })
  await other.query(`SELECT iu_core.fn_iu_lock('another')`)
  await one.query('COMMIT')
  await other.query(`SELECT iu_core.fn_iu_lock('the same')`)
  expect((await db.pool.query('SELECT FROM iu_core.iu_lock')).rowCount).toBe(0)
})
