/** Hostile sessions by chance: any setting that a session may set, to any value that it takes, with its traps laid; nothing of it is run, stored or compared by. */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { COMMANDS } from '../../shared/commands/index.ts'
import { casesOf, type Stage } from '../db/commands/cases.ts'
import { openDatabase, run, signedIn } from '../db/commands/world.ts'
import { hostile } from '../db/roles/hostile-session.ts'

const ROUNDS = 200
const stage = {} as Stage
const CASES = casesOf(stage)

beforeAll(async () => {
  const db = await openDatabase()
  Object.assign(stage, { db, admin: await signedIn(db.pool, 'walker', 'admin') })
})
afterAll(() => stage.db.drop())

/** What leaves the world as the next case needs it. */
const CODES = COMMANDS.map(({ code }) => code).filter(code => /piece|collection|import|register|account|token|probe/.test(code))

interface Setting { name: string, type: string, min: string | null, max: string | null, choices: string[] | null }
const STRINGS = ['', 'C', 'UTC', 'Pacific/Chatham', 'German, DMY', 'pg_temp', 'all', 'none', '\'"\\', 'LATIN1', 'SQL_ASCII', 'simple', 'x'.repeat(2000)]

/** A value that PostgreSQL may refuse: then the session goes on without it. */
const valueOf = ({ type, min, max, choices }: Setting): fc.Arbitrary<string> =>
  type === 'bool' ? fc.constantFrom('on', 'off') : choices ? fc.constantFrom(...choices) : type === 'string' ? fc.constantFrom(...STRINGS) : fc.constantFrom(min!, max!, '0', '1', '7')

test(`${ROUNDS} hostile sessions change nothing that anybody decides, stores or compares by`, async () => {
  const { db } = stage
  const { rows: all } = await db.pool.query<Setting>(`
    SELECT name, vartype AS type, min_val AS min, max_val AS max, enumvals AS choices FROM pg_settings
    -- What ends the session, or only it, proves nothing.
    WHERE context = 'user' AND name !~ 'session_timeout|transaction_timeout|^tcp_|exit_on_error|^debug_|^log_|^trace_|client_connection_check|temp_buffers'`)
  expect(all.length).toBeGreaterThan(80)
  const setting = fc.constantFrom(...all).chain(one => valueOf(one).map(value => [one.name, value] as const))
  const session = fc.record({
    role: fc.constantFrom('iu_operator', 'iu_approver', 'iu_console'), settings: fc.array(setting, { minLength: 1, maxLength: 12 }),
    commands: fc.array(fc.record({ code: fc.constantFrom(...CODES), mode: fc.constantFrom('plan', 'apply') }), { minLength: 1, maxLength: 4 }),
  })
  let made = 0
  const outcomes = new Map<string, number>()
  await fc.assert(fc.asyncProperty(session, async ({ role, settings, commands }) => {
    const cases = []
    for (const { code, mode } of commands) {
      const { params, token } = await Object.values(CASES[code]!)[0]!(`fuzz.n${++made}`)
      cases.push({ code, mode, params, token: token ?? stage.admin })
    }
    const intruder = await hostile(db, role, { settings: {} })
    try {
      for (const [name, value] of settings) await intruder.client.query('SELECT set_config($1, $2, false)', [name, value]).catch(() => {})
      for (const { code, mode, params, token } of cases) {
        const outcome = await run(intruder.waiting, code, mode, params, { token, reason: 'a fuzz' }).then(({ status }) => status, (error: { code?: string }) => `error ${error.code}`)
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
        await intruder.client.query('RESET ALL')
        expect(await intruder.caught(), `${code} with ${JSON.stringify(settings)}`).toBe(0)
        for (const [name, value] of settings) await intruder.client.query('SELECT set_config($1, $2, false)', [name, value]).catch(() => {})
      }
    }
    finally {
      await intruder.drop()
    }
    const { rows: [compared] } = await db.pool.query<{ c: { state: string, objects: unknown[] } }>('SELECT iu_core.fn_dot_compare() AS c')
    expect(compared!.c, JSON.stringify(settings)).toMatchObject({ state: 'matches', objects: [] })
    expect((await db.pool.query(`SELECT refused FROM iu_core.dot_drift_known WHERE refused <> '{}'`)).rows, JSON.stringify(settings)).toEqual([])
  }), { numRuns: ROUNDS, endOnFailure: true })
  console.log(`${made} commands: ${[...outcomes].sort(([, a], [, b]) => b - a).map(([name, n]) => `${name} ${n}`).join(', ')}`)
  expect(outcomes.get('planned')).toBeGreaterThan(0)
  expect(outcomes.get('succeeded')).toBeGreaterThan(0)
})
