/** What the specs of the gates share: a database in which every command can be planned at once, and people of each right. */
import { expect } from 'vitest'
import { RIGHTS, type Right } from '../../../shared/commands/contract.ts'
import { COMMANDS } from '../../../shared/commands/index.ts'
import { archiveOf } from '../archive.ts'
import { deviation } from '../deviation.ts'
import type { TestDatabase } from '../harness.ts'
import { asDeployed, audit, drain, emit, pass, type Queryable, setGate, WORKER } from '../world.ts'
import { carry, imported, openDatabase, type Options, type Params, password, type Receipt, run, signedIn } from './world.ts'

export const ALL_GATES = ['routes_master_enabled', 'route_worker_enabled', 'composer_enabled', 'operator_runtime_enabled', 'structure_ops_enabled', 'autocut_enabled', 'execution_enabled'].map(gate => `iu_core.${gate}`)

export interface GatedWorld {
  db: TestDatabase
  /** Tokens of sessions: an account of each right, by the right's name, and `second`, another approver. */
  tokens: Record<Right | 'second', string>
  /** Parameters of each command, as they can be planned and applied in this world. */
  params: Record<string, Params>
}

export const gateOf = (state: Queryable, gate: string) => state.query<{ state: string, changed_by: string, reason: string, expires_at: Date | null }>('SELECT state, changed_by, reason, expires_at FROM iu_core.v_iu_gate WHERE gate = $1', [gate]).then(({ rows }) => rows[0]!)

export async function gatedWorld(): Promise<GatedWorld> {
  const db = await openDatabase()
  const tokens = {} as GatedWorld['tokens']
  for (const right of RIGHTS) tokens[right] = await signedIn(db.pool, right, right)
  tokens.second = await signedIn(db.pool, 'second', 'approver')
  const did = (command: string, params: Params) => carry(db.pool, command, params, { token: tokens.admin })

  await did('dot_iu_import_text', await imported('c', '# C\n\nOne.\n\nTwo.\n'))
  const [heading, one, two] = (await db.pool.query<{ a: string }>(`SELECT unit_address AS a FROM iu_core.v_iu_collection_piece WHERE collection_address = 'c' ORDER BY position`)).rows.map(row => row.a)
  for (const address of ['free', 'deleted']) await did('dot_iu_create_piece', { address, kind: 'text', body: address })
  await did('dot_iu_soft_delete_piece', { piece: 'deleted' })
  for (const [type, schema] of [['app.letters', { type: 'object', required: ['n'] }], ['app.held', {}]] as const) await did('dot_iu_register_event_type', { event_type: type, description: type, payload_schema: schema })
  for (const [route, enabled] of [['app.on', true], ['app.off', false], ['app.again', false]] as const) await did('dot_iu_register_route', { route, event_type: 'app.letters', target_kind: 'log', target_ref: 'x', enabled })
  await emit(db.pool, '1', {}, 'app.letters')
  await pass(db.pool)
  await did('dot_iu_enable_route', { route: 'app.again' })
  for (const replay of [1, 2]) expect((await did('dot_iu_start_replay', {})).result.replay).toBe(replay)
  await did('dot_iu_stop_replay', { replay: 2 })
  const past: number[] = []
  for (const subject of ['1', '2', '3']) past.push(await emit(db.pool, subject, {}, 'app.held'))
  await drain(db.pool)
  await audit(db.pool)
  const [next, recorded, removed] = await Promise.all(past.map(event => archiveOf(db.pool, event, event)))
  const archives: unknown[] = []
  for (const { record } of [recorded!, removed!]) archives.push((await did('dot_iu_record_archive', record)).result.archive)
  await did('dot_iu_remove_archived_events', { archive: archives[1] })
  await setGate(db.pool, 'routes_master_enabled', false)
  await emit(db.pool, '2', {}, 'app.held')
  await setGate(db.pool, 'routes_master_enabled', true)
  for (const account of ['carol', 'gone']) await did('dot_iu_add_account', { account, right: 'reviewer', ...password().params })
  await did('dot_iu_disable_account', { account: 'gone' })
  const soon = new Date(Date.now() + 3_600_000).toISOString()
  const issued = await did('dot_iu_issue_token', { label: 'ci', scopes: ['read'], expires_at: soon })
  await did('dot_iu_split_cursor', { worker: WORKER, bucket: 15, new_worker: 'spare' })
  await did('dot_iu_enable_schedule', {})
  const { rows: [letter] } = await db.pool.query<{ id: string }>('SELECT dead_letter_id AS id FROM iu_core.v_iu_route_dead_letter_open')
  const letterId = Number(letter!.id)

  const { class: ofClass, object, ...as } = await deviation(db.pool, 'accepted')
  await did('dot_iu_accept_deviation', { class: ofClass, object, ...as })

  const params: Record<string, Params> = {
    dot_iu_accept_deviation: await deviation(db.pool, 'odd'), dot_iu_withdraw_acceptance: { class: ofClass, object },
    dot_iu_create_piece: { address: 'new', kind: 'text', body: 'New.' }, dot_iu_revise_piece: { piece: one, body: 'One, anew.' }, dot_iu_clone_piece: { piece: one, address: 'clone' },
    dot_iu_add_piece: { collection: 'c', piece: 'free' }, dot_iu_reorder_piece: { collection: 'c', piece: one, to: 'last' }, dot_iu_remove_piece_from_collection: { collection: 'c', piece: two },
    dot_iu_enact_piece: { piece: one }, dot_iu_retire_piece: { piece: one }, dot_iu_soft_delete_piece: { piece: one }, dot_iu_restore_piece: { piece: 'deleted' }, dot_iu_refresh_metadata_axes: { piece: heading },
    dot_iu_create_collection: { address: 'd', kind: 'file', title: 'D' }, dot_iu_create_file_from_pieces: { address: 'd', title: 'D', pieces: [two, one] },
    dot_iu_create_workflow_from_steps: { address: 'd', title: 'D', steps: [{ piece: one }, { body: 'Step.' }] },
    dot_iu_validate_collection: { collection: 'c' }, dot_iu_render_collection: { collection: 'c' }, dot_iu_checkpoint_collection: { collection: 'c' }, dot_iu_import_text: await imported('c', '# C\n\nOther.\n'),
    dot_iu_replay_dead_letter: { dead_letter: letterId }, dot_iu_replay_dead_letters: {}, dot_iu_discard_dead_letter: { dead_letter: letterId }, dot_iu_discard_dead_letters: {},
    dot_iu_correct_dead_letter: { dead_letter: letterId, payload: { n: 1 } }, dot_iu_replay_skipped: { route: 'app.again' }, dot_iu_start_replay: {}, dot_iu_stop_replay: { replay: 1 }, dot_iu_resume_replay: { replay: 2 }, dot_iu_run_worker: {}, dot_iu_run_probe: {},
    dot_iu_release_held_events: {}, dot_iu_discard_held_events: {}, dot_iu_enable_route: { route: 'app.off' }, dot_iu_disable_route: { route: 'app.on' },
    dot_iu_record_archive: next!.record, dot_iu_remove_archived_events: { archive: archives[0] }, dot_iu_restore_archived_events: { archive: archives[1], content: removed!.content },
    dot_iu_split_cursor: { worker: WORKER, bucket: 4, new_worker: 'fourth' }, dot_iu_join_cursors: { worker: WORKER, joined: 'spare' }, dot_iu_enable_schedule: { poll_ms: 500 }, dot_iu_disable_schedule: {},
    dot_iu_close_gate: { gate: 'iu_core.structure_ops_enabled' }, dot_iu_open_gate: { gate: 'iu_core.execution_enabled' }, dot_iu_disable_triggers: {}, dot_iu_enable_triggers: {},
    dot_iu_register_event_type: { event_type: 'app.new', description: 'New.' }, dot_iu_register_route: { route: 'app.new', event_type: 'app.held', target_kind: 'log', target_ref: 'x' },
    dot_iu_add_account: { account: 'dora', right: 'reviewer', ...password().params }, dot_iu_set_account_right: { account: 'carol', right: 'operator' }, dot_iu_disable_account: { account: 'carol' }, dot_iu_enable_account: { account: 'gone' },
    dot_iu_set_password: { account: 'carol', ...password().params }, dot_iu_issue_token: { label: 'another', scopes: ['read'], expires_at: soon }, dot_iu_revoke_token: issued.inverse!.params,
  }
  expect(Object.keys(params).sort()).toEqual(COMMANDS.map(({ code }) => code).sort())
  return { db, tokens, params }
}

/** Brings the world to where a command can be planned, where two commands need opposite states. */
export async function ready(client: Queryable, code: string): Promise<void> {
  if (code === 'dot_iu_enable_triggers') await asDeployed(client, 'SELECT iu_core.fn_dot_triggers_switched(false)')
  if (code === 'dot_iu_close_gate') await setGate(client, 'structure_ops_enabled', true)
}

/** The apply of a plan, with all the friction that the command's tier asks for. */
export function applied(client: Queryable, code: string, params: Params, plan: Receipt, options: Options): Promise<Receipt> {
  const { confirm } = COMMANDS.find(command => command.code === code)!
  return run(client, code, 'apply', params, { reason: 'a test', confirm: confirm && String(params[confirm]), ...options, plan: plan.plan_digest })
}
