import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Member, memberOf } from '../roles/members.ts'
import { refusal, setGate } from '../world.ts'
import { gateOf, gatedWorld, type GatedWorld } from './gates-world.ts'
import { LEDGER, type Options, type Params, type Receipt, run, tables, undo } from './world.ts'

const GATE = 'iu_core.composer_enabled'
let world: GatedWorld
let server: pg.Client
let owner: Member
let approvers: Member[]

beforeAll(async () => {
  world = await gatedWorld()
  server = await world.db.login('iu_console')
  owner = memberOf(world.db, 'iu_owner')
  approvers = [memberOf(world.db, 'iu_approver')]
})
afterAll(async () => {
  for (const member of [owner, ...approvers]) await member.drop()
  await world.db.drop()
})

type Client = Pick<pg.Client, 'query'>
const close = (client: Client, token?: string) => run(client, 'dot_iu_close_gate', 'apply', { gate: GATE }, { token, reason: 'an incident' })

/** Plans and applies with what tier 3 asks for; `other` takes something of it away. */
async function open(client: Client, token?: string, params: Params = {}, other: Options = {}): Promise<Receipt> {
  const given = { gate: GATE, ...params }
  const plan = await run(client, 'dot_iu_open_gate', 'plan', given, { token })
  if (plan.status !== 'planned') return plan
  return run(client, 'dot_iu_open_gate', 'apply', given, { token, reason: 'it is over', confirm: GATE, plan: plan.plan_digest, ...other })
}
const OPENED = { status: 'succeeded', result: { gate: GATE, gate_state: 'open' } }

/** Closed by the deployer, who is nobody here. */
beforeEach(async () => {
  await setGate(world.db.pool, 'composer_enabled', false)
})

describe('opening a gate', () => {
  it('takes an approver, the gate\'s name, a reason and a plan', async () => {
    expect(await open(server, world.tokens.approver)).toMatchObject({ ...OPENED, actor: 'approver', reason: 'it is over' })
    expect(await gateOf(world.db.pool, GATE)).toEqual({ state: 'open', changed_by: 'approver', reason: 'it is over', expires_at: null })
  })

  it.each<[string, Options, string]>([
    ['no name', { confirm: undefined }, 'confirm'],
    ['another gate\'s name', { confirm: 'iu_core.routes_master_enabled' }, 'confirm'],
    ['half the name', { confirm: 'composer_enabled' }, 'confirm'],
    ['the name in capitals', { confirm: GATE.toUpperCase() }, 'confirm'],
    ['no reason', { reason: undefined }, 'reason'],
    ['a reason of spaces', { reason: '  \t ' }, 'reason'],
    ['no plan', { plan: undefined }, 'plan_digest'],
  ])('with %s is refused, and it stays closed', async (_what, other, field) => {
    const before = await tables(world.db.pool, ...LEDGER)
    expect(await open(server, world.tokens.approver, {}, other)).toMatchObject({ status: 'refused', code: 'invalid_parameter', field })
    expect(await tables(world.db.pool, ...LEDGER)).toEqual(before)
  })

  it('is an admin\'s right as well, and no operator\'s', async () => {
    expect(await refusal(open(server, world.tokens.operator))).toMatchObject({ code: 'IU013' })
    expect(await open(server, world.tokens.admin)).toMatchObject(OPENED)
  })

  it('of a gate that is open, or that there is not, is refused', async () => {
    expect(await open(server, world.tokens.approver, { gate: 'iu_core.no_such' }, { confirm: 'iu_core.no_such' })).toMatchObject({ status: 'refused', code: 'not_found', field: 'gate' })
    await setGate(world.db.pool, 'composer_enabled', true)
    expect(await open(server, world.tokens.approver)).toMatchObject({ status: 'refused', code: 'nothing_to_do', field: 'gate' })
  })

  it('of one that has lost its row, or whose row is malformed, mends it', async () => {
    for (const sql of ['DELETE FROM iu_core.dot_config WHERE key = $1', `UPDATE iu_core.dot_config SET value = 'yes', value_type = 'text' WHERE key = $1`]) {
      await world.db.pool.query(sql, [GATE])
      expect(await open(server, world.tokens.approver)).toMatchObject(OPENED)
      expect(await gateOf(world.db.pool, GATE)).toMatchObject({ state: 'open', changed_by: 'approver' })
    }
  })
})

describe('an opening until a time', () => {
  const create = () => run(server, 'dot_iu_create_collection', 'plan', { address: 'x', kind: 'file', title: 'X' }, { token: world.tokens.operator })

  it('ends by itself, in the database: nobody does anything, and the gate is closed', async () => {
    const expires = new Date(Date.now() + 3_600_000)
    expect(await open(server, world.tokens.approver, { expires_at: expires.toISOString() })).toMatchObject(OPENED)
    expect(await gateOf(world.db.pool, GATE)).toMatchObject({ expires_at: expires })
    expect(await create()).toMatchObject({ status: 'planned' })
    await world.db.pool.query('UPDATE iu_core.dot_config SET expires_at = clock_timestamp() WHERE key = $1', [GATE])
    expect(await gateOf(world.db.pool, GATE)).toMatchObject({ state: 'expired' })
    expect(await create()).toMatchObject({ status: 'refused', code: 'gate_closed', field: GATE })
  })

  it('that has ended is not given again by whoever gave it: whose end has come has closed the gate', async () => {
    expect(await open(server, world.tokens.approver, { expires_at: new Date(Date.now() + 3_600_000).toISOString() })).toMatchObject(OPENED)
    await world.db.pool.query('UPDATE iu_core.dot_config SET expires_at = clock_timestamp() WHERE key = $1', [GATE])
    expect(await open(server, world.tokens.approver)).toMatchObject({ status: 'refused', code: 'second_person_required', field: 'gate' })
    expect(await open(server, world.tokens.second)).toMatchObject({ ...OPENED, actor: 'second' })
    expect(await gateOf(world.db.pool, GATE)).toMatchObject({ state: 'open', expires_at: null })
  })

  it('is made longer or endless, as an opening of its own', async () => {
    const hour = new Date(Date.now() + 3_600_000).toISOString()
    expect(await open(server, world.tokens.approver, { expires_at: hour })).toMatchObject(OPENED)
    expect(await open(server, world.tokens.approver, { expires_at: hour })).toMatchObject({ code: 'nothing_to_do' })
    expect(await open(server, world.tokens.approver)).toMatchObject(OPENED)
    expect(await gateOf(world.db.pool, GATE)).toMatchObject({ state: 'open', expires_at: null })
  })

  it.each(['2020-01-01T00:00:00Z', '2030-02-31T00:00:00Z', '2030-01-01', 'tomorrow', 'infinity', 'now'])('"%s" is refused', async (expires_at) => {
    expect(await open(server, world.tokens.approver, { expires_at })).toMatchObject({ status: 'refused', code: 'invalid_parameter', field: 'expires_at' })
    expect(await gateOf(world.db.pool, GATE)).toMatchObject({ state: 'closed' })
  })
})

describe('the second person', () => {
  const REFUSED = { status: 'refused', code: 'second_person_required', field: 'gate' }

  it('is needed: who closed a gate does not open it, another approver does', async () => {
    await setGate(world.db.pool, 'composer_enabled', true)
    expect(await close(server, world.tokens.approver)).toMatchObject({ status: 'succeeded' })
    expect(await open(server, world.tokens.approver)).toMatchObject(REFUSED)
    expect(await gateOf(world.db.pool, GATE)).toMatchObject({ state: 'closed', changed_by: 'approver' })
    expect(await open(server, world.tokens.second)).toMatchObject({ ...OPENED, actor: 'second' })
  })

  it('is needed where somebody gave an open gate an end, by whichever way it is opened again', async () => {
    await setGate(world.db.pool, 'composer_enabled', true)
    const shortened = await open(server, world.tokens.approver, { expires_at: new Date(Date.now() + 3_600_000).toISOString() })
    expect(shortened).toMatchObject(OPENED)
    await world.db.pool.query('UPDATE iu_core.dot_config SET expires_at = clock_timestamp() WHERE key = $1', [GATE])
    expect(await open(server, world.tokens.approver)).toMatchObject(REFUSED)
    expect(await open(server, world.tokens.approver, { expires_at: new Date(Date.now() + 3_600_000).toISOString() })).toMatchObject(REFUSED)
    expect(await run(server, 'dot_iu_open_gate', 'rollback', {}, { token: world.tokens.approver, run: shortened.run, reason: 'mine', confirm: GATE })).not.toMatchObject({ status: 'succeeded' })
    // To close what has ended makes nobody a second person to himself.
    expect(await close(server, world.tokens.approver)).toMatchObject({ status: 'succeeded' })
    expect(await open(server, world.tokens.approver)).toMatchObject(REFUSED)
    expect(await open(server, world.tokens.second)).toMatchObject(OPENED)
  })

  it('is not the same person with another\'s plan, with a time, with an API token, or by an undo', async () => {
    await setGate(world.db.pool, 'composer_enabled', true)
    const closed = await close(server, world.tokens.approver)
    const plan = await run(server, 'dot_iu_open_gate', 'plan', { gate: GATE }, { token: world.tokens.second })
    expect(await run(server, 'dot_iu_open_gate', 'apply', { gate: GATE }, { token: world.tokens.approver, reason: 'mine', confirm: GATE, plan: plan.plan_digest })).toMatchObject(REFUSED)
    expect(await open(server, world.tokens.approver, { expires_at: new Date(Date.now() + 60_000).toISOString() })).toMatchObject(REFUSED)
    const issued = await run(server, 'dot_iu_issue_token', 'apply', { label: 'mine', scopes: ['*'], expires_at: new Date(Date.now() + 60_000).toISOString() }, { token: world.tokens.approver })
    expect(await open(server, issued.secret!.token as string)).toMatchObject(REFUSED)
    for (const mode of ['plan', 'rollback']) {
      expect(await run(server, 'dot_iu_close_gate', mode, {}, { run: closed.run, token: world.tokens.approver, reason: 'undo', confirm: GATE, plan: mode === 'plan' ? undefined : plan.plan_digest })).toMatchObject({ status: 'refused' })
    }
    expect(await gateOf(world.db.pool, GATE)).toMatchObject({ state: 'closed' })
    expect(await undo(server, closed, { token: world.tokens.second })).toMatchObject({ actor: 'second' })
    expect(await gateOf(world.db.pool, GATE)).toMatchObject({ state: 'open' })
  })

  it('is not needed after somebody else closed it, an operator for one', async () => {
    await setGate(world.db.pool, 'composer_enabled', true)
    expect(await close(server, world.tokens.operator)).toMatchObject({ status: 'succeeded' })
    expect(await open(server, world.tokens.approver)).toMatchObject(OPENED)
  })

  it('is needed of a login as well; the owner\'s is no person', async () => {
    const login = await approvers[0]!.login()
    await setGate(world.db.pool, 'composer_enabled', true)
    expect(await close(login)).toMatchObject({ status: 'succeeded', actor: `db:${approvers[0]!.name}` })
    expect(await open(login)).toMatchObject(REFUSED)
    const deployer = await owner.login()
    expect(await open(deployer)).toMatchObject({ ...OPENED, actor: `db:${owner.name}` })
    expect(await close(deployer)).toMatchObject({ status: 'succeeded' })
    expect(await open(deployer)).toMatchObject(OPENED)
    // With an account's token the owner's login is that account.
    expect(await close(deployer, world.tokens.approver)).toMatchObject({ status: 'succeeded', actor: 'approver' })
    expect(await open(deployer, world.tokens.approver)).toMatchObject(REFUSED)
  })
})

describe('closing a gate', () => {
  it('takes a reason and no more: no plan, no name, no open gate', async () => {
    for (const gate of ['routes_master_enabled', 'route_worker_enabled', 'operator_runtime_enabled', 'autocut_enabled']) await setGate(world.db.pool, gate, false)
    await setGate(world.db.pool, 'composer_enabled', true)
    expect(await run(server, 'dot_iu_close_gate', 'apply', { gate: GATE }, { token: world.tokens.operator })).toMatchObject({ status: 'refused', code: 'invalid_parameter', field: 'reason' })
    expect(await close(server, world.tokens.operator)).toMatchObject({ status: 'succeeded' })
    expect(await gateOf(world.db.pool, GATE)).toEqual({ state: 'closed', changed_by: 'operator', reason: 'an incident', expires_at: null })
    expect(await close(server, world.tokens.operator)).toMatchObject({ status: 'refused', code: 'nothing_to_do', detail: expect.stringContaining('an incident') })
  })
})
