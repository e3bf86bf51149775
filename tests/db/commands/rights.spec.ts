import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RIGHTS } from '../../../shared/commands/contract.ts'
import { COMMANDS } from '../../../shared/commands/index.ts'
import type { TestDatabase } from '../harness.ts'
import { type Member, memberOf } from '../roles/members.ts'
import { COMMAND_RIGHTS } from '../roles/rights.ts'
import { refusal } from '../world.ts'
import { openDatabase, run, signedIn, tables } from './world.ts'

const MODES = ['plan', 'plan of a rollback', 'apply', 'verify', 'rollback'] as const
type Asked = { code: string, mode: typeof MODES[number] }
const EVERYTHING: Asked[] = COMMANDS.flatMap(({ code }) => MODES.map(mode => ({ code, mode })))

let db: TestDatabase
let server: pg.Client
const tokens: Record<string, string> = {}
const members: Record<string, Member> = {}
const logins: Record<string, pg.Client> = {}
/** For each command a run that can be verified and undone, by the same command. */
const runs: Record<string, number> = {}

beforeAll(async () => {
  db = await openDatabase()
  for (const right of RIGHTS) tokens[right] = await signedIn(db.pool, `an.${right}`, right)
  for (const role of ['iu_operator', 'iu_approver']) {
    members[role] = memberOf(db, role)
    logins[role] = await members[role].login()
  }
  server = await db.login('iu_console')
  for (const { code } of COMMANDS) {
    const { rows } = await db.pool.query<{ id: string }>(`
      INSERT INTO iu_core.dot_iu_command_run (command_code, mode, status, actor, actor_kind, params, param_digest, receipt, started_at)
      VALUES ($1, 'apply', 'succeeded', 'somebody', 'owner', '{}', sha256('{}'), jsonb_build_object('command', $1::text, 'checks', '[]'::jsonb, 'inverse', jsonb_build_object('command', $1::text, 'params', '{}'::jsonb)), now())
      RETURNING id`, [code])
    runs[code] = Number(rows[0]!.id)
  }
})
afterAll(async () => {
  for (const member of Object.values(members)) await member.drop()
  await db.drop()
})

const ask = (client: pg.Client, { code, mode }: Asked, token?: string) =>
  run(client, code, mode === 'plan of a rollback' ? 'plan' : mode, {}, { run: mode === 'plan' || mode === 'apply' ? undefined : runs[code], reason: 'a test', token })

it('the page says of each command what its contract and the registry say', async () => {
  expect(COMMAND_RIGHTS).toEqual(COMMANDS.map(({ code, right, tier, gates, reason }) => ({ command: code, right, tier, gates: [...gates], reason: tier > 1 || reason === true })))
  const { rows } = await db.pool.query('SELECT command_code AS command, required_right AS right, tier::integer, gates, reason_required AS reason FROM iu_core.dot_iu_command')
  expect(rows.sort((a, b) => a.command.localeCompare(b.command))).toEqual([...COMMAND_RIGHTS].sort((a, b) => a.command.localeCompare(b.command)))
})

describe.each([
  { who: 'nobody', right: 'none', code: 'IU012' },
  { who: 'a made-up token', right: 'none', code: 'IU012', token: () => `ius_${'0'.repeat(64)}` },
  ...RIGHTS.map(right => ({ who: `an account with the right ${right}`, right, code: 'IU013', token: () => tokens[right] })),
  { who: 'a login that is a member of iu_operator', right: 'operator', code: 'IU013', login: 'iu_operator' },
  { who: 'a login that is a member of iu_approver', right: 'approver', code: 'IU013', login: 'iu_approver' },
])('$who', ({ right, code, token, login }: { right: string, code: string, token?: () => string | undefined, login?: string }) => {
  const client = () => login ? logins[login]! : server
  const rank = (of: string) => RIGHTS.indexOf(of as typeof RIGHTS[number])
  const may = ({ code }: Asked) => rank(right) >= rank(COMMAND_RIGHTS.find(row => row.command === code)!.right)
  const allowed = EVERYTHING.filter(may)
  const refused = EVERYTHING.filter(asked => !may(asked))

  it('may what the page says: each such call is answered, and leaves one row of its own in the ledger', async () => {
    expect(allowed.length).toBe(right === 'none' ? 0 : right === 'admin' ? EVERYTHING.length : COMMAND_RIGHTS.filter(row => rank(right) >= rank(row.right)).length * MODES.length)
    for (const asked of allowed) {
      await client().query('BEGIN')
      const receipt = await ask(client(), asked, token?.())
      await client().query('ROLLBACK')
      expect(receipt, JSON.stringify(asked)).toMatchObject({ command: asked.code, actor: login ? `db:${members[login]!.name}` : `an.${right}`, run: expect.any(Number) })
      expect(receipt.code, JSON.stringify(receipt)).not.toBe('forbidden')
      expect(receipt.status).not.toBe('failed')
    }
  })

  it(`is refused all else with ${code}, and no row of any table is written`, async () => {
    const before = await tables(db.pool)
    for (const asked of refused) expect(await refusal(ask(client(), asked, token?.())), JSON.stringify(asked)).toMatchObject({ code })
    expect(await tables(db.pool)).toEqual(before)
  })
})

describe('a rollback needs the right of what it does', () => {
  it('who may close a gate may not open it by undoing that', async () => {
    const closed = await run(server, 'dot_iu_close_gate', 'apply', { gate: 'iu_core.composer_enabled' }, { reason: 'a test', token: tokens.operator })
    expect(closed).toMatchObject({ status: 'succeeded', inverse: { command: 'dot_iu_open_gate' } })
    const before = await tables(db.pool)
    for (const mode of ['plan', 'rollback']) expect(await refusal(run(server, 'dot_iu_close_gate', mode, {}, { run: closed.run, reason: 'a test', token: tokens.operator }))).toMatchObject({ code: 'IU013' })
    expect(await tables(db.pool)).toEqual(before)
    const plan = await run(server, 'dot_iu_close_gate', 'plan', {}, { run: closed.run, token: tokens.approver })
    expect(await run(server, 'dot_iu_close_gate', 'rollback', {}, { run: closed.run, reason: 'a test', plan: plan.plan_digest, confirm: 'iu_core.composer_enabled', token: tokens.approver })).toMatchObject({ status: 'succeeded' })
  })

  it('who may not disable the triggers may enable them by undoing that', async () => {
    const plan = await run(server, 'dot_iu_disable_triggers', 'plan', {}, { token: tokens.approver })
    const disabled = await run(server, 'dot_iu_disable_triggers', 'apply', {}, { reason: 'a test', plan: plan.plan_digest, token: tokens.approver })
    expect(disabled).toMatchObject({ status: 'succeeded', inverse: { command: 'dot_iu_enable_triggers' } })
    const undoing = await run(server, 'dot_iu_disable_triggers', 'plan', {}, { run: disabled.run, token: tokens.operator })
    expect(await run(server, 'dot_iu_disable_triggers', 'rollback', {}, { run: disabled.run, reason: 'a test', plan: undoing.plan_digest, token: tokens.operator })).toMatchObject({ status: 'succeeded', actor: 'an.operator' })
  })
})
