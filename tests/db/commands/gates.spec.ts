import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { COMMANDS } from '../../../shared/commands/index.ts'
import { setGate } from '../world.ts'
import { beside, waiting } from './beside.ts'
import { ALL_GATES, applied, gateOf, gatedWorld, type GatedWorld, ready } from './gates-world.ts'
import { run, tables } from './world.ts'

let world: GatedWorld
beforeAll(async () => {
  world = await gatedWorld()
})
afterAll(() => world.db.drop())

const short = (gate: string) => gate.replace('iu_core.', '')
const GATED = COMMANDS.filter(({ gates }) => gates.length > 0).map(({ code, gates }) => ({ code, gates }))
const as = () => ({ token: world.tokens.admin, reason: 'a test' })
/** What was last compared is no effect of a command. */
const rows = (): ReturnType<typeof tables> => tables(world.db.pool, 'dot_drift_known')
const LEDGER = ['dot_iu_command_run', 'dot_iu_command_unsealed']
const changed = (before: Awaited<ReturnType<typeof tables>>, after: Awaited<ReturnType<typeof tables>>) => Object.keys(before).filter(name => JSON.stringify(before[name]) !== JSON.stringify(after[name]))

it('most commands have gates; those that stop something, open a gate, keep accounts or take all back have none', () => {
  expect(GATED.length).toBeGreaterThan(25)
  expect(COMMANDS.filter(({ gates }) => gates.length === 0).map(({ code }) => code).sort()).toEqual([
    'dot_iu_accept_deviation', 'dot_iu_add_account', 'dot_iu_close_gate', 'dot_iu_disable_account', 'dot_iu_disable_route', 'dot_iu_disable_schedule', 'dot_iu_disable_triggers', 'dot_iu_enable_account', 'dot_iu_enable_triggers',
    'dot_iu_issue_token', 'dot_iu_open_gate', 'dot_iu_revoke_token', 'dot_iu_run_probe', 'dot_iu_set_account_right', 'dot_iu_set_password', 'dot_iu_stop_replay', 'dot_iu_withdraw_acceptance',
  ])
})

describe('a command with gates', () => {
  it.each(GATED)('$code is refused when any of its gates closes between plan and apply, and does nothing', async ({ code, gates }) => {
    const { db, params } = world
    const plan = await run(db.pool, code, 'plan', params[code], as())
    expect(plan, JSON.stringify(plan)).toMatchObject({ status: 'planned' })
    for (const gate of gates) {
      await setGate(db.pool, short(gate), false)
      const before = await rows()
      expect(await applied(db.pool, code, params[code]!, plan, as())).toMatchObject({ status: 'refused', code: 'gate_closed', field: gate, more: expect.stringContaining('by db:iu_deployer') })
      expect(await run(db.pool, code, 'plan', params[code], as())).toMatchObject({ status: 'refused', code: 'gate_closed', field: gate })
      expect(changed(before, await rows())).toEqual(LEDGER)
      await setGate(db.pool, short(gate), true)
    }
    // Not the plan was at fault: with its gates open again it is applied.
    expect(await beside(db, client => applied(client, code, params[code]!, plan, as()))).toMatchObject({ status: 'succeeded' })
  })

  it.each([
    ['missing', `DELETE FROM iu_core.dot_config WHERE key = $1`],
    ['malformed', `UPDATE iu_core.dot_config SET value = 'TRUE' WHERE key = $1`],
    ['malformed', `UPDATE iu_core.dot_config SET value = ' true' WHERE key = $1`],
    ['malformed', `UPDATE iu_core.dot_config SET value_type = 'text' WHERE key = $1`],
    ['expired', `UPDATE iu_core.dot_config SET expires_at = clock_timestamp() WHERE key = $1`],
    ['expired', `UPDATE iu_core.dot_config SET expires_at = '-infinity' WHERE key = $1`],
  ])('is refused by a gate that is %s (%s)', async (state, sql) => {
    for (const { code, gates } of GATED) {
      for (const gate of gates) {
        await beside(world.db, async (client) => {
          await client.query(sql, [gate])
          expect(await gateOf(client, gate)).toMatchObject({ state })
          for (const mode of ['plan', 'apply']) {
            // A tier-2 apply is asked for its plan first; a plan passes through the same gates.
            if (mode === 'apply' && COMMANDS.find(command => command.code === code)!.tier > 1) continue
            expect(await run(client, code, mode, world.params[code], as()), code).toMatchObject({ status: 'refused', code: 'gate_closed', field: gate, detail: expect.stringContaining(`(${state})`) })
          }
        })
      }
    }
  })
})

describe('a plan', () => {
  it.each(COMMANDS.map(({ code, gates }) => ({ code, gates })))('of $code holds for the gates that it was made with, each of them, and for no others', async ({ code, gates }) => {
    const { db, params } = world
    for (const gate of ALL_GATES) {
      await beside(db, async (client) => {
        await ready(client, code)
        const plan = await run(client, code, 'plan', params[code], as())
        expect(plan, JSON.stringify(plan)).toMatchObject({ status: 'planned' })
        await setGate(client, short(gate), (await gateOf(client, gate)).state !== 'open')
        const refused = await applied(client, code, params[code]!, plan, as())
        expect(refused, gate).toMatchObject({ status: 'refused' })
        if (gate === params[code]!.gate) expect(refused.code).toMatch(/^(nothing_to_do|stale_plan)$/)
        else if (gates.includes(gate)) expect(refused).toMatchObject({ code: 'gate_closed', field: gate })
        else expect(refused).toMatchObject({ code: 'stale_plan', field: 'plan_digest', more: 'A gate has changed since.' })
      })
    }
  })
})

describe('a gate that closes while a command is under way', () => {
  afterEach(async () => {
    for (const gate of GATED.flatMap(({ gates }) => gates)) await setGate(world.db.pool, short(gate), true)
  })

  /** A table whose writer the test holds up, by a command that writes it. */
  const HELD_BY: Record<string, string> = { dot_iu_create_collection: 'iu_collection', dot_iu_revise_piece: 'unit_version', dot_iu_import_text: 'iu_collection_checkpoint', dot_iu_run_worker: 'iu_route_attempt', dot_iu_register_route: 'iu_outbound_route' }

  it.each(Object.keys(HELD_BY).flatMap(code => GATED.find(command => command.code === code)!.gates.map(gate => ({ code, gate }))))('is $gate: it is closed at once, and $code is refused at its end', async ({ code, gate }) => {
    const { db, params, tokens } = world
    const plan = await run(db.pool, code, 'plan', params[code], as())
    await beside(db, async (holder) => {
      await holder.query(`LOCK TABLE iu_core.${HELD_BY[code]} IN SHARE MODE`)
      const running = applied(await db.connect(), code, params[code]!, plan, as())
      await waiting(db, 1)
      const before = await rows()

      const closer = await db.login('iu_console')
      expect(await run(closer, 'dot_iu_close_gate', 'apply', { gate }, { token: tokens.operator, reason: 'stop' })).toMatchObject({ status: 'succeeded', result: { gate, gate_state: 'closed' } })
      await waiting(db, 1)

      await holder.query('COMMIT')
      expect(await running).toMatchObject({ status: 'refused', code: 'gate_closed', field: gate, more: expect.stringContaining('stop') })
      expect(changed(before, await rows())).toEqual(['dot_config', ...LEDGER])
    })
  })

  it('and that it has no need of does not stop it', async () => {
    const { db, params } = world
    await beside(db, async (client) => {
      await setGate(client, 'autocut_enabled', false)
      expect(await run(client, 'dot_iu_create_collection', 'apply', params.dot_iu_create_collection, as())).toMatchObject({ status: 'succeeded' })
    })
  })
})
