import { createHash, randomBytes } from 'node:crypto'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { TestDatabase } from '../harness.ts'
import { refusal } from '../world.ts'
import { beside, waiting } from './beside.ts'
import { carry, openDatabase, type Options, type Params, password, type Receipt, run, tables, undo } from './world.ts'

let db: TestDatabase
let server: pg.Client

interface Account { account: string, key: Buffer, token: string }
let root: Account
let second: Account
let alice: Account
let accounts = 0

beforeAll(async () => {
  db = await openDatabase()
  server = await db.login('iu_console')
})
afterAll(() => db.drop())

/** Two admins and a reviewer of this test, and no other admin that could sign in. */
beforeEach(async () => {
  await db.pool.query(`UPDATE iu_core.iu_account SET status = 'disabled'`)
  root = await account('admin')
  second = await account('admin')
  alice = await account('reviewer')
})
afterEach(async () => {
  expect((await db.pool.query('SELECT * FROM iu_core.dot_iu_acting')).rows).toEqual([])
})

async function account(right: string): Promise<Account> {
  const name = `person.${++accounts}`
  const { key, params } = password()
  expect(await run(db.pool, 'dot_iu_add_account', 'apply', { account: name, right, ...params })).toMatchObject({ status: 'succeeded' })
  return { account: name, key, token: await session(name, key) }
}
const signIn = async (name: string, key: Buffer) => (await server.query<{ status: string, token: string }>('SELECT * FROM iu_core.fn_iu_sign_in($1, $2, $3)', [name, key, 'a test'])).rows[0]!
const session = async (name: string, key: Buffer): Promise<string> => {
  const { status, token } = await signIn(name, key)
  expect(status).toBe('signed_in')
  return token
}
const may = async ({ token }: Account) => (await server.query<{ account_right: string }>('SELECT * FROM iu_core.fn_iu_session_check($1)', [token])).rows[0]!.account_right
const as = (who: Account, options: Options = {}): Options => ({ token: who.token, reason: 'a test', ...options })
const stateOf = async ({ account }: Account) => (await db.pool.query<{ account_right: string, status: string, live_sessions: number }>('SELECT account_right, status, live_sessions FROM iu_core.v_iu_account WHERE account = $1', [account])).rows[0]!

/** Plans and applies; what the apply answers. */
async function attempt(on: Pick<pg.Client, 'query'>, command: string, params: Params, who: Account): Promise<Receipt> {
  const plan = await run(on, command, 'plan', params, as(who))
  return plan.status === 'planned' ? run(on, command, 'apply', params, as(who, { plan: plan.plan_digest })) : plan
}

describe('an account', () => {
  it('is added by an admin with a right, may sign in at once, and undone is disabled', async () => {
    const { key, params } = password()
    const added = await carry(server, 'dot_iu_add_account', { account: 'carol', display_name: 'Carol C.', right: 'operator', ...params }, as(root))
    expect(added.objects).toEqual([{ ref: 'account:carol', change: 'create', after: { status: 'active', right: 'operator', display_name: 'Carol C.' } }])
    expect(await may({ account: 'carol', key, token: await session('carol', key) })).toBe('operator')
    const { rows } = await db.pool.query(`SELECT display_name, account_right, status, created_by FROM iu_core.v_iu_account WHERE account = 'carol'`)
    expect(rows).toEqual([{ display_name: 'Carol C.', account_right: 'operator', status: 'active', created_by: root.account }])
    await undo(server, added, as(root))
    expect(await signIn('carol', key)).toMatchObject({ status: 'refused' })
  })

  it.each([
    ['a name that is taken', () => ({ account: alice.account }), 'taken', 'account'],
    ['a name in capitals', () => ({ account: 'Dora' }), 'invalid_parameter', 'account'],
    ['a name that looks like a login', () => ({ account: 'db:iu_deployer' }), 'invalid_parameter', 'account'],
    ['a right that there is not', () => ({ right: 'owner' }), 'invalid_parameter', 'right'],
    ['a verifier of another length', () => ({ password_verifier: 'ab' }), 'invalid_parameter', 'password_verifier'],
    ['a short salt', () => ({ password_salt: 'abab' }), 'invalid_parameter', 'password_salt'],
    ['a password as such', () => ({ password: 'correct horse battery' }), 'invalid_parameter', 'password'],
  ])('with %s is refused', async (_what, wrong, code, field) => {
    const before = await tables(db.pool, 'dot_iu_command_run', 'dot_iu_command_unsealed')
    const { params } = password()
    const refused = await run(server, 'dot_iu_add_account', 'apply', { account: 'dora', right: 'reviewer', ...params, ...wrong() }, as(root))
    expect(refused).toMatchObject({ status: 'refused', code })
    expect(refused.field).toContain(field === 'password' ? '' : field)
    expect(await tables(db.pool, 'dot_iu_command_run', 'dot_iu_command_unsealed')).toEqual(before)
  })

  it('has its new right from the next request on, in the sessions that it has', async () => {
    const raised = await carry(server, 'dot_iu_set_account_right', { account: alice.account, right: 'operator' }, as(root))
    expect(await may(alice)).toBe('operator')
    expect(await run(server, 'dot_iu_create_collection', 'plan', { address: 'c', kind: 'file', title: 'C' }, as(alice))).toMatchObject({ status: 'planned' })
    await undo(server, raised, as(second))
    expect(await may(alice)).toBe('reviewer')
    expect(await refusal(run(server, 'dot_iu_create_collection', 'plan', { address: 'c', kind: 'file', title: 'C' }, as(alice)))).toMatchObject({ code: 'IU013' })
    expect(await attempt(server, 'dot_iu_set_account_right', { account: alice.account, right: 'reviewer' }, root)).toMatchObject({ code: 'nothing_to_do' })
    expect(await attempt(server, 'dot_iu_set_account_right', { account: 'nobody', right: 'reviewer' }, root)).toMatchObject({ code: 'not_found' })
  })

  it('that is disabled has lost its sessions and tokens: the next command and the next read know nobody', async () => {
    const issued = await run(server, 'dot_iu_issue_token', 'apply', { label: 'ci', scopes: ['*'], expires_at: new Date(Date.now() + 86_400_000).toISOString(), current_key: alice.key.toString('hex') }, as(alice))
    const token = issued.secret!.token as string
    const other = await session(alice.account, alice.key)
    const disabled = await carry(server, 'dot_iu_disable_account', { account: alice.account }, as(root))
    expect(disabled.result).toEqual({ sessions_ended: 2 })
    for (const dead of [alice.token, other, token]) {
      expect(await refusal(may({ ...alice, token: dead }))).toMatchObject({ code: 'IU012' })
      expect(await refusal(run(server, 'dot_iu_revoke_token', 'plan', { token: 1 }, { token: dead }))).toMatchObject({ code: 'IU012' })
    }
    expect(await signIn(alice.account, alice.key)).toMatchObject({ status: 'refused' })
    expect(await attempt(server, 'dot_iu_disable_account', { account: alice.account }, root)).toMatchObject({ code: 'nothing_to_do' })
    await undo(server, disabled, as(root))
    expect(await stateOf(alice)).toEqual({ account_right: 'reviewer', status: 'active', live_sessions: 0 })
    // Sessions that ended stay ended; a token was only as dead as its account.
    expect(await refusal(may(alice))).toMatchObject({ code: 'IU012' })
    expect(await may({ ...alice, token })).toBe('reviewer')
    expect(await attempt(server, 'dot_iu_enable_account', { account: alice.account }, root)).toMatchObject({ code: 'nothing_to_do' })
  })

  it('may disable itself, and is nobody after that', async () => {
    expect(await attempt(server, 'dot_iu_disable_account', { account: second.account }, second)).toMatchObject({ status: 'succeeded', actor: second.account })
    expect(await refusal(may(second))).toMatchObject({ code: 'IU012' })
  })
})

describe('the last admin', () => {
  it('is neither disabled nor given another right, by nobody', async () => {
    await carry(server, 'dot_iu_disable_account', { account: second.account }, as(root))
    for (const by of [as(root), { reason: 'a test' }]) {
      const client = by.token ? server : db.pool
      expect(await run(client, 'dot_iu_disable_account', 'plan', { account: root.account }, by)).toMatchObject({ code: 'lifecycle_refused', field: 'account' })
      expect(await run(client, 'dot_iu_set_account_right', 'plan', { account: root.account, right: 'approver' }, by)).toMatchObject({ code: 'lifecycle_refused', field: 'account' })
    }
    expect(await stateOf(root)).toMatchObject({ account_right: 'admin', status: 'active' })
    // A disabled admin counts for nothing, and may lose the right.
    await carry(server, 'dot_iu_set_account_right', { account: second.account, right: 'reviewer' }, as(root))
  })

  it.each([
    ['take each other\'s right away', 'dot_iu_set_account_right', { right: 'reviewer' }],
    ['disable each other', 'dot_iu_disable_account', {}],
  ])('is left when two admins %s at once', async (_what, command, params) => {
    const plan = await run(server, command, 'plan', { account: second.account, ...params }, as(root))
    const counter = await run(server, command, 'plan', { account: root.account, ...params }, as(second))
    await beside(db, async (client) => {
      expect(await run(client, command, 'apply', { account: second.account, ...params }, as(root, { plan: plan.plan_digest }))).toMatchObject({ status: 'succeeded' })
      const late = run(server, command, 'apply', { account: root.account, ...params }, as(second, { plan: counter.plan_digest }))
      await waiting(db, 1)
      await client.query('COMMIT')
      expect(await late).toMatchObject({ status: 'refused', code: 'lifecycle_refused' })
    })
    const { rows } = await db.pool.query(`SELECT account FROM iu_core.iu_account WHERE account_right = 'admin' AND status = 'active'`)
    expect(rows).toEqual([{ account: root.account }])
  })
})

describe('a password', () => {
  it('of one\'s own is set with the present one; every session ends, the one that asked as well', async () => {
    const other = await session(alice.account, alice.key)
    const { key, params } = password()
    const changed = await run(server, 'dot_iu_set_password', 'apply', { account: alice.account, ...params, current_key: alice.key.toString('hex') }, as(alice))
    expect(changed).toMatchObject({ status: 'succeeded', actor: alice.account, result: { sessions_ended: 2 } })
    for (const token of [alice.token, other]) expect(await refusal(may({ ...alice, token }))).toMatchObject({ code: 'IU012' })
    expect(await signIn(alice.account, alice.key)).toMatchObject({ status: 'refused' })
    expect(await signIn(alice.account, key)).toMatchObject({ status: 'signed_in' })
  })

  it.each([
    ['with a wrong present one', () => ({ current_key: randomBytes(32).toString('hex') })],
    ['without the present one', () => ({})],
    ['with what the database keeps of it', () => ({ current_key: createHash('sha256').update(alice.key).digest('hex') })],
  ])('of one\'s own %s is refused, and stays', async (_what, wrong) => {
    expect(await run(server, 'dot_iu_set_password', 'apply', { account: alice.account, ...password().params, ...wrong() }, as(alice))).toMatchObject({ status: 'refused', code: 'invalid_parameter', field: 'current_password' })
    expect(await may(alice)).toBe('reviewer')
    expect(await signIn(alice.account, alice.key)).toMatchObject({ status: 'signed_in' })
  })

  it('of another is set by an admin only; an admin\'s own needs the present one as well', async () => {
    const { key, params } = password()
    const refused = await run(server, 'dot_iu_set_password', 'apply', { account: root.account, ...params, current_key: root.key.toString('hex') }, as(alice))
    expect(refused).toMatchObject({ status: 'refused', code: 'forbidden' })
    expect(await run(server, 'dot_iu_set_password', 'apply', { account: root.account, ...params }, as(root))).toMatchObject({ code: 'invalid_parameter', field: 'current_password' })
    await carry(server, 'dot_iu_set_password', { account: alice.account, ...params }, as(root))
    expect(await refusal(may(alice))).toMatchObject({ code: 'IU012' })
    expect(await signIn(alice.account, key)).toMatchObject({ status: 'signed_in' })
    expect(await may(root)).toBe('admin')
  })
})

describe('a command under way whose actor', () => {
  /** Holds alice's command in its handler, does something to her meanwhile, and lets the command go on. */
  async function meanwhile(work: () => Promise<unknown>): Promise<unknown> {
    await carry(server, 'dot_iu_set_account_right', { account: alice.account, right: 'operator' }, as(root))
    return beside(db, async (holder) => {
      await holder.query(`LOCK TABLE iu_core.iu_collection IN SHARE MODE`)
      const held = run(await db.login('iu_console'), 'dot_iu_create_collection', 'apply', { address: `held.${accounts}`, kind: 'file', title: 'Held' }, as(alice)).catch((error: unknown) => error)
      await waiting(db, 1)
      await work()
      const before = await tables(db.pool)
      await holder.query('COMMIT')
      const answer = await held
      expect(await tables(db.pool)).toEqual(before)
      return answer
    })
  }

  it('is disabled meanwhile is refused at its end, and has written nothing', async () => {
    expect(await meanwhile(() => carry(server, 'dot_iu_disable_account', { account: alice.account }, as(root)))).toMatchObject({ code: 'IU012' })
  })

  it('is disabled meanwhile does not even set the own password, though that ends the session anyway', async () => {
    const plan = await run(server, 'dot_iu_disable_account', 'plan', { account: alice.account }, as(root))
    await beside(db, async (disabling) => {
      expect(await run(disabling, 'dot_iu_disable_account', 'apply', { account: alice.account }, as(root, { plan: plan.plan_digest }))).toMatchObject({ status: 'succeeded' })
      const late = refusal(run(server, 'dot_iu_set_password', 'apply', { account: alice.account, ...password().params, current_key: alice.key.toString('hex') }, as(alice)))
      await waiting(db, 1)
      await disabling.query('COMMIT')
      expect(await late).toMatchObject({ code: 'IU012' })
    })
    expect((await db.pool.query(`SELECT FROM iu_core.dot_iu_command_run WHERE command_code = 'dot_iu_set_password' AND actor = $1`, [alice.account])).rows).toEqual([])
  })

  it('signs out meanwhile is refused at its end, and has written nothing', async () => {
    expect(await meanwhile(() => server.query('SELECT iu_core.fn_iu_sign_out($1)', [alice.token]))).toMatchObject({ code: 'IU012' })
  })
})

it('no secret of an account is in the ledger', async () => {
  const { key, params } = password()
  await carry(server, 'dot_iu_add_account', { account: 'eve', right: 'reviewer', ...params }, as(root))
  const guess = randomBytes(32).toString('hex')
  await run(server, 'dot_iu_set_password', 'apply', { account: alice.account, ...params, current_key: guess }, as(alice))
  await run(server, 'dot_iu_set_password', 'apply', { account: 'eve', ...params, current_key: 'not even hex' }, as(root))
  await run(server, 'dot_iu_add_account', 'apply', { account: 'EVE', right: 'reviewer', ...params, password: 'correct horse battery' }, as(root))
  const { rows } = await db.pool.query<{ row: string }>(`SELECT r::text AS row FROM iu_core.dot_iu_command_run AS r WHERE command_code IN ('dot_iu_add_account', 'dot_iu_set_password')`)
  expect(rows.filter(({ row }) => row.includes('(secret)')).length).toBeGreaterThan(4)
  const secrets = [key.toString('hex'), guess, params.password_salt, params.password_verifier, createHash('sha256').update(params.password_verifier).digest('hex'), 'not even hex', 'correct horse battery', alice.token, root.token]
  expect(secrets.filter(secret => rows.some(({ row }) => row.includes(secret)))).toEqual([])
})
