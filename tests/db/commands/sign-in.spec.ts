import { createHash, randomBytes } from 'node:crypto'
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { TestDatabase } from '../harness.ts'
import { refusal } from '../world.ts'
import { beside, waiting } from './beside.ts'
import { carry, openDatabase, password, run } from './world.ts'

let db: TestDatabase
let server: pg.Client
const keys: Record<string, Buffer> = {}

beforeAll(async () => {
  db = await openDatabase()
  server = await db.login('iu_console')
  for (const account of ['alice', 'bob', 'gone']) {
    const { key, params } = password()
    keys[account] = key
    expect(await run(db.pool, 'dot_iu_add_account', 'apply', { account, right: 'reviewer', ...params })).toMatchObject({ status: 'succeeded' })
  }
  await carry(db.pool, 'dot_iu_disable_account', { account: 'gone' })
})
afterAll(() => db.drop())
beforeEach(() => db.pool.query('DELETE FROM iu_core.iu_sign_in_failure'))

interface Answer { status: 'signed_in' | 'refused' | 'throttled', token: string | null, retry_after: number | null }
const WRONG = randomBytes(32)
const REFUSED: Answer = { status: 'refused', token: null, retry_after: null }

async function signIn(account: string | null, key: Buffer | null | undefined, client = 'a client', on: Pick<pg.Client | pg.Pool, 'query'> = server): Promise<Answer> {
  return (await on.query('SELECT * FROM iu_core.fn_iu_sign_in($1, $2, $3)', [account, key, client])).rows[0] as Answer
}
const session = async (account: string): Promise<string> => (await signIn(account, keys[account])).token!
const check = async (token: string) => (await server.query<{ actor: string, actor_kind: string, account_right: string, expires_at: Date }>('SELECT * FROM iu_core.fn_iu_session_check($1)', [token])).rows[0]!
const count = async (sql: string, values: unknown[] = []) => Number((await db.pool.query<{ n: string }>(`SELECT count(*) AS n FROM ${sql}`, values)).rows[0]!.n)
const failures = () => count('iu_core.iu_sign_in_failure')
const digestOf = (token: string) => createHash('sha256').update(token).digest()
/** Lets so much time pass for the failures on record. */
const age = (interval: string) => db.pool.query('UPDATE iu_core.iu_sign_in_failure SET failed_at = failed_at - $1::interval', [interval])
/** Writes so many failures, the last one just now. */
const failed = (account: string, client: string, times: number) => db.pool.query(`
  INSERT INTO iu_core.iu_sign_in_failure (account_digest, client_digest) SELECT sha256(convert_to($1, 'UTF8')), sha256(convert_to($2, 'UTF8')) FROM generate_series(1, $3)`, [account, client, times])

describe('signing in', () => {
  it('with the right key opens a session, whose token says who it is', async () => {
    const answer = await signIn('alice', keys.alice)
    expect(answer).toEqual({ status: 'signed_in', token: expect.stringMatching(/^ius_[0-9a-f]{64}$/), retry_after: null })
    expect(await check(answer.token!)).toMatchObject({ actor: 'alice', actor_kind: 'session', account_right: 'reviewer', display_name: 'alice' })
    expect(await count(`iu_core.v_iu_account WHERE account = 'alice' AND last_sign_in_at > now() - interval '1 minute' AND live_sessions > 0`)).toBe(1)
  })

  it('gives another token each time, and keeps of it nothing but the hash', async () => {
    const tokens = [await session('alice'), await session('alice')]
    expect(new Set(tokens).size).toBe(2)
    for (const token of tokens) {
      expect(await count('iu_core.iu_session WHERE token_digest = $1', [digestOf(token)])).toBe(1)
      expect(await count('iu_core.iu_session AS s WHERE position($1 IN s::text) > 0 OR position($2 IN s::text) > 0', [token, token.slice(4)])).toBe(0)
    }
  })

  it('keeps no more of a password than the hash of its key, which is no key', async () => {
    expect(await count(`iu_core.iu_account AS a WHERE account = 'alice' AND password_verifier = $1 AND position(encode($2, 'hex') IN a::text) = 0`, [createHash('sha256').update(keys.alice!).digest(), keys.alice])).toBe(1)
    expect(await signIn('alice', createHash('sha256').update(keys.alice!).digest())).toEqual(REFUSED)
  })

  it.each([
    ['a wrong key', 'alice', () => WRONG],
    ['another account\'s key', 'alice', () => keys.bob],
    ['no key', 'alice', () => null],
    ['an unknown name', 'nobody', () => keys.alice],
    ['no name', null, () => keys.alice],
    ['a name in other letters', 'Alice', () => keys.alice],
    ['the right key of a disabled account', 'gone', () => keys.gone],
  ])('with %s is refused alike, is counted, and opens nothing', async (_what, account, key) => {
    const sessions = await count('iu_core.iu_session')
    expect(await signIn(account, key())).toEqual(REFUSED)
    expect(await failures()).toBe(1)
    expect(await count('iu_core.iu_session')).toBe(sessions)
  })

  it('has a salt for every name: stable, of one length, different between names, and the account\'s own where there is one', async () => {
    const salt = async (account: string | null) => (await server.query<{ salt: Buffer }>('SELECT iu_core.fn_iu_sign_in_salt($1) AS salt', [account])).rows[0]!.salt.toString('hex')
    const names = ['alice', 'bob', 'gone', 'nobody', 'nobody.else', '', 'ALICE']
    const first: string[] = []
    for (const name of names) first.push(await salt(name))
    expect(new Set(first).size).toBe(names.length)
    expect(new Set(first.map(hex => hex.length))).toEqual(new Set([32]))
    const { rows } = await db.pool.query<{ salt: string }>(`SELECT encode(password_salt, 'hex') AS salt FROM iu_core.iu_account WHERE account IN ('alice', 'bob', 'gone') ORDER BY account`)
    expect(first.slice(0, 3)).toEqual(rows.map(row => row.salt))
    expect(await salt(null)).toHaveLength(32)
    // A new password has a new salt; the made-up ones stay, or a change would tell which names are made up.
    await carry(db.pool, 'dot_iu_set_password', { account: 'alice', password_verifier: createHash('sha256').update(keys.alice!).digest('hex'), password_salt: '00'.repeat(16) })
    const second: string[] = []
    for (const name of names) second.push(await salt(name))
    expect(second).toEqual(first.with(0, '00'.repeat(16)))
  })
})

describe('guessing', () => {
  it('is slowed down for the name and the client: after five failures 2, 4, 8 … seconds, and five minutes at most', async () => {
    for (let i = 0; i < 5; i++) expect(await signIn('alice', WRONG, 'one more')).toEqual(REFUSED)
    const now = async () => (await db.pool.query<{ at: number }>('SELECT extract(epoch FROM clock_timestamp())::float8 AS at')).rows[0]!.at
    for (const seconds of [2, 4, 8, 16, 32, 64, 128, 256, 300]) {
      // However long this test stands still: they are to come yet, and the wait ends so many seconds after the last.
      await age('-1 hour')
      const { rows: [last] } = await db.pool.query<{ at: number }>('SELECT extract(epoch FROM max(failed_at))::float8 AS at FROM iu_core.iu_sign_in_failure')
      const before = await now()
      const { status, retry_after: wait } = await signIn('alice', WRONG, 'one more')
      expect(status).toBe('throttled')
      const told = last!.at + seconds - wait!
      expect([told > before - 1, told <= await now()]).toEqual([true, true])
      await age(`1 hour ${seconds} seconds`)
      expect(await signIn('alice', WRONG, 'one more')).toEqual(REFUSED)
    }
    expect(await failures()).toBe(14)
  })

  it('is stopped where it comes from, the right key included; what is stopped is not counted', async () => {
    await failed('alice', 'a guesser', 12)
    expect(await signIn('alice', keys.alice, 'a guesser')).toMatchObject({ status: 'throttled', token: null })
    expect(await failures()).toBe(12)
  })

  it('by others refuses nobody\'s right password: not of this name from elsewhere, not of another name from there', async () => {
    for (let i = 0; i < 40; i++) await failed('alice', `guesser ${i}`, 12)
    for (let i = 0; i < 40; i++) await failed(`name.${i}`, 'one guesser', 12)
    expect(await signIn('alice', keys.alice, 'her own machine')).toMatchObject({ status: 'signed_in' })
    expect(await signIn('bob', keys.bob, 'guesser 1')).toMatchObject({ status: 'signed_in' })
    expect(await signIn('alice', keys.alice, 'one guesser')).toMatchObject({ status: 'signed_in' })
    expect(await signIn('alice', keys.alice, 'guesser 1')).toMatchObject({ status: 'throttled' })
  })

  it('slows an unknown name down alike', async () => {
    await failed('nobody', 'a guesser', 5)
    expect(await signIn('nobody', WRONG, 'a guesser')).toMatchObject({ status: 'throttled' })
  })

  it('side by side is counted as in a row: of many at once one is let through, and the others wait for what becomes of it', async () => {
    await failed('alice', 'a guesser', 12)
    await age('301 seconds')
    await beside(db, async (first) => {
      expect(await signIn('alice', WRONG, 'a guesser', first)).toEqual(REFUSED)
      const others = Promise.all(Array.from({ length: 5 }, (_, i) => signIn('alice', i % 2 ? WRONG : keys.alice, 'a guesser', db.pool)))
      await waiting(db, 5)
      expect(await signIn('bob', keys.bob)).toMatchObject({ status: 'signed_in' })
      await first.query('COMMIT')
      expect((await others).map(({ status }) => status)).toEqual(Array<string>(5).fill('throttled'))
    })
    expect(await failures()).toBe(13)
  })

  it('is forgiven by a success there, and nowhere else', async () => {
    await failed('alice', 'a client', 4)
    await failed('alice', 'a guesser', 4)
    await failed('bob', 'a client', 4)
    expect(await signIn('alice', keys.alice)).toMatchObject({ status: 'signed_in' })
    expect(await failures()).toBe(8)
    for (let i = 0; i < 4; i++) expect(await signIn('alice', WRONG)).toEqual(REFUSED)
  })

  it('is forgotten after a quarter of an hour', async () => {
    await failed('alice', 'a client', 12)
    await age('15 minutes 1 second')
    expect(await signIn('alice', WRONG)).toEqual(REFUSED)
    expect(await failures()).toBe(1)
  })
})

describe('a session', () => {
  it('ends with the sign-out: at once, for good, and alone', async () => {
    const [token, other] = [await session('alice'), await session('alice')]
    await server.query('SELECT iu_core.fn_iu_sign_out($1)', [token])
    const { rows: ended } = await db.pool.query('SELECT ended_at, end_reason FROM iu_core.iu_session WHERE token_digest = $1', [digestOf(token)])
    expect(ended).toEqual([{ ended_at: expect.any(Date), end_reason: 'signed out' }])
    expect(await refusal(check(token))).toMatchObject({ code: 'IU012' })
    expect(await refusal(run(server, 'dot_iu_issue_token', 'plan', {}, { token }))).toMatchObject({ code: 'IU012' })
    await server.query('SELECT iu_core.fn_iu_sign_out($1)', [token])
    expect((await db.pool.query('SELECT ended_at, end_reason FROM iu_core.iu_session WHERE token_digest = $1', [digestOf(token)])).rows).toEqual(ended)
    expect(await check(other)).toMatchObject({ actor: 'alice' })
  })

  it('ends seven days after the sign-in, used or not', async () => {
    const token = await session('alice')
    expect(await count(`iu_core.iu_session WHERE token_digest = $1 AND expires_at - created_at BETWEEN interval '6 days 23 hours' AND interval '7 days 1 minute'`, [digestOf(token)])).toBe(1)
    await db.pool.query(`UPDATE iu_core.iu_session SET expires_at = clock_timestamp() + interval '1 hour' WHERE token_digest = $1`, [digestOf(token)])
    expect((await check(token)).expires_at).toEqual((await db.pool.query<{ expires_at: Date }>('SELECT expires_at FROM iu_core.iu_session WHERE token_digest = $1', [digestOf(token)])).rows[0]!.expires_at)
    await db.pool.query('UPDATE iu_core.iu_session SET expires_at = clock_timestamp() WHERE token_digest = $1', [digestOf(token)])
    expect(await refusal(check(token))).toMatchObject({ code: 'IU012' })
    expect(await refusal(run(server, 'dot_iu_issue_token', 'plan', {}, { token }))).toMatchObject({ code: 'IU012' })
  })

  it('ends after twelve hours without use, and a use keeps it for twelve more', async () => {
    const idle = (interval: string) => db.pool.query('UPDATE iu_core.iu_session SET last_used_at = clock_timestamp() - $1::interval WHERE token_digest = $2', [interval, digestOf(token)])
    const token = await session('alice')
    await idle('11 hours 50 minutes')
    expect(await check(token)).toMatchObject({ actor: 'alice' })
    const ends = async () => (await db.pool.query<{ at: Date }>(`SELECT last_used_at + interval '12 hours' AS at FROM iu_core.iu_session WHERE token_digest = $1`, [digestOf(token)])).rows[0]!.at
    expect((await check(token)).expires_at).toEqual(await ends())
    await idle('12 hours')
    expect(await refusal(check(token))).toMatchObject({ code: 'IU012' })
    expect(await refusal(run(server, 'dot_iu_issue_token', 'plan', {}, { token }))).toMatchObject({ code: 'IU012' })
  })

  it('is marked used at most once a minute, and never waits for another request of the same session', async () => {
    const token = await session('alice')
    const used = async () => (await db.pool.query<{ at: number }>('SELECT extract(epoch FROM last_used_at)::float8 AS at FROM iu_core.iu_session WHERE token_digest = $1', [digestOf(token)])).rows[0]!.at
    const before = await used()
    await check(token)
    expect(await used()).toBe(before)
    await db.pool.query(`UPDATE iu_core.iu_session SET last_used_at = last_used_at - interval '61 seconds' WHERE token_digest = $1`, [digestOf(token)])
    await beside(db, async (other) => {
      await other.query('SELECT FROM iu_core.iu_session WHERE token_digest = $1 FOR UPDATE', [digestOf(token)])
      expect(await check(token)).toMatchObject({ actor: 'alice' })
    })
    const old = await used()
    await check(token)
    expect(await used()).toBeGreaterThan(old)
  })
})
