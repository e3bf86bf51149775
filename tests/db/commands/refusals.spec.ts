/** Bad input: a clear refusal with its code and field, one row in the ledger, and nothing else written. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { findCommand } from '../../../shared/commands/index.ts'
import type { TestDatabase } from '../harness.ts'
import { refusal } from '../world.ts'
import { carry, imported, LEDGER, openDatabase, type Options, run, tables } from './world.ts'

let db: TestDatabase
let runs: number
let before: Awaited<ReturnType<typeof tables>>

beforeAll(async () => {
  db = await openDatabase()
  await carry(db.pool, 'dot_iu_import_text', await imported('c', '# C\n\nOne.\n\nTwo.\n'))
  await carry(db.pool, 'dot_iu_create_collection', { address: 'd', kind: 'section', title: 'D' })
  for (const address of ['p', 'q', 'retired', 'deleted']) await carry(db.pool, 'dot_iu_create_piece', { address, kind: 'paragraph', body: `The body of ${address}` })
  await carry(db.pool, 'dot_iu_add_piece', { collection: 'd', piece: 'p' })
  await carry(db.pool, 'dot_iu_retire_piece', { piece: 'retired' })
  await carry(db.pool, 'dot_iu_soft_delete_piece', { piece: 'deleted' })
  await carry(db.pool, 'dot_iu_register_event_type', { event_type: 'app.x', description: 'X' })
})
afterAll(() => db.drop())

const count = async () => (await db.pool.query<{ n: number }>('SELECT count(*)::integer AS n FROM iu_core.dot_iu_command_run')).rows[0]!.n
beforeEach(async () => {
  runs = await count()
  before = await tables(db.pool, ...LEDGER)
})
afterEach(async () => {
  expect(await tables(db.pool, ...LEDGER)).toEqual(before)
})

const piece = (params: object) => ({ address: 'new', kind: 'paragraph', body: 'A body', ...params })
const nested = (depth: number): unknown => depth === 0 ? 'bottom' : { type: 'object', properties: { a: nested(depth - 1) } }
const cut = (it: object) => ({ source_path: 's', text: 'text', cut: { kinds: ['paragraph'], starts: [0], lengths: [4], titles: [''], levels: [0], ...it } })

type Case = [what: string, command: string, params: unknown, code: string, field: string | undefined, options?: Options]
/** The refusals of a command's input; the handler is asked as well, where the schema lets it through. */
const CASES: Case[] = [
  ['a number for a text', 'dot_iu_create_piece', piece({ address: 5 }), 'invalid_parameter', 'address'],
  ['null for a text', 'dot_iu_create_piece', piece({ title: null }), 'invalid_parameter', 'title'],
  ['an unknown parameter', 'dot_iu_create_piece', piece({ colour: 'red' }), 'invalid_parameter', 'colour'],
  ['a megabyte of title', 'dot_iu_create_piece', piece({ title: 'x'.repeat(1_048_576) }), 'invalid_parameter', 'title'],
  ['a control character in a title', 'dot_iu_create_piece', piece({ title: 'a\u0007b' }), 'invalid_parameter', 'title'],
  ['a line end in a title', 'dot_iu_create_piece', piece({ title: 'a\nb' }), 'invalid_parameter', 'title'],
  ['a negative position', 'dot_iu_create_piece', piece({ collection: 'c', position: -1 }), 'invalid_parameter', 'position'],
  ['position 0', 'dot_iu_add_piece', { collection: 'c', piece: 'p', position: 0 }, 'invalid_parameter', 'position'],
  ['half a position', 'dot_iu_add_piece', { collection: 'c', piece: 'p', position: 1.5 }, 'invalid_parameter', 'position'],
  ['a position far past the end', 'dot_iu_add_piece', { collection: 'c', piece: 'p', position: 9 }, 'invalid_parameter', 'position'],
  ['no position key', 'dot_iu_add_piece', { collection: 'c', piece: 'p', at: 'NaN' }, 'invalid_parameter', 'at'],
  ['a key where another piece stands', 'dot_iu_add_piece', { collection: 'c', piece: 'p', at: '2.0' }, 'taken', 'at'],
  ['two places', 'dot_iu_add_piece', { collection: 'c', piece: 'p', to: 'first', position: 1 }, 'invalid_parameter', 'position'],
  ['a place without a collection', 'dot_iu_create_piece', piece({ to: 'first' }), 'invalid_parameter', 'collection'],
  ['an unknown end', 'dot_iu_add_piece', { collection: 'c', piece: 'p', to: 'middle' }, 'invalid_parameter', 'to'],
  ['itself as its neighbour', 'dot_iu_reorder_piece', { collection: 'd', piece: 'p', after: 'p' }, 'not_found', 'after'],
  ['another collection\'s piece as its neighbour', 'dot_iu_add_piece', { collection: 'c', piece: 'q', after: 'p' }, 'not_found', 'after'],
  ['an unknown piece as its neighbour', 'dot_iu_add_piece', { collection: 'c', piece: 'q', before: 'nowhere' }, 'not_found', 'before'],
  ['no place to go to', 'dot_iu_reorder_piece', { collection: 'd', piece: 'p' }, 'invalid_parameter', 'to'],
  ['the place where it stands', 'dot_iu_reorder_piece', { collection: 'd', piece: 'p', to: 'last' }, 'nothing_to_do', 'to'],
  ['a place from where it is not', 'dot_iu_reorder_piece', { collection: 'd', piece: 'p', at: '7', expect_at: '3' }, 'stale_plan', 'expect_at'],
  ['a piece that does not stand there', 'dot_iu_reorder_piece', { collection: 'c', piece: 'p', to: 'last' }, 'not_found', 'piece'],
  ['a piece that stands there already', 'dot_iu_add_piece', { collection: 'd', piece: 'p' }, 'taken', 'piece'],
  ['an unknown version to pin', 'dot_iu_add_piece', { collection: 'c', piece: 'p', pinned_version: 2 }, 'not_found', 'pinned_version'],
  ['an unknown collection', 'dot_iu_create_piece', piece({ collection: 'nowhere' }), 'not_found', 'collection'],
  ['an address that is taken', 'dot_iu_create_piece', piece({ address: 'p' }), 'taken', 'address'],
  ['an unknown kind', 'dot_iu_create_piece', piece({ kind: 'poem' }), 'invalid_parameter', 'kind'],
  ['an unknown piece', 'dot_iu_revise_piece', { piece: 'nowhere', body: 'x' }, 'not_found', 'piece'],
  ['neither body nor version', 'dot_iu_revise_piece', { piece: 'p' }, 'invalid_parameter', 'body'],
  ['body and version', 'dot_iu_revise_piece', { piece: 'p', body: 'x', version: 1 }, 'invalid_parameter', 'body'],
  ['the present body', 'dot_iu_revise_piece', { piece: 'p', body: 'The body of p' }, 'nothing_to_do', 'body'],
  ['an unknown version', 'dot_iu_revise_piece', { piece: 'p', version: 7 }, 'not_found', 'version'],
  ['a version past an integer', 'dot_iu_revise_piece', { piece: 'p', version: 1e300 }, 'invalid_parameter', 'version'],
  ['a version that is not the present one', 'dot_iu_revise_piece', { piece: 'p', body: 'x', expect_version: 2 }, 'stale_plan', 'expect_version'],
  ['a retired piece to add', 'dot_iu_add_piece', { collection: 'c', piece: 'retired' }, 'lifecycle_refused', 'piece'],
  ['a deleted piece to add', 'dot_iu_add_piece', { collection: 'c', piece: 'deleted' }, 'lifecycle_refused', 'piece'],
  ['a retired piece to compose', 'dot_iu_create_file_from_pieces', { address: 'new', title: 'New', pieces: ['p', 'retired'] }, 'lifecycle_refused', 'pieces'],
  ['a deleted piece to revise', 'dot_iu_revise_piece', { piece: 'deleted', body: 'x' }, 'lifecycle_refused', 'piece'],
  ['a deleted piece to clone', 'dot_iu_clone_piece', { piece: 'deleted', address: 'new' }, 'lifecycle_refused', 'piece'],
  ['a clone at an address that is taken', 'dot_iu_clone_piece', { piece: 'p', address: 'q' }, 'taken', 'address'],
  ['a deleted piece to delete', 'dot_iu_soft_delete_piece', { piece: 'deleted' }, 'lifecycle_refused', 'piece'],
  ['a retired piece to retire', 'dot_iu_retire_piece', { piece: 'retired' }, 'lifecycle_refused', 'piece'],
  ['a deleted piece to retire', 'dot_iu_retire_piece', { piece: 'deleted' }, 'lifecycle_refused', 'piece'],
  ['a retired piece to enact', 'dot_iu_enact_piece', { piece: 'retired' }, 'lifecycle_refused', 'piece'],
  ['a draft to make a draft', 'dot_iu_enact_piece', { piece: 'p', status: 'draft' }, 'nothing_to_do', 'piece'],
  ['a piece with nothing to restore', 'dot_iu_restore_piece', { piece: 'p' }, 'lifecycle_refused', 'piece'],
  ['a piece to remove where it does not stand', 'dot_iu_remove_piece_from_collection', { collection: 'c', piece: 'p' }, 'not_found', 'piece'],
  ['both a piece and a collection', 'dot_iu_refresh_metadata_axes', { collection: 'c', piece: 'p' }, 'invalid_parameter', 'collection'],
  ['an unknown kind of collection', 'dot_iu_create_collection', { address: 'new', kind: 'heap', title: 'New' }, 'invalid_parameter', 'kind'],
  ['a collection that is there', 'dot_iu_create_collection', { address: 'c', kind: 'file', title: 'New' }, 'taken', 'address'],
  ['a file without pieces', 'dot_iu_create_file_from_pieces', { address: 'new', title: 'New', pieces: [] }, 'invalid_parameter', 'pieces'],
  ['one piece twice', 'dot_iu_create_file_from_pieces', { address: 'new', title: 'New', pieces: ['p', 'p'] }, 'invalid_parameter', 'pieces'],
  ['an unknown piece among others', 'dot_iu_create_file_from_pieces', { address: 'new', title: 'New', pieces: ['p', 'nowhere'] }, 'not_found', 'pieces'],
  ['a bad address among others', 'dot_iu_create_file_from_pieces', { address: 'new', title: 'New', pieces: ['p', 'No'] }, 'invalid_parameter', 'pieces[1]'],
  ['a step that is both', 'dot_iu_create_workflow_from_steps', { address: 'new', title: 'New', steps: [{ body: 'x' }, { piece: 'p', body: 'x' }] }, 'invalid_parameter', 'steps[1]'],
  ['a step that is neither', 'dot_iu_create_workflow_from_steps', { address: 'new', title: 'New', steps: [{}] }, 'invalid_parameter', 'steps[0]'],
  ['a retired step', 'dot_iu_create_workflow_from_steps', { address: 'new', title: 'New', steps: [{ piece: 'retired' }] }, 'lifecycle_refused', 'steps'],
  ['a text without its source', 'dot_iu_import_text', { text: 'x' }, 'invalid_parameter', 'text'],
  ['a text and a checkpoint', 'dot_iu_import_text', { ...cut({}), collection: 'c', checkpoint: 0 }, 'invalid_parameter', 'text'],
  ['no parameter of an import', 'dot_iu_import_text', {}, 'invalid_parameter', 'text'],
  ['an unknown checkpoint', 'dot_iu_import_text', { collection: 'c', checkpoint: 9 }, 'not_found', 'checkpoint'],
  ['a checkpoint of an unknown collection', 'dot_iu_import_text', { collection: 'nowhere', checkpoint: 0 }, 'not_found', 'collection'],
  ['another revision than the present', 'dot_iu_import_text', { collection: 'c', checkpoint: 0, expect_revision: 99 }, 'stale_plan', 'expect_revision'],
  ['a cut that is not all there', 'dot_iu_import_text', { ...cut({}), cut: {} }, 'invalid_parameter', 'cut.kinds'],
  ['a cut that leaves text out', 'dot_iu_import_text', cut({ starts: [1], lengths: [3] }), 'invalid_parameter', 'cut'],
  ['a cut of unequal lists', 'dot_iu_import_text', cut({ kinds: [] }), 'invalid_parameter', 'cut'],
  ['a cut at no number', 'dot_iu_import_text', cut({ starts: ['x'] }), 'invalid_parameter', 'cut'],
  ['a cut past an integer', 'dot_iu_import_text', cut({ lengths: [1e12] }), 'invalid_parameter', 'cut'],
  ['a cut of lists in lists', 'dot_iu_import_text', cut({ starts: [[0]] }), 'invalid_parameter', 'cut'],
  ['a cut inside a character', 'dot_iu_import_text', { ...cut({ kinds: ['text', 'text'], starts: [0, 2], lengths: [2, 1], titles: ['', ''], levels: [0, 0] }), text: 'té' }, 'invalid_parameter', 'cut'],
  ['a cut with an unknown level', 'dot_iu_import_text', cut({ levels: [7] }), 'invalid_parameter', 'cut'],
  ['a cut into an unknown kind', 'dot_iu_import_text', cut({ kinds: ['poem'] }), 'invalid_parameter', 'cut'],
  ['a megabyte of a kind in a cut', 'dot_iu_import_text', cut({ kinds: ['x'.repeat(1_048_576)] }), 'invalid_parameter', 'cut'],
  ['a title in a cut that no piece could be given', 'dot_iu_import_text', cut({ titles: ['x'.repeat(501)] }), 'invalid_parameter', 'cut'],
  ['a title in a cut with a control character', 'dot_iu_import_text', cut({ titles: ['a\u0007b'] }), 'invalid_parameter', 'cut'],
  ['a source whose address is taken', 'dot_iu_import_text', { ...cut({}), source_path: 'd' }, 'taken', 'source_path'],
  ['an unknown dead letter', 'dot_iu_replay_dead_letter', { dead_letter: 9_007_199_254_740_991 }, 'not_found', 'dead_letter'],
  ['dead letters of which there are none', 'dot_iu_replay_dead_letters', { event_type: 'app.x' }, 'nothing_to_do', undefined],
  ['held events of which there are none', 'dot_iu_release_held_events', {}, 'nothing_to_do', undefined],
  ['held events of which there are none, to give up', 'dot_iu_discard_held_events', { event_type: 'app.x' }, 'nothing_to_do', undefined],
  ['an unknown worker', 'dot_iu_run_worker', { worker: 'nobody' }, 'not_found', 'worker'],
  ['no pass', 'dot_iu_run_worker', { passes: 0 }, 'invalid_parameter', 'passes'],
  ['an unknown route', 'dot_iu_enable_route', { route: 'nowhere' }, 'not_found', 'route'],
  ['a route that is enabled', 'dot_iu_enable_route', { route: 'iu.created.log' }, 'nothing_to_do', 'route'],
  ['a split into a worker that is there', 'dot_iu_split_cursor', { worker: 'iu_outbound_default', bucket: 15, new_worker: 'iu_outbound_default' }, 'taken', 'new_worker'],
  ['a split of an unknown worker', 'dot_iu_split_cursor', { worker: 'nobody', bucket: 8, new_worker: 'x' }, 'not_found', 'worker'],
  ['a split at no bucket', 'dot_iu_split_cursor', { worker: 'iu_outbound_default', bucket: 16, new_worker: 'x' }, 'invalid_parameter', 'bucket'],
  ['a worker that counts replays', 'dot_iu_split_cursor', { worker: 'iu_outbound_default', bucket: 8, new_worker: 'replay' }, 'invalid_parameter', 'new_worker'],
  ['a join with itself', 'dot_iu_join_cursors', { worker: 'iu_outbound_default', joined: 'iu_outbound_default' }, 'invalid_parameter', 'joined'],
  ['a join with an unknown worker', 'dot_iu_join_cursors', { worker: 'iu_outbound_default', joined: 'nobody' }, 'not_found', 'joined'],
  ['a schedule that is disabled', 'dot_iu_disable_schedule', {}, 'nothing_to_do', undefined],
  ['a schedule without a pause', 'dot_iu_enable_schedule', { poll_ms: 1 }, 'invalid_parameter', 'poll_ms'],
  ['an unknown gate', 'dot_iu_close_gate', { gate: 'iu_core.nowhere' }, 'not_found', 'gate'],
  ['a gate that is closed', 'dot_iu_close_gate', { gate: 'iu_core.execution_enabled' }, 'nothing_to_do', 'gate'],
  ['a time that is past', 'dot_iu_open_gate', { gate: 'iu_core.execution_enabled', expires_at: '2020-01-01T00:00:00Z' }, 'invalid_parameter', 'expires_at', { confirm: 'iu_core.execution_enabled' }],
  ['a time that is none', 'dot_iu_open_gate', { gate: 'iu_core.execution_enabled', expires_at: '2030-13-41T00:00:00Z' }, 'invalid_parameter', 'expires_at', { confirm: 'iu_core.execution_enabled' }],
  ['triggers that are on', 'dot_iu_enable_triggers', {}, 'nothing_to_do', undefined],
  ['a type of the system', 'dot_iu_register_event_type', { event_type: 'iu.created', description: 'Mine' }, 'reserved_event_type', 'event_type'],
  ['a type that is registered like that', 'dot_iu_register_event_type', { event_type: 'app.x', description: 'X' }, 'nothing_to_do', 'event_type'],
  ['a schema of an unknown type', 'dot_iu_register_event_type', { event_type: 'app.y', description: 'Y', payload_schema: { type: 'poem' } }, 'invalid_parameter', 'payload_schema'],
  ['a route for an unknown type', 'dot_iu_register_route', { route: 'r', event_type: 'app.y', target_kind: 'log', target_ref: 'x' }, 'unknown_event_type', 'event_type'],
  ['a route to an unknown kind of target', 'dot_iu_register_route', { route: 'r', event_type: 'app.x', target_kind: 'pigeon', target_ref: 'x' }, 'invalid_parameter', 'target_kind'],
  ['a route of the system', 'dot_iu_register_route', { route: 'iu.created.log', event_type: 'app.x', target_kind: 'log', target_ref: 'x' }, 'reserved_event_type', 'route'],
  ['an unknown account', 'dot_iu_disable_account', { account: 'nobody' }, 'not_found', 'account'],
  ['a token for a login', 'dot_iu_issue_token', { label: 'x', scopes: ['*'], expires_at: '2030-01-01T00:00:00Z', current_key: '00'.repeat(32) }, 'forbidden', undefined],
  ['an unknown token', 'dot_iu_revoke_token', { token: 99 }, 'not_found', 'token'],
]

describe('bad input', () => {
  it.each(CASES)('%s is refused by %s, in a plan and in an apply', async (_, command, params, code, field, options) => {
    const plan = await run(db.pool, command, 'plan', params)
    expect(plan).toMatchObject({ status: 'refused', mode: 'plan', code })
    expect(plan.field).toBe(field)
    expect(plan.detail).toMatch(/^\S.{3,499}$/s)
    // The receipt of a refusal says nothing of effects, and is the ledger's row, but for a text or a number without bounds that it quotes.
    for (const key of ['objects', 'events', 'plan_digest', 'inverse', 'fault']) expect(plan).not.toHaveProperty(key)
    const { rows } = await db.pool.query('SELECT status, code, receipt, object_refs, event_count, plan_digest, octet_length(receipt::text) < 20000 AS small FROM iu_core.dot_iu_command_run WHERE id = $1', [plan.run])
    expect(rows).toEqual([{ status: 'refused', code, receipt: JSON.parse(JSON.stringify(plan).replaceAll(/x{8,}|10{20,}/g, '…')) as unknown, object_refs: [], event_count: 0, plan_digest: null, small: true }])

    const applied = await run(db.pool, command, 'apply', params, { reason: 'a test', ...options })
    if (findCommand(command)!.tier === 1 || plan.errors) expect(applied).toMatchObject({ status: 'refused', mode: 'apply', code, detail: plan.detail })
    else expect(applied).toMatchObject({ status: 'refused', code: 'invalid_parameter', field: 'plan_digest' })
    expect(await count()).toBe(runs + 2)
  })

  it('names every parameter that is wrong, each with what is wrong with it', async () => {
    expect(await run(db.pool, 'dot_iu_create_piece', 'apply', { kind: true, title: 'a\nb', position: 0, colour: 'red' })).toMatchObject({ status: 'refused', code: 'invalid_parameter', errors: expect.arrayContaining([
      { field: 'address', message: 'missing' }, { field: 'body', message: 'missing' }, { field: 'kind', message: 'want string, have boolean' },
      { field: 'title', message: expect.stringContaining('want a text like') }, { field: 'position', message: 'want at least 1, have 0' }, { field: 'colour', message: 'not in the schema' },
    ]) })
    expect(await run(db.pool, 'dot_iu_create_workflow_from_steps', 'apply', { address: 'w', title: 'W', steps: [{ body: 'x' }, { piece: 'No', more: 1 }] })).toMatchObject({ errors: expect.arrayContaining([
      { field: 'steps[1].piece', message: expect.stringContaining('want a text like') }, { field: 'steps[1].more', message: 'not in the schema' },
    ]) })
  })

  it.each(['Upper', '/a', 'a/', 'a//b', 'a..b', 'a b', '../a', '', 'ä', 'a\nb', 'a\u200Bb', 'x\'; DROP TABLE iu_core.iu_collection; --', 'a'.repeat(513)])('refuses %j as an address, wherever one is asked for', async (address) => {
    expect(await run(db.pool, 'dot_iu_create_piece', 'apply', piece({ address }))).toMatchObject({ status: 'refused', code: 'invalid_parameter', field: 'address' })
    expect(await run(db.pool, 'dot_iu_validate_collection', 'apply', { collection: address })).toMatchObject({ status: 'refused', code: 'invalid_parameter', field: 'collection' })
    expect(await run(db.pool, 'dot_iu_reorder_piece', 'apply', { collection: 'd', piece: 'p', after: address })).toMatchObject({ status: 'refused', code: 'invalid_parameter', field: 'after' })
  })

  it.each([[[]], ['text'], [null], [5], [true], [[{ address: 'a' }]]])('refuses %j as parameters', async (params) => {
    expect(await run(db.pool, 'dot_iu_create_piece', 'apply', params)).toMatchObject({ status: 'refused', code: 'invalid_parameter', field: 'params', detail: expect.stringMatching(/^params: want object, have /) })
  })

  it('cannot even be said with a NUL or half a surrogate pair', async () => {
    for (const body of ['a\0b', '\ud800']) expect((await refusal(run(db.pool, 'dot_iu_create_piece', 'apply', piece({ body })))).code).toMatch(/^22/)
    expect(await count()).toBe(runs)
  })
})

describe('the friction of a tier', () => {
  const remove = { collection: 'd', piece: 'p' }
  it.each([
    ['no reason', undefined], ['a blank reason', ' \n'],
  ])('asks for a reason, and %s is none', async (_, reason) => {
    const plan = await run(db.pool, 'dot_iu_remove_piece_from_collection', 'plan', remove)
    expect(plan.status).toBe('planned')
    expect(await run(db.pool, 'dot_iu_remove_piece_from_collection', 'apply', remove, { plan: plan.plan_digest, reason })).toMatchObject({ status: 'refused', code: 'invalid_parameter', field: 'reason' })
    // A click with a reason.
    expect(await run(db.pool, 'dot_iu_disable_route', 'apply', { route: 'iu.created.log' }, { reason })).toMatchObject({ status: 'refused', code: 'invalid_parameter', field: 'reason' })
  })

  it.each([['control characters', 'a\u0007b'], ['more than 2000 bytes', 'é'.repeat(1001)]])('takes no reason with %s', async (_, reason) => {
    for (const mode of ['plan', 'apply']) expect(await run(db.pool, 'dot_iu_validate_collection', mode, { collection: 'c' }, { reason })).toMatchObject({ status: 'refused', code: 'invalid_parameter', field: 'reason' })
  })

  it('asks for a plan, and for one that is there', async () => {
    expect(await run(db.pool, 'dot_iu_remove_piece_from_collection', 'apply', remove, { reason: 'a test' })).toMatchObject({ status: 'refused', code: 'invalid_parameter', field: 'plan_digest' })
    for (const plan of ['', 'x', '0'.repeat(64), 'A'.repeat(64), '0'.repeat(63)]) expect(await run(db.pool, 'dot_iu_remove_piece_from_collection', 'apply', remove, { reason: 'a test', plan })).toMatchObject({ status: 'refused', code: 'stale_plan', field: 'plan_digest' })
  })

  it('asks for the name once more, exactly', async () => {
    const gate = 'iu_core.execution_enabled'
    const plan = await run(db.pool, 'dot_iu_open_gate', 'plan', { gate })
    for (const confirm of [undefined, '', 'execution_enabled', `${gate} `, 'iu_core.composer_enabled']) {
      expect(await run(db.pool, 'dot_iu_open_gate', 'apply', { gate }, { reason: 'a test', plan: plan.plan_digest, confirm })).toMatchObject({ status: 'refused', code: 'invalid_parameter', field: 'confirm' })
    }
    expect(await run(db.pool, 'dot_iu_open_gate', 'apply', { gate }, { reason: 'a test', confirm: gate })).toMatchObject({ status: 'refused', code: 'invalid_parameter', field: 'plan_digest' })
  })
})

describe('what is raised', () => {
  it.each<[string, string, string, Options, { code: string, column?: string }]>([
    ['an unknown mode', 'dot_iu_create_piece', 'try', {}, { code: 'IU002', column: 'mode' }],
    ['an unknown command', 'dot_iu_burn_piece', 'plan', {}, { code: 'IU003', column: 'command' }],
    ['a function that is no command', 'fn_iu_gate_set', 'apply', {}, { code: 'IU003', column: 'command' }],
    ['a verification of nothing', 'dot_iu_create_piece', 'verify', {}, { code: 'IU002', column: 'run' }],
    ['a rollback of nothing', 'dot_iu_create_piece', 'rollback', {}, { code: 'IU002', column: 'run' }],
    ['an unknown run', 'dot_iu_create_piece', 'verify', { run: 999_999 }, { code: 'IU003', column: 'run' }],
    ['a key of more than 200 bytes', 'dot_iu_create_piece', 'apply', { key: 'é'.repeat(101) }, { code: 'IU002', column: 'idempotency_key' }],
    ['an unknown token', 'dot_iu_create_piece', 'apply', { token: 'ius_none' }, { code: 'IU012', column: '' }],
  ])('%s leaves no row', async (_, command, mode, options, want) => {
    expect(await refusal(run(db.pool, command, mode, {}, options))).toMatchObject({ code: want.code, ...want.column && { column: want.column } })
    expect(await count()).toBe(runs)
  })

  it.each<[string, string, object, string]>([
    ['a thousand arrays in one another', 'dot_iu_create_piece', piece({ body: JSON.parse('['.repeat(1000) + ']'.repeat(1000)) }), 'body: it is nested deeper than 100'],
    ['a schema a thousand deep', 'dot_iu_register_event_type', { event_type: 'app.y', description: 'Y', payload_schema: nested(1000) }, 'payload_schema: it is nested deeper than 100'],
    ['a thousand arrays under a name that no message should hold', 'dot_iu_create_piece', { ['n'.repeat(500)]: nested(1000) }, 'params: it is nested deeper than 100'],
    ['a number of a hundred thousand digits', 'dot_iu_create_piece', piece({ position: (JSON as unknown as { rawJSON: (text: string) => unknown }).rawJSON('1e100000') }), 'position: it has a number of more than 500 digits before or behind the point'],
  ])('%s leaves no row, and the refusal names the parameter and what to do', async (_, command, params, message) => {
    for (const mode of ['plan', 'apply']) {
      const raised = await run(db.pool, command, mode, params).then(() => undefined, (error: unknown) => error)
      expect(raised).toMatchObject({ code: 'IU002', column: message.split(':')[0], message, hint: expect.stringMatching(/^Make the value smaller: /) })
    }
    expect(await count()).toBe(runs)
  })

  it('a plan or a refusal as the run to undo, or another command\'s run, leaves no row', async () => {
    const plan = await run(db.pool, 'dot_iu_validate_collection', 'plan', { collection: 'c' })
    const refused = await run(db.pool, 'dot_iu_validate_collection', 'apply', { collection: 'nowhere' })
    for (const { run: id } of [plan, refused]) expect(await refusal(run(db.pool, 'dot_iu_validate_collection', 'rollback', {}, { run: id }))).toEqual({ code: 'IU003', column: 'run' })
    const { rows } = await db.pool.query<{ id: string }>(`SELECT id FROM iu_core.dot_iu_command_run WHERE command_code = 'dot_iu_retire_piece' AND status = 'succeeded' LIMIT 1`)
    expect(await refusal(run(db.pool, 'dot_iu_validate_collection', 'verify', {}, { run: Number(rows[0]!.id) }))).toEqual({ code: 'IU002', column: 'run' })
    expect(await count()).toBe(runs + 2)
  })

  it.each(['REPEATABLE READ', 'SERIALIZABLE'])('%s leaves no row, for under it a gate that closes is not seen', async (level) => {
    await db.as('iu_deployer', async (client) => {
      await client.query(`BEGIN ISOLATION LEVEL ${level}`)
      expect((await refusal(run(client, 'dot_iu_validate_collection', 'apply', { collection: 'c' }))).code).toBe('IU011')
      await client.query('ROLLBACK')
    })
    expect(await count()).toBe(runs)
  })
})
