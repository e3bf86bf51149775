/** Whoever has the console's login, but nobody's token: what is open to it changes nothing of the product. */
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { COMMANDS } from '../../../shared/commands/index.ts'
import { carry, openDatabase, run, signedIn, tables } from '../commands/world.ts'
import type { TestDatabase } from '../harness.ts'
import { refusal } from '../world.ts'
import { MATRIX } from './rights.ts'

let db: TestDatabase
let console_: pg.Client
/** Whatever somebody without a token might try as one: among it each digest of a token as the database keeps it. */
let guesses: (string | null)[]

beforeAll(async () => {
  db = await openDatabase()
  const token = await signedIn(db.pool, 'alice', 'admin')
  const receipt = await carry(db.pool, 'dot_iu_create_collection', { address: 'kept', kind: 'file', title: 'Kept' }, { token })
  await carry(db.pool, 'dot_iu_create_piece', { address: 'kept.a', kind: 'text', body: 'Kept.', collection: 'kept' }, { token })
  const issued = await run(db.pool, 'dot_iu_issue_token', 'apply', { label: 'ci', scopes: ['*'], expires_at: new Date(Date.now() + 3_600_000).toISOString() }, { token })
  expect(issued.status).toBe('succeeded')
  const { rows } = await db.pool.query<{ guess: string }>(`
    SELECT encode(token_digest, 'hex') AS guess FROM iu_core.iu_session UNION ALL SELECT encode(token_digest, 'hex') FROM iu_core.iu_api_token
    UNION ALL SELECT token_digest::text FROM iu_core.iu_session UNION ALL SELECT encode(password_verifier, 'hex') FROM iu_core.iu_account`)
  guesses = [null, '', ' ', 'alice', 'db:iu_deployer', 'iu_owner', `ius_${'0'.repeat(64)}`, receipt.plan_digest, token.slice(4), token.toUpperCase(), `${token} `, ...rows.map(row => row.guess)]
  console_ = await db.login('iu_console')
})
afterAll(() => db.drop())

/** What `work` does to each table: the names of those that it changed. */
async function changedBy(work: () => Promise<unknown>): Promise<string[]> {
  const before = await tables(db.pool)
  await work()
  const after = await tables(db.pool)
  return Object.keys(before).filter(name => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
}

it('what the console may call and what could write are the dispatcher, the session\'s three, the sealer, the audit, the replayer and what says that it runs', async () => {
  const { rows } = await db.pool.query<{ name: string }>(`SELECT proname AS name FROM pg_proc WHERE pronamespace = 'iu_core'::regnamespace AND provolatile = 'v' AND has_function_privilege('iu_console', oid, 'EXECUTE') ORDER BY 1`)
  // A comparison is volatile to see what was committed when it has its lock, and so is what tells of one; it is a read, as is shown below.
  const reads = ['fn_dot_compare', 'fn_dot_drift', 'fn_iu_sync_layers']
  expect(rows.map(({ name }) => name).filter(name => !reads.includes(name))).toEqual(['fn_dot_command_run', 'fn_dot_history_seal', 'fn_dot_ledger_seal', 'fn_iu_console_beat', 'fn_iu_console_leave', 'fn_iu_event_audit', 'fn_iu_replay_step', 'fn_iu_session_check', 'fn_iu_sign_in', 'fn_iu_sign_out'])
  expect(rows.filter(({ name }) => !MATRIX.iu_console.calls.includes(name))).toEqual([])
})

describe('without anybody\'s token', () => {
  it('the dispatcher knows nobody, for any command in any mode, and leaves no row', async () => {
    const answers = new Set<string>()
    expect(await changedBy(async () => {
      for (const { code } of COMMANDS) {
        for (const mode of ['plan', 'apply', 'verify', 'rollback']) {
          for (const token of guesses) {
            const options = { reason: 'a try', run: mode === 'plan' || mode === 'apply' ? undefined : 1, confirm: 'kept', key: 'a-key', ...(token === null ? {} : { token }) }
            answers.add((await refusal(run(console_, code, mode, { collection: 'kept', piece: 'kept.a' }, options))).code!)
          }
        }
      }
    })).toEqual([])
    expect([...answers]).toEqual(['IU012'])
  })

  it('the dispatcher takes null for every argument, and anything for a command or a mode', async () => {
    const calls = [
      'NULL, NULL', `NULL, 'apply'`, `'dot_iu_close_gate', NULL`, `'dot_iu_close_gate', 'APPLY'`, `'no_such', 'apply'`, `'fn_iu_gate_set', 'apply'`, `'dot_iu_close_gate', 'apply', NULL, NULL, NULL, NULL, NULL, NULL, NULL`,
      `'dot_iu_close_gate', 'apply', '[]', 'why', 'no digest', -1, 'x', 'k', 'made up'`, `'dot_iu_close_gate', 'rollback', '{}', 'why', NULL, 1, NULL, NULL, NULL`,
    ]
    expect(await changedBy(async () => {
      for (const given of calls) expect((await refusal(console_.query(`SELECT iu_core.fn_dot_command_run(${given})`))).code, given).toMatch(/^IU0(02|12)$/)
    })).toEqual([])
  })

  it('a session check tells nothing and marks nothing used', async () => {
    await db.pool.query(`UPDATE iu_core.iu_session SET last_used_at = last_used_at - interval '5 minutes'`)
    expect(await changedBy(async () => {
      for (const token of guesses) {
        for (const scope of ['read', '*', null]) expect(await refusal(console_.query('SELECT * FROM iu_core.fn_iu_session_check($1, $2)', [token, scope]))).toMatchObject({ code: 'IU012' })
      }
    })).toEqual([])
  })

  it('a sign-in is counted as failed, and that is all', async () => {
    const keys = [null, Buffer.alloc(0), Buffer.alloc(32), ...guesses.filter(guess => guess !== null).map(guess => Buffer.from(guess, 'hex'))]
    const statuses = new Set<string>()
    expect(await changedBy(async () => {
      for (const account of [null, '', 'alice', 'nobody', 'db:iu_deployer']) {
        for (const key of keys) statuses.add((await console_.query<{ status: string }>('SELECT status FROM iu_core.fn_iu_sign_in($1, $2, $3)', [account, key, account])).rows[0]!.status)
      }
    })).toEqual(['iu_sign_in_failure'])
    expect([...statuses].sort()).toEqual(['refused', 'throttled'])
  })

  it('a sign-out ends nobody\'s session', async () => {
    expect(await changedBy(async () => {
      for (const token of guesses) await console_.query('SELECT iu_core.fn_iu_sign_out($1)', [token])
    })).toEqual([])
  })

  it('the sealer chains what is in the ledger, and touches nothing else', async () => {
    expect(await changedBy(() => refusal(console_.query('SELECT iu_core.fn_dot_ledger_seal(NULL)')))).toEqual([])
    expect(await changedBy(() => console_.query('SELECT iu_core.fn_dot_ledger_seal(1000)'))).toEqual(['dot_iu_command_seal', 'dot_iu_command_unsealed', 'dot_iu_history_state'])
    expect(await changedBy(() => console_.query('SELECT iu_core.fn_dot_ledger_seal(1000)'))).toEqual([])
  })

  it('the audit writes down what it has counted, and touches nothing else', async () => {
    expect(await changedBy(() => refusal(console_.query('SELECT iu_core.fn_iu_event_audit(NULL)')))).toEqual([])
    const audits = ['dot_iu_history_state', 'dot_iu_history_unsealed', 'iu_event_audit', 'iu_event_audit_late', 'iu_event_audit_open', 'iu_route_attempt_block']
    expect((await changedBy(() => console_.query('SELECT iu_core.fn_iu_event_audit()'))).filter(name => !audits.includes(name))).toEqual([])
  })

  it('the replayer does nothing where nobody started a replay', async () => {
    expect(await changedBy(async () => {
      expect((await console_.query('SELECT status FROM iu_core.fn_iu_replay_step(1000)')).rows).toEqual([{ status: 'idle' }])
      expect(await refusal(console_.query('SELECT iu_core.fn_iu_replay_step(NULL)'))).toMatchObject({ code: 'IU002' })
    })).toEqual([])
  })

  it('all else that the console may call is no more than a read', async () => {
    const others = MATRIX.iu_console.calls.filter(name => !/command_run$|seal$|event_audit$|console_(?:beat|leave)$|replay_step|session_check|sign_in$|sign_out/.test(name))
    const { rows } = await db.pool.query<{ name: string, args: number }>(`SELECT proname AS name, pronargs::integer AS args FROM pg_proc WHERE pronamespace = 'iu_core'::regnamespace AND proname = ANY ($1)`, [others])
    expect(rows).toHaveLength(others.length)
    await console_.query('SET default_transaction_read_only = on')
    for (const { name, args } of rows) {
      const code = await console_.query(`SELECT * FROM iu_core.${name}(${Array(args).fill('NULL').join(', ')})`).then(() => 'done', (error: pg.DatabaseError) => error.code)
      expect(code, name).toMatch(name === 'fn_iu_import_unchanged' ? /^IU012$/ : /^(?:done|IU003)$/)
    }
    await console_.query('RESET default_transaction_read_only')
  })
})
