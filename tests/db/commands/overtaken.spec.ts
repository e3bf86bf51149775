/** An undo puts back what its run changed; what somebody else has changed since it leaves alone, and says so. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { TestDatabase } from '../harness.ts'
import { beside, waiting } from './beside.ts'
import { carry, effects, LEDGER, openDatabase, type Options, type Params, password, type Receipt, run, signedIn, tables, undo, verify } from './world.ts'

let db: TestDatabase
const people: Record<string, string> = {}
beforeAll(async () => {
  db = await openDatabase()
  for (const [name, right] of [['ann', 'approver'], ['ben', 'approver'], ['root', 'admin']] as const) people[name] = await signedIn(db.pool, name, right)
})
afterAll(() => db.drop())

const GATE = 'iu_core.structure_ops_enabled'
const apply = (command: string, params: Params, options?: Options) => carry(db.pool, command, params, options)

/** The plan of undoing it is refused and names the run that is in the way; nothing but the ledger knows of it. */
async function expectOvertaken(first: Receipt, by: Receipt): Promise<void> {
  const before = await tables(db.pool, ...LEDGER)
  const refused = await run(db.pool, first.command, 'plan', {}, { run: first.run })
  expect(refused, JSON.stringify(refused)).toMatchObject({ status: 'refused', code: 'stale_plan', field: 'run', detail: `run: what run ${first.run} did was changed again by run ${by.run}` })
  expect(refused.hint).toContain(`Undo run ${by.run} first`)
  expect(await tables(db.pool, ...LEDGER)).toEqual(before)
}

let n = 0
let p = ''
let c = ''
beforeEach(async () => {
  [p, c] = [`p${++n}`, `c${n}`]
  await apply('dot_iu_create_piece', { address: p, kind: 'paragraph', body: 'One.' })
  await apply('dot_iu_create_file_from_pieces', { address: c, title: 'A file', pieces: [p] })
})

/** What a run does, and what others do after it. */
const CASES: Record<string, () => Promise<[Receipt, Receipt]>> = {
  'a retired piece that was deleted': async () => [await apply('dot_iu_retire_piece', { piece: p }), await apply('dot_iu_soft_delete_piece', { piece: p })],
  'an enacted piece that was a draft and enacted again': async () => {
    const first = await apply('dot_iu_enact_piece', { piece: p })
    await apply('dot_iu_enact_piece', { piece: p, status: 'draft' })
    return [first, await apply('dot_iu_enact_piece', { piece: p })]
  },
  'a new piece that stands in a collection': async () => {
    const first = await apply('dot_iu_create_piece', { address: `${p}/new`, kind: 'paragraph', body: 'New.' })
    return [first, await apply('dot_iu_add_piece', { collection: c, piece: `${p}/new` })]
  },
  'a new piece that was revised': async () => {
    const first = await apply('dot_iu_clone_piece', { piece: p, address: `${p}/clone` })
    return [first, await apply('dot_iu_revise_piece', { piece: `${p}/clone`, body: 'Two.' })]
  },
  'an added piece that was taken out and added in another way': async () => {
    await apply('dot_iu_create_piece', { address: `${p}/x`, kind: 'paragraph', body: 'X.' })
    const first = await apply('dot_iu_add_piece', { collection: c, piece: `${p}/x` })
    await apply('dot_iu_remove_piece_from_collection', { collection: c, piece: `${p}/x` })
    return [first, await apply('dot_iu_add_piece', { collection: c, piece: `${p}/x`, pinned_version: 1 })]
  },
  'a right that was changed again': async () => {
    await apply('dot_iu_add_account', { account: `bob${n}`, right: 'admin', ...password().params })
    const first = await apply('dot_iu_set_account_right', { account: `bob${n}`, right: 'reviewer' })
    return [first, await apply('dot_iu_set_account_right', { account: `bob${n}`, right: 'operator' })]
  },
  'an account that was enabled, and disabled for another reason': async () => {
    await apply('dot_iu_add_account', { account: `bob${n}`, right: 'operator', ...password().params })
    const first = await apply('dot_iu_disable_account', { account: `bob${n}` })
    await apply('dot_iu_enable_account', { account: `bob${n}` })
    return [first, await apply('dot_iu_disable_account', { account: `bob${n}` }, { reason: 'compromised' })]
  },
  'a gate that was opened, and closed for an incident': async () => {
    await apply('dot_iu_open_gate', { gate: GATE })
    const first = await apply('dot_iu_close_gate', { gate: GATE }, { reason: 'maintenance' })
    await apply('dot_iu_open_gate', { gate: GATE })
    return [first, await apply('dot_iu_close_gate', { gate: GATE }, { reason: 'an incident' })]
  },
  'an event type that was described anew': async () => {
    const register = (description: string) => apply('dot_iu_register_event_type', { event_type: `app.t${n}`, description })
    await register('one')
    return [await register('two'), await register('three')]
  },
  'a route that leads elsewhere': async () => {
    await apply('dot_iu_register_event_type', { event_type: `app.t${n}`, description: 'of a route' })
    const register = (target_ref: string) => apply('dot_iu_register_route', { route: `app.r${n}`, event_type: `app.t${n}`, target_kind: 'log', target_ref })
    await register('one')
    return [await register('two'), await register('three')]
  },
  'a route that was switched twice': async () => {
    await apply('dot_iu_register_event_type', { event_type: `app.t${n}`, description: 'of a route' })
    await apply('dot_iu_register_route', { route: `app.r${n}`, event_type: `app.t${n}`, target_kind: 'log', target_ref: 'x' })
    const first = await apply('dot_iu_enable_route', { route: `app.r${n}` })
    await apply('dot_iu_disable_route', { route: `app.r${n}` })
    return [first, await apply('dot_iu_enable_route', { route: `app.r${n}` })]
  },
}

describe('the undo of a run that others have overtaken is refused:', () => {
  it.each(Object.keys(CASES))('%s', async (name) => {
    const [first, later] = await CASES[name]!()
    await expectOvertaken(first, later)
  })
})

describe('what is not in the way', () => {
  it('are runs that are undone themselves, in whatever depth', async () => {
    const first = await apply('dot_iu_retire_piece', { piece: p })
    const later = await apply('dot_iu_soft_delete_piece', { piece: p })
    const back = await undo(db.pool, later)
    const gone = await undo(db.pool, back)
    await expectOvertaken(first, gone)
    await undo(db.pool, gone)
    await undo(db.pool, first)
    const { rows } = await db.pool.query('SELECT lifecycle_status AS status FROM iu_core.information_unit WHERE canonical_address = $1', [p])
    expect(rows).toEqual([{ status: 'draft' }])
  })

  it('is what changed another field of the same object', async () => {
    const enacted = await apply('dot_iu_enact_piece', { piece: p })
    await apply('dot_iu_revise_piece', { piece: p, body: 'Two.' })
    await undo(db.pool, enacted)
  })

  it('is what others did in the same collection', async () => {
    await apply('dot_iu_create_piece', { address: `${p}/x`, kind: 'paragraph', body: 'X.', collection: c })
    const moved = await apply('dot_iu_reorder_piece', { collection: c, piece: `${p}/x`, to: 'first' })
    await apply('dot_iu_create_piece', { address: `${p}/y`, kind: 'paragraph', body: 'Y.', collection: c, to: 'first' })
    await apply('dot_iu_validate_collection', { collection: c })
    await undo(db.pool, moved)
  })

  it('is the undoing of an earlier run, when it is undone itself', async () => {
    await apply('dot_iu_add_account', { account: `bob${n}`, right: 'reviewer', ...password().params })
    const earlier = await apply('dot_iu_set_account_right', { account: `bob${n}`, right: 'operator' })
    const first = await apply('dot_iu_set_account_right', { account: `bob${n}`, right: 'approver' })
    await expectOvertaken(earlier, first)
    await undo(db.pool, first)
    await undo(db.pool, earlier)
  })
})

describe('two at the same moment', () => {
  it('a gate that is closed while its opening is on the way stays closed; the opening is stale', async () => {
    await apply('dot_iu_open_gate', { gate: GATE }, { token: people.root })
    const params = { gate: GATE, expires_at: new Date(Date.now() + 3_600_000).toISOString() }
    const plan = await run(db.pool, 'dot_iu_open_gate', 'plan', params, { token: people.ann })
    let opening: Promise<Receipt>
    await beside(db, async (client) => {
      expect(await run(client, 'dot_iu_close_gate', 'apply', { gate: GATE }, { reason: 'an incident', token: people.ben })).toMatchObject({ status: 'succeeded' })
      opening = run(db.pool, 'dot_iu_open_gate', 'apply', params, { plan: plan.plan_digest, confirm: GATE, reason: 'a little longer', token: people.ann })
      await waiting(db, 1)
      await client.query('COMMIT')
    })
    expect(await opening!).toMatchObject({ status: 'refused', code: 'stale_plan' })
    const { rows } = await db.pool.query('SELECT state, changed_by, reason FROM iu_core.v_iu_gate WHERE gate = $1', [GATE])
    expect(rows).toEqual([{ state: 'closed', changed_by: 'ben', reason: 'an incident' }])
  })

  it('who closes a gate does not open it by being quick, and of two closings one has nothing to do', async () => {
    await apply('dot_iu_open_gate', { gate: GATE }, { token: people.root })
    const params = { gate: GATE, expires_at: new Date(Date.now() + 3_600_000).toISOString() }
    const plan = await run(db.pool, 'dot_iu_open_gate', 'plan', params, { token: people.ann })
    const waitingOnes: Promise<Receipt>[] = []
    await beside(db, async (client) => {
      expect(await run(client, 'dot_iu_close_gate', 'apply', { gate: GATE }, { reason: 'closing', token: people.ann })).toMatchObject({ status: 'succeeded' })
      waitingOnes.push(run(db.pool, 'dot_iu_open_gate', 'apply', params, { plan: plan.plan_digest, confirm: GATE, reason: 'open', token: people.ann }))
      waitingOnes.push(run(db.pool, 'dot_iu_close_gate', 'apply', { gate: GATE }, { reason: 'me too', token: people.ben }))
      await waiting(db, 2)
      await client.query('COMMIT')
    })
    expect(await Promise.all(waitingOnes)).toMatchObject([{ status: 'refused', code: 'second_person_required' }, { status: 'refused', code: 'nothing_to_do' }])
  })

  it('a revision tells of its collections what it found, not what was there when it was planned', async () => {
    await apply('dot_iu_create_piece', { address: `${p}/x`, kind: 'paragraph', body: 'X.' })
    const plan = await run(db.pool, 'dot_iu_revise_piece', 'plan', { piece: p, body: 'Two.' })
    let planned: Promise<Receipt>
    let unplanned: Promise<Receipt>
    await beside(db, async (client) => {
      expect(await run(client, 'dot_iu_add_piece', 'apply', { collection: c, piece: `${p}/x` })).toMatchObject({ status: 'succeeded' })
      planned = run(db.pool, 'dot_iu_revise_piece', 'apply', { piece: p, body: 'Two.' }, { plan: plan.plan_digest })
      await waiting(db, 1)
      await client.query('COMMIT')
    })
    expect(await planned!).toMatchObject({ status: 'refused', code: 'stale_plan' })
    await beside(db, async (client) => {
      expect(await run(client, 'dot_iu_remove_piece_from_collection', 'plan', { collection: c, piece: `${p}/x` })).toMatchObject({ status: 'planned' })
      await carry(client, 'dot_iu_remove_piece_from_collection', { collection: c, piece: `${p}/x` })
      unplanned = run(db.pool, 'dot_iu_revise_piece', 'apply', { piece: p, body: 'Two.' })
      await waiting(db, 1)
      await client.query('COMMIT')
    })
    const collection = (await unplanned!).objects.find(({ ref }) => ref === `collection:${c}`)!
    expect([collection.before!.pieces, collection.after!.pieces]).toEqual([1, 1])
  })
})

describe('a plan that another run has made old', () => {
  it.each([
    ['dot_iu_render_collection', () => ({ collection: c })],
    ['dot_iu_refresh_metadata_axes', () => ({ collection: c })],
  ])('of %s is refused', async (command, params) => {
    const plan = await run(db.pool, command, 'plan', params())
    const other = await run(db.pool, command, 'apply', params())
    expect(effects(other)).toEqual(effects(plan))
    expect(await run(db.pool, command, 'apply', params(), { plan: plan.plan_digest })).toMatchObject({ status: 'refused', code: 'stale_plan' })
    await verify(db.pool, other)
  })

  it('is not made old by the session\'s time zone', async () => {
    await apply('dot_iu_open_gate', { gate: GATE, expires_at: new Date(Date.now() + 3_600_000).toISOString() }, { token: people.root })
    const plan = await run(db.pool, 'dot_iu_close_gate', 'plan', { gate: GATE })
    await beside(db, async (client) => {
      await client.query(`SET LOCAL TimeZone = 'Asia/Tokyo'`)
      expect(await run(client, 'dot_iu_close_gate', 'apply', { gate: GATE }, { plan: plan.plan_digest, reason: 'from elsewhere' })).toMatchObject({ status: 'succeeded' })
    })
  })
})

describe('what nobody should try', () => {
  it.each(['+99:99', '-99:00', '+16:00', '+00:60', '+15:60'])('a time at %s is a parameter at fault', async (zone) => {
    const expires_at = `2030-01-01T00:00:00${zone}`
    expect(await run(db.pool, 'dot_iu_issue_token', 'plan', { label: 'x', scopes: ['read'], expires_at }, { token: people.root })).toMatchObject({ status: 'refused', code: 'invalid_parameter', field: 'expires_at' })
    expect(await run(db.pool, 'dot_iu_open_gate', 'plan', { gate: GATE, expires_at }, { token: people.ann })).toMatchObject({ status: 'refused', code: 'invalid_parameter', field: 'expires_at' })
  })

  it('guesses at one\'s own present password come to an end', async () => {
    const { key, params } = password()
    await apply('dot_iu_add_account', { account: `guess${n}`, right: 'reviewer', ...params })
    const { rows } = await db.pool.query<{ token: string }>(`SELECT token FROM iu_core.fn_iu_sign_in($1, $2, 'a test')`, [`guess${n}`, key])
    const guess = (current: Buffer) => run(db.pool, 'dot_iu_set_password', 'plan', { account: `guess${n}`, ...password().params, current_key: current.toString('hex') }, { token: rows[0]!.token })
    for (let i = 0; i < 5; i++) expect(await guess(Buffer.alloc(32, i))).toMatchObject({ code: 'invalid_parameter', field: 'current_password' })
    expect(await guess(key)).toMatchObject({ status: 'refused', code: 'too_many_attempts', field: 'current_password' })
  })

  it('a secret under a name that the command does not know is kept nowhere, and neither is the name', async () => {
    const refused = await run(db.pool, 'dot_iu_add_account', 'apply', { 'account': `leak${n}`, 'right': 'reviewer', 'password': 'hunter2hunter2', 'hunter3hunter3': 1 })
    expect(refused).toMatchObject({ status: 'refused', code: 'invalid_parameter', params: { 'account': `leak${n}`, '(unknown)': 2 } })
    const { rows } = await db.pool.query(`SELECT to_jsonb(r)::text AS row FROM iu_core.dot_iu_command_run AS r WHERE id = $1`, [refused.run])
    expect(rows[0].row).not.toMatch(/hunter2|76880d60/)
    expect(rows[0].row.match(/"params": \{[^}]*\}/)[0]).not.toContain('hunter3')
  })

  it('a route that is known keeps its switch, and says so', async () => {
    await apply('dot_iu_register_event_type', { event_type: `app.t${n}`, description: 'of a route' })
    const params = { route: `app.r${n}`, event_type: `app.t${n}`, target_kind: 'log', target_ref: 'x' }
    await apply('dot_iu_register_route', { ...params, enabled: true })
    expect(await run(db.pool, 'dot_iu_register_route', 'plan', { ...params, enabled: false })).toMatchObject({ status: 'refused', code: 'invalid_parameter', field: 'enabled' })
  })
})
