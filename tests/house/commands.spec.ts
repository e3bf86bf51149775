import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { registrySql } from '../../server/cli/registry.ts'
import { bodiesOf } from '../../shared/commands/contract.ts'
import { COMMANDS, registryRows } from '../../shared/commands/index.ts'
import { SQLSTATES } from '../../shared/problem.ts'
import { testDatabase, type TestDatabase } from '../db/harness.ts'
import { ROOT } from './sources.ts'

/** The commands that the design names. */
const DESIGN = `create_piece revise_piece clone_piece create_collection create_file_from_pieces create_workflow_from_steps add_piece reorder_piece
  remove_piece_from_collection retire_piece soft_delete_piece restore_piece validate_collection render_collection checkpoint_collection refresh_metadata_axes
  import_text enact_piece replay_dead_letter replay_dead_letters discard_dead_letter run_worker close_gate open_gate enable_route disable_route disable_triggers
  enable_triggers release_held_events discard_held_events register_event_type register_route`.split(/\s+/).map(name => `dot_iu_${name}`)

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

type Row = Record<string, unknown>

/** What the contracts, the registry and the handlers do not agree on; each difference in words. */
async function differences(client: Pick<pg.Pool | pg.ClientBase, 'query'>): Promise<string[]> {
  const { rows } = await client.query<{ code: string, row: Row }>(`SELECT command_code AS code, to_jsonb(c) - 'command_code' - 'registered_at' - 'registered_by' AS row FROM iu_core.dot_iu_command AS c ORDER BY 1`)
  const { rows: handlers } = await client.query<{ code: string, arguments: string, returns: string }>(`
    SELECT proname::text AS code, pg_get_function_identity_arguments(oid) AS arguments, pg_get_function_result(oid) AS returns
    FROM pg_proc WHERE pronamespace = 'iu_core'::regnamespace AND proname LIKE 'dot\\_iu\\_%' ORDER BY 1, 2`)
  const wanted = new Map(Object.entries(registryRows()).map(([code, row]) => [code, { confirm_param: null, ...row as Row } as Row]))
  const registered = new Map(rows.map(({ code, row }) => [code, row]))
  const found: string[] = []
  for (const code of new Set([...wanted.keys(), ...registered.keys(), ...handlers.map(handler => handler.code)])) {
    const [contract, row, own] = [wanted.get(code), registered.get(code), handlers.filter(handler => handler.code === code)]
    if (!contract) found.push(`${code}: no contract`)
    if (!row) found.push(`${code}: not registered`)
    if (own.length === 0) found.push(`${code}: no handler`)
    for (const handler of own) {
      if (handler.arguments !== 'p_params jsonb, p_context jsonb' || handler.returns !== 'jsonb') found.push(`${code}: the handler is (${handler.arguments}) returns ${handler.returns}`)
    }
    if (!contract || !row) continue
    for (const field of new Set([...Object.keys(contract), ...Object.keys(row)])) {
      if (!equal(contract[field], row[field])) found.push(`${code}: ${field}`)
    }
  }
  return found.sort()
}

/** As the database compares two values of jsonb: the order of keys does not count. */
function equal(a: unknown, b: unknown): boolean {
  const sorted = (value: unknown): unknown => Array.isArray(value)
    ? value.map(sorted)
    : typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).sort(([x], [y]) => x < y ? -1 : 1).map(([key, it]) => [key, sorted(it)])) : value
  return a !== undefined && b !== undefined && JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))
}

describe('the commands', () => {
  it('are the same in the contracts, in a deployed database\'s registry and as handlers', async () => {
    expect(await differences(db.pool)).toEqual([])
  })

  it('are all that the design names, and each has one contract', () => {
    const codes = COMMANDS.map(({ code }) => code as string)
    expect(DESIGN).toHaveLength(32)
    expect(DESIGN.filter(code => !codes.includes(code))).toEqual([])
    expect(new Set(codes).size).toBe(codes.length)
  })

  it.each([
    ['a handler that is gone', 'DROP FUNCTION iu_core.dot_iu_run_worker(jsonb, jsonb)', ['dot_iu_run_worker: no handler']],
    ['a handler that nobody registered', 'CREATE FUNCTION iu_core.dot_iu_burn_piece(p_params jsonb, p_context jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT $1 $$', ['dot_iu_burn_piece: no contract', 'dot_iu_burn_piece: not registered']],
    ['a second handler of a name', 'CREATE FUNCTION iu_core.dot_iu_run_worker(p_worker text) RETURNS jsonb LANGUAGE sql AS $$ SELECT \'{}\'::jsonb $$', ['dot_iu_run_worker: the handler is (p_worker text) returns jsonb']],
    ['a row that is gone', 'DELETE FROM iu_core.dot_iu_command WHERE command_code = \'dot_iu_run_worker\'', ['dot_iu_run_worker: not registered']],
    ['a row without a contract', 'INSERT INTO iu_core.dot_iu_command SELECT \'dot_iu_burn_piece\', area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, param_schema, description FROM iu_core.dot_iu_command WHERE command_code = \'dot_iu_run_worker\'', ['dot_iu_burn_piece: no contract', 'dot_iu_burn_piece: no handler']],
    ['another area', 'UPDATE iu_core.dot_iu_command SET area = \'pieces\' WHERE command_code = \'dot_iu_run_worker\'', ['dot_iu_run_worker: area']],
    ['another tier', 'UPDATE iu_core.dot_iu_command SET tier = 2 WHERE command_code = \'dot_iu_run_worker\'', ['dot_iu_run_worker: tier']],
    ['another right', 'UPDATE iu_core.dot_iu_command SET required_right = \'reviewer\' WHERE command_code = \'dot_iu_open_gate\'', ['dot_iu_open_gate: required_right']],
    ['a gate fewer', 'UPDATE iu_core.dot_iu_command SET gates = gates[2:] WHERE command_code = \'dot_iu_run_worker\'', ['dot_iu_run_worker: gates']],
    ['a reason that is not asked for', 'UPDATE iu_core.dot_iu_command SET reason_required = false WHERE command_code = \'dot_iu_close_gate\'', ['dot_iu_close_gate: reason_required']],
    ['another parameter to confirm', 'UPDATE iu_core.dot_iu_command SET confirm_param = \'expires_at\' WHERE command_code = \'dot_iu_open_gate\'', ['dot_iu_open_gate: confirm_param']],
    ['a body that the ledger would keep', 'UPDATE iu_core.dot_iu_command SET body_params = \'{}\' WHERE command_code = \'dot_iu_create_piece\'', ['dot_iu_create_piece: body_params']],
    ['a secret that the ledger would keep', 'UPDATE iu_core.dot_iu_command SET secret_params = secret_params[2:] WHERE command_code = \'dot_iu_add_account\'', ['dot_iu_add_account: secret_params']],
    ['a parameter that may be anything', 'UPDATE iu_core.dot_iu_command SET param_schema = param_schema #- \'{properties,piece,pattern}\' WHERE command_code = \'dot_iu_retire_piece\'', ['dot_iu_retire_piece: param_schema']],
    ['another description', 'UPDATE iu_core.dot_iu_command SET description = \'x\' WHERE command_code = \'dot_iu_retire_piece\'', ['dot_iu_retire_piece: description']],
  ])('would be seen to differ by %s', async (_, sql, found) => {
    await db.as('iu_deployer', async (client) => {
      await client.query('BEGIN')
      expect((await client.query(sql)).rowCount ?? 1).toBe(1)
      expect(await differences(client)).toEqual(found)
      await client.query('ROLLBACK')
    })
    expect(await differences(db.pool)).toEqual([])
  })

  it('stand in the definition file as the contracts have them', () => {
    expect(readFileSync(join(ROOT, 'drizzle/definitions/commands/data/registry.sql'), 'utf8')).toBe(registrySql())
  })

  it('are registered by no unit without their handler', async () => {
    await db.as('iu_deployer', async (client) => {
      await client.query('BEGIN')
      await client.query('DROP FUNCTION iu_core.dot_iu_run_worker(jsonb, jsonb)')
      await expect(client.query(registrySql())).rejects.toThrow('dot_iu_run_worker')
      await client.query('ROLLBACK')
    })
  })

  it('name as secrets and what is confirmed only parameters that they have, and gates that there are', async () => {
    const { rows } = await db.pool.query<{ gate: string }>('SELECT gate FROM iu_core.v_iu_gate')
    const gates = rows.map(row => row.gate)
    for (const contract of COMMANDS) {
      const { code, input, wire, secrets = [], confirm, gates: needed } = contract
      const params = new Set([input, wire ?? input].flatMap(schema => Object.keys(schema.shape)))
      expect(confirm === undefined || params.has(confirm), code).toBe(true)
      expect(needed.filter(gate => !gates.includes(gate)), code).toEqual([])
      // What the server makes of a password is secret in every command that takes it.
      expect([...params].filter(name => /salt|verifier|_key$/.test(name) && !secrets.includes(name)), code).toEqual([])
      expect([...params].filter(name => /^(body|text)$/.test(name) && !bodiesOf(contract).includes(name)), code).toEqual([])
    }
  })
})

describe('a refusal\'s code', () => {
  it('is for each SQLSTATE in SQL what it is in TypeScript, and null for every other', async () => {
    const states = [...Object.keys(SQLSTATES), 'IU000', 'IU019', '23505', '22012', 'P0001', 'XPLAN', '']
    const { rows } = await db.pool.query<{ state: string, code: string | null }>('SELECT s AS state, iu_core.fn_dot_refusal_code(s) AS code FROM unnest($1::text[]) AS s', [states])
    expect(rows).toEqual(states.map(state => ({ state, code: SQLSTATES[state as keyof typeof SQLSTATES]?.code ?? null })))
    expect((await db.pool.query('SELECT iu_core.fn_dot_refusal_code(NULL) AS code')).rows).toEqual([{ code: null }])
  })
})
