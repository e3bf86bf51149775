import { createHash } from 'node:crypto'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestDatabase } from '../harness.ts'
import { refusal } from '../world.ts'
import { beside } from './beside.ts'
import { carry, openDatabase, type Options, type Receipt, run, signedIn, tables, undo } from './world.ts'

let db: TestDatabase
let server: pg.Client
/** Tokens of sessions, by account. */
const sessions: Record<string, string> = {}

beforeAll(async () => {
  db = await openDatabase()
  server = await db.login('iu_console')
  for (const [account, right] of [['root', 'admin'], ['alice', 'operator'], ['bob', 'operator'], ['rita', 'reviewer']]) sessions[account!] = await signedIn(db.pool, account!, right!)
})
afterAll(() => db.drop())

const DAY = 86_400_000
const inDays = (days: number) => new Date(Date.now() + days * DAY).toISOString()
let labels = 0

const issue = (account: string, params: Record<string, unknown> = {}, options: Options = {}): Promise<Receipt> =>
  run(server, 'dot_iu_issue_token', 'apply', { label: `token ${++labels}`, scopes: ['*'], expires_at: inDays(1), ...params }, { token: sessions[account], ...options })
const token = async (account: string, ...scopes: string[]) => {
  const { status, secret, inverse } = await issue(account, { scopes })
  expect(status).toBe('succeeded')
  return { token: secret!.token as string, id: inverse!.params.token as number }
}
const check = async (token: string, scope = 'read') => (await server.query<{ actor: string, actor_kind: string, account_right: string }>('SELECT * FROM iu_core.fn_iu_session_check($1, $2)', [token, scope])).rows[0]!
let collections = 0
const create = (token: string) => run(server, 'dot_iu_create_collection', 'apply', { address: `c${++collections}`, kind: 'file', title: 'C' }, { token })
const viewed = async (id: number) => (await db.pool.query('SELECT account, label, scopes, status, created_by, last_used_at, revoked_by FROM iu_core.v_iu_api_token WHERE token_id = $1', [id])).rows[0]
const change = (id: number, set: string) => db.pool.query(`UPDATE iu_core.iu_api_token SET ${set} WHERE id = $1`, [id])

describe('a token', () => {
  it('is told once: not by the plan, not by a repetition, not by the ledger; the database has its hash', async () => {
    const params = { label: 'told once', scopes: ['read', '*', 'read'], expires_at: inDays(30) }
    expect(await run(server, 'dot_iu_issue_token', 'plan', params, { token: sessions.alice })).not.toHaveProperty('secret')
    const issued = await run(server, 'dot_iu_issue_token', 'apply', params, { token: sessions.alice, key: 'once' })
    const secret = issued.secret!.token as string
    expect(secret).toMatch(/^iut_[0-9a-f]{64}$/)
    const repeated = await run(server, 'dot_iu_issue_token', 'apply', params, { token: sessions.alice, key: 'once' })
    expect(repeated).toMatchObject({ repeated: true, run: issued.run })
    expect(repeated).not.toHaveProperty('secret')
    const { rows } = await db.pool.query(`SELECT encode(token_digest, 'hex') AS digest, scopes FROM iu_core.iu_api_token WHERE label = 'told once'`)
    expect(rows).toEqual([{ digest: createHash('sha256').update(secret).digest('hex'), scopes: ['*', 'read'] }])
    const { rows: kept } = await db.pool.query(`
      SELECT FROM iu_core.dot_iu_command_run AS r WHERE r::text LIKE '%' || $1 || '%' UNION ALL SELECT FROM iu_core.iu_api_token AS t WHERE t::text LIKE '%' || $1 || '%'
      UNION ALL SELECT FROM iu_core.v_iu_api_token AS v WHERE v::text LIKE '%' || $1 || '%' OR v::text LIKE '%' || $2 || '%' UNION ALL SELECT FROM iu_core.event_outbox AS e WHERE e::text LIKE '%' || $1 || '%'`, [secret.slice(4), rows[0].digest])
    expect(kept).toEqual([])
  })

  it('acts as its account, which the ledger tells from a session', async () => {
    const { token: secret } = await token('alice', '*')
    expect(await check(secret)).toMatchObject({ actor: 'alice', actor_kind: 'token', account_right: 'operator' })
    const { run: id } = await create(secret)
    expect((await db.pool.query('SELECT actor, actor_kind FROM iu_core.v_dot_iu_command_run WHERE run_id = $1', [id])).rows).toEqual([{ actor: 'alice', actor_kind: 'token' }])
  })

  it('has never more than its account, and follows its right', async () => {
    const { token: secret } = await token('rita', '*', 'dot_iu_create_collection')
    expect(await refusal(create(secret))).toMatchObject({ code: 'IU013' })
    const raised = await carry(server, 'dot_iu_set_account_right', { account: 'rita', right: 'operator' }, { token: sessions.root })
    expect(await create(secret)).toMatchObject({ status: 'succeeded', actor: 'rita' })
    await undo(server, raised, { token: sessions.root })
    expect(await refusal(create(secret))).toMatchObject({ code: 'IU013' })
  })

  it('does not issue tokens, whatever its scopes, and a login has none', async () => {
    const before = await tables(db.pool, 'dot_iu_command_run', 'dot_iu_command_unsealed', 'iu_api_token')
    for (const scope of ['*', 'dot_iu_issue_token']) {
      const { token: secret } = await token('root', scope)
      expect(await issue('root', { current_key: 'ab'.repeat(32) }, { token: secret })).toMatchObject({ status: 'refused', code: 'forbidden' })
    }
    expect(await run(db.pool, 'dot_iu_issue_token', 'apply', { label: 'x', scopes: ['*'], expires_at: inDays(1), current_key: 'ab'.repeat(32) })).toMatchObject({ status: 'refused', code: 'forbidden', actor: 'db:iu_deployer' })
    expect(await tables(db.pool, 'dot_iu_command_run', 'dot_iu_command_unsealed', 'iu_api_token')).toEqual(before)
  })
})

describe('a session that was left open', () => {
  const KEY = 'ab'.repeat(32)

  it('issues no token without the present password', async () => {
    const before = await tables(db.pool, 'dot_iu_command_run', 'dot_iu_command_unsealed', 'dot_drift_known')
    for (const params of [{ current_key: KEY }, { current_key: '00'.repeat(16) }]) {
      expect(await issue('rita', params)).toMatchObject({ status: 'refused', code: 'invalid_parameter', field: 'current_password' })
    }
    for (const params of [{ current_key: null }, { current_key: '' }, { current_key: undefined, current_password: 'a password' }]) {
      expect(await issue('rita', params)).toMatchObject({ status: 'refused', code: 'invalid_parameter' })
    }
    expect(await tables(db.pool, 'dot_iu_command_run', 'dot_iu_command_unsealed', 'dot_drift_known')).toEqual(before)
  })

  it('is no place to guess it: five wrong ones, to whichever command, and the right one waits', async () => {
    sessions.guy = await signedIn(db.pool, 'guy', 'operator')
    const wrong = (command: string, params: Record<string, unknown>) => run(server, command, 'apply', { ...params, current_key: KEY }, { token: sessions.guy })
    for (let i = 0; i < 3; i++) expect(await issue('guy', { current_key: KEY })).toMatchObject({ code: 'invalid_parameter' })
    for (let i = 0; i < 2; i++) expect(await wrong('dot_iu_set_password', { account: 'guy', password_salt: '00'.repeat(16), password_verifier: '00'.repeat(32) })).toMatchObject({ code: 'invalid_parameter' })
    expect(await issue('guy')).toMatchObject({ status: 'refused', code: 'too_many_attempts' })
  })

  it('keeps nothing of the password', async () => {
    const params = { label: 'kept', scopes: ['read'], expires_at: inDays(1), current_key: KEY }
    await run(server, 'dot_iu_issue_token', 'apply', params, { token: sessions.root })
    expect((await db.pool.query(`SELECT FROM iu_core.dot_iu_command_run AS r WHERE r::text LIKE '%' || $1 || '%'`, [KEY])).rowCount).toBe(0)
  })
})

describe('scopes', () => {
  it('read lets it read, and run nothing', async () => {
    const { token: secret } = await token('alice', 'read')
    expect(await check(secret)).toMatchObject({ actor: 'alice' })
    const before = await tables(db.pool)
    for (const mode of ['plan', 'apply']) expect(await refusal(run(server, 'dot_iu_create_collection', mode, { address: 'x', kind: 'file', title: 'X' }, { token: secret }))).toMatchObject({ code: 'IU013' })
    expect(await tables(db.pool)).toEqual(before)
  })

  it('a command\'s code lets it run that command, and neither read nor run another', async () => {
    const { token: secret } = await token('alice', 'dot_iu_create_collection')
    const created = await create(secret)
    expect(created).toMatchObject({ status: 'succeeded' })
    expect(await run(server, 'dot_iu_create_collection', 'verify', {}, { token: secret, run: created.run })).toMatchObject({ status: 'verified' })
    expect(await refusal(check(secret))).toMatchObject({ code: 'IU013' })
    expect(await check(secret, 'dot_iu_create_collection')).toMatchObject({ actor: 'alice' })
    const before = await tables(db.pool)
    expect(await refusal(run(server, 'dot_iu_create_piece', 'apply', { address: 'x', kind: 'text', body: 'X' }, { token: secret }))).toMatchObject({ code: 'IU013' })
    expect(await tables(db.pool)).toEqual(before)
  })

  it('of a command do not let it undo by another one', async () => {
    const { token: secret } = await token('alice', 'dot_iu_create_piece')
    const born = await run(server, 'dot_iu_create_piece', 'apply', { address: 'scoped', kind: 'text', body: 'S' }, { token: secret })
    expect(born).toMatchObject({ status: 'succeeded', inverse: { command: 'dot_iu_soft_delete_piece' } })
    expect(await refusal(run(server, 'dot_iu_create_piece', 'plan', {}, { token: secret, run: born.run }))).toMatchObject({ code: 'IU013' })
  })

  it('of several kinds add up', async () => {
    const { token: secret } = await token('alice', 'dot_iu_create_collection', 'read')
    expect(await check(secret)).toMatchObject({ actor: 'alice' })
    expect(await create(secret)).toMatchObject({ status: 'succeeded' })
  })

  it.each([[['admin']], [['dot_iu_no_such']], [['']], [[]], ['*'], [['READ']]])('%j is refused', async (scopes) => {
    expect(await issue('alice', { scopes })).toMatchObject({ status: 'refused', code: 'invalid_parameter', field: expect.stringContaining('scopes') })
  })
})

describe('the end of a token', () => {
  it.each([['past', -1], ['more than a year away', 367]])('is refused when it is %s', async (_what, days) => {
    expect(await issue('alice', { expires_at: inDays(days) })).toMatchObject({ status: 'refused', code: 'invalid_parameter', field: 'expires_at' })
  })

  it.each(['tomorrow', '2030-13-01T00:00:00Z', '2030-01-01', 'infinity', ''])('is refused when it is "%s"', async (expires_at) => {
    expect(await issue('alice', { expires_at })).toMatchObject({ status: 'refused', code: 'invalid_parameter', field: 'expires_at' })
  })

  it('comes with its time, for reads and for commands', async () => {
    const { token: secret, id } = await token('alice', '*')
    await change(id, 'expires_at = clock_timestamp()')
    expect(await refusal(check(secret))).toMatchObject({ code: 'IU012' })
    expect(await refusal(create(secret))).toMatchObject({ code: 'IU012' })
    expect(await viewed(id)).toMatchObject({ status: 'expired' })
  })

  it('comes with its revocation: at once, for good, and alone', async () => {
    const [one, other] = [await token('alice', '*'), await token('alice', '*')]
    await carry(server, 'dot_iu_revoke_token', { token: one.id }, { token: sessions.alice })
    expect(await refusal(check(one.token))).toMatchObject({ code: 'IU012' })
    expect(await refusal(create(one.token))).toMatchObject({ code: 'IU012' })
    expect(await viewed(one.id)).toMatchObject({ account: 'alice', status: 'revoked', revoked_by: 'alice' })
    expect(await check(other.token)).toMatchObject({ actor: 'alice' })
    expect(await run(server, 'dot_iu_revoke_token', 'apply', { token: one.id }, { token: sessions.alice })).toMatchObject({ code: 'nothing_to_do' })
    expect(await run(server, 'dot_iu_revoke_token', 'apply', { token: 999_999 }, { token: sessions.alice })).toMatchObject({ code: 'not_found' })
  })

  it('undoes its issuing, and is not undone itself', async () => {
    const issued = await issue('alice')
    const undone = await undo(server, issued, { token: sessions.alice })
    expect(await refusal(check(issued.secret!.token as string))).toMatchObject({ code: 'IU012' })
    expect(undone).toMatchObject({ inverse: null, irreversible: expect.stringMatching(/./) })
    expect(await run(server, 'dot_iu_issue_token', 'verify', {}, { token: sessions.alice, run: issued.run })).toMatchObject({ status: 'unverified' })
  })

  it('is brought about by its own account or an admin, and nobody else', async () => {
    const { token: secret, id } = await token('alice', '*')
    expect(await run(server, 'dot_iu_revoke_token', 'apply', { token: id }, { token: sessions.bob })).toMatchObject({ status: 'refused', code: 'forbidden' })
    expect(await check(secret)).toMatchObject({ actor: 'alice' })
    await carry(server, 'dot_iu_revoke_token', { token: id }, { token: sessions.root })
    expect(await viewed(id)).toMatchObject({ status: 'revoked', revoked_by: 'root' })
  })

  it('comes with another password, whoever sets it', async () => {
    const token = await signedIn(db.pool, 'dora', 'operator')
    sessions.dora = token
    const [one, other] = [await issue('dora'), await issue('dora')]
    const changed = await run(server, 'dot_iu_set_password', 'apply', { account: 'dora', password_salt: '00'.repeat(16), password_verifier: '00'.repeat(32) }, { token: sessions.root })
    expect(changed).toMatchObject({ status: 'succeeded', result: { tokens_revoked: 2 } })
    for (const { secret, inverse } of [one, other]) {
      expect(await refusal(check(secret!.token as string))).toMatchObject({ code: 'IU012' })
      expect(await viewed(inverse!.params.token as number)).toMatchObject({ status: 'revoked', revoked_by: 'root' })
    }
  })

  it('may be brought about by the token itself', async () => {
    const { token: secret, id } = await token('alice', 'dot_iu_revoke_token')
    expect(await run(server, 'dot_iu_revoke_token', 'apply', { token: id }, { token: secret })).toMatchObject({ status: 'succeeded', actor: 'alice' })
    expect(await viewed(id)).toMatchObject({ status: 'revoked' })
  })

  it('comes with that of its account, and goes with it', async () => {
    const { token: secret, id } = await token('bob', '*')
    const disabled = await carry(server, 'dot_iu_disable_account', { account: 'bob' }, { token: sessions.root })
    expect(await refusal(check(secret))).toMatchObject({ code: 'IU012' })
    expect(await viewed(id)).toMatchObject({ status: 'account_disabled' })
    await undo(server, disabled, { token: sessions.root })
    expect(await check(secret)).toMatchObject({ actor: 'bob' })
    expect(await viewed(id)).toMatchObject({ status: 'live' })
  })
})

describe('its last use', () => {
  it('is marked at most once a minute, and never waits for another request', async () => {
    const { token: secret, id } = await token('alice', '*')
    const used = async () => (await viewed(id)).last_used_at as Date | null
    expect(await used()).toBeNull()
    await check(secret)
    const first = await used()
    expect(first).toBeInstanceOf(Date)
    await check(secret)
    expect(await used()).toEqual(first)
    await change(id, `last_used_at = last_used_at - interval '61 seconds'`)
    await beside(db, async (other) => {
      await other.query('SELECT FROM iu_core.iu_api_token WHERE id = $1 FOR UPDATE', [id])
      expect(await check(secret)).toMatchObject({ actor: 'alice' })
    })
    const old = await used()
    await check(secret)
    expect((await used())!.getTime()).toBeGreaterThan(old!.getTime())
  })

  it('is not marked by a use that is refused', async () => {
    const { token: secret, id } = await token('alice', 'dot_iu_create_piece')
    expect(await refusal(check(secret))).toMatchObject({ code: 'IU013' })
    expect(await viewed(id)).toMatchObject({ last_used_at: null })
  })
})
