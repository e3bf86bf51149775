/** A plan: it writes nothing, holds for an hour and for what it was made of, and is applied once. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { COMMANDS } from '../../../shared/commands/index.ts'
import { asDeployed, pastTriggers, setGate } from '../world.ts'
import { casesOf, nameOf, type Stage } from './cases.ts'
import { carry, effects, imported, LEDGER, openDatabase, run, signedIn, snapshot, tables } from './world.ts'

const stage = {} as Stage
const CASES = casesOf(stage)
beforeAll(async () => {
  const db = await openDatabase()
  Object.assign(stage, { db, admin: await signedIn(db.pool, 'planner', 'admin') })
})
afterAll(() => stage.db.drop())

describe('a plan writes nothing but its row in the ledger', () => {
  it.each(COMMANDS.map(({ code }) => code))('%s', async (code) => {
    for (const [title, make] of Object.entries(CASES[code] ?? {})) {
      const { params, token } = await make(nameOf(code, title))
      const [before, picture] = [await tables(stage.db.pool, ...LEDGER), await snapshot(stage.db.pool)]
      const plan = await run(stage.db.pool, code, 'plan', params, { token })
      expect(plan, title).toMatchObject({ status: 'planned', plan_digest: expect.stringMatching(/^[0-9a-f]{64}$/) })
      expect(plan).not.toHaveProperty('secret')
      expect(Date.parse(plan.expires_at!) - Date.parse((plan as unknown as { finished_at: string }).finished_at)).toBe(3_600_000)
      expect(await tables(stage.db.pool, ...LEDGER)).toEqual(before)
      expect(await snapshot(stage.db.pool)).toEqual(picture)
      // Planned again, nothing having changed, it is the same plan.
      expect(effects(await run(stage.db.pool, code, 'plan', params, { token }))).toEqual(effects(plan))
    }
  })
})

describe('of the plans of a collection', () => {
  let n = 0
  let [c, p]: string[] = []
  beforeEach(async () => {
    c = `c${++n}`
    p = `p${n}`
    await carry(stage.db.pool, 'dot_iu_import_text', await imported(c, '# C\n\nOne.\n\nTwo.\n'))
    await carry(stage.db.pool, 'dot_iu_create_piece', { address: p, kind: 'paragraph', body: 'A body', collection: c })
  })
  const REMOVE = 'dot_iu_remove_piece_from_collection'
  const plan = async (command: string, params: object) => {
    const planned = await run(stage.db.pool, command, 'plan', params)
    expect(planned.status).toBe('planned')
    return planned.plan_digest
  }
  const apply = (command: string, params: object, digest: string, db = stage.db.pool as Parameters<typeof run>[0]) => run(db, command, 'apply', params, { reason: 'a test', plan: digest })
  const stale = (detail: RegExp, more?: string) => ({ status: 'refused', code: 'stale_plan', field: 'plan_digest', detail: expect.stringMatching(detail), ...more && { more } })

  it.each<[string, () => Promise<unknown>]>([
    ['another piece was added', () => run(stage.db.pool, 'dot_iu_create_piece', 'apply', { address: `${p}/other`, kind: 'paragraph', body: 'x', collection: c })],
    ['another piece was moved', async () => run(stage.db.pool, 'dot_iu_reorder_piece', 'apply', { collection: c, piece: `${c}/0001-c`, to: 'last' })],
    ['a piece was revised', () => run(stage.db.pool, 'dot_iu_revise_piece', 'apply', { piece: p, body: 'Another' })],
    ['the source was imported anew', async () => carry(stage.db.pool, 'dot_iu_import_text', await imported(c!, '# C\n\nTwo.\n'))],
  ])('the one is stale after %s', async (_, change) => {
    const params = { collection: c, piece: `${c}/0003-two` }
    const digest = await plan(REMOVE, params)
    expect(await change()).toMatchObject({ status: 'succeeded' })
    const before = await tables(stage.db.pool, ...LEDGER)
    expect(await apply(REMOVE, params, digest)).toMatchObject(stale(/what the plan was made of has changed/, 'The state has moved on since.'))
    expect(await tables(stage.db.pool, ...LEDGER)).toEqual(before)
  })

  it.each([
    ['dot_iu_retire_piece', () => carry(stage.db.pool, 'dot_iu_enact_piece', { piece: p })],
    ['dot_iu_soft_delete_piece', () => carry(stage.db.pool, 'dot_iu_create_file_from_pieces', { address: `${p}/file`, title: 'Uses it', pieces: [p] })],
    ['dot_iu_enact_piece', () => carry(stage.db.pool, 'dot_iu_revise_piece', { piece: p, body: 'Another' })],
  ])('a plan of %s is stale after its piece has changed', async (command, change) => {
    const digest = await plan(command, { piece: p })
    await change()
    expect(await apply(command, { piece: p }, digest)).toMatchObject(stale(/has changed/))
  })

  it('one of a revision is stale after a collection that follows the piece has changed', async () => {
    const params = { piece: p, body: 'Another' }
    const digest = await plan('dot_iu_revise_piece', params)
    await carry(stage.db.pool, 'dot_iu_reorder_piece', { collection: c, piece: p, to: 'first' })
    expect(await apply('dot_iu_revise_piece', params, digest)).toMatchObject(stale(/has changed/, 'The state has moved on since.'))
  })

  it('the one is stale after any gate has changed, and holds again when the gate is as it was', async () => {
    const digest = await plan(REMOVE, { collection: c, piece: p })
    await setGate(stage.db.pool, 'execution_enabled', true)
    expect(await apply(REMOVE, { collection: c, piece: p }, digest)).toMatchObject(stale(/has changed/, 'A gate has changed since.'))
    await setGate(stage.db.pool, 'execution_enabled', false)
    expect(await apply(REMOVE, { collection: c, piece: p }, digest)).toMatchObject({ status: 'succeeded' })
  })

  it('one is applied once: the second time it is used up, though the state is as it was', async () => {
    const digest = await plan('dot_iu_validate_collection', { collection: c })
    expect(await apply('dot_iu_validate_collection', { collection: c }, digest)).toMatchObject({ status: 'succeeded' })
    expect(await apply('dot_iu_validate_collection', { collection: c }, digest)).toMatchObject(stale(/this plan was applied already/))
    // Planned again it has the same digest, and may be applied again.
    expect(await plan('dot_iu_validate_collection', { collection: c })).toBe(digest)
    expect(await apply('dot_iu_validate_collection', { collection: c }, digest)).toMatchObject({ status: 'succeeded' })
  })

  it('one is applied once by two who apply it at the same time', async () => {
    const digest = await plan('dot_iu_validate_collection', { collection: c })
    const clients = await Promise.all([stage.db.connect(), stage.db.connect(), stage.db.connect()])
    const answers = await Promise.all(clients.map(client => apply('dot_iu_validate_collection', { collection: c }, digest, client)))
    expect(answers.map(answer => answer.status).sort()).toEqual(['refused', 'refused', 'succeeded'])
    expect(answers.find(answer => answer.status === 'refused')).toMatchObject(stale(/applied already/))
    await Promise.all(clients.map(client => client.end()))
  })

  it.each([[59, 'succeeded'], [61, 'refused']])('one that is %i minutes old is %s', async (minutes, status) => {
    const digest = await plan(REMOVE, { collection: c, piece: p })
    await stage.db.as('iu_deployer', async (client) => {
      await pastTriggers(client, () => client.query(`UPDATE iu_core.dot_iu_command_run SET finished_at = finished_at - $2 * interval '1 minute' WHERE plan_digest = decode($1, 'hex')`, [digest, minutes]))
    })
    expect(await apply(REMOVE, { collection: c, piece: p }, digest)).toMatchObject(status === 'succeeded' ? { status } : stale(/a plan holds for an hour/))
  })

  it('none serves other parameters, another command, a rollback, or from a rollback an apply', async () => {
    const digest = await plan(REMOVE, { collection: c, piece: p })
    expect(await apply(REMOVE, { collection: c, piece: `${c}/0003-two` }, digest)).toMatchObject(stale(/no plan of this command with these parameters/))
    expect(await apply('dot_iu_retire_piece', { piece: p }, digest)).toMatchObject(stale(/no plan of this command/))
    const added = await run(stage.db.pool, 'dot_iu_create_piece', 'apply', { address: `${p}/more`, kind: 'paragraph', body: 'x' })
    expect(await run(stage.db.pool, 'dot_iu_create_piece', 'rollback', {}, { run: added.run, reason: 'a test', plan: digest })).toMatchObject(stale(/no plan of this command/))
    const back = await run(stage.db.pool, 'dot_iu_create_piece', 'plan', {}, { run: added.run })
    expect(back.status).toBe('planned')
    expect(await apply('dot_iu_soft_delete_piece', { piece: `${p}/more` }, back.plan_digest)).toMatchObject(stale(/no plan of this command/))
    expect(await run(stage.db.pool, 'dot_iu_create_piece', 'rollback', {}, { run: added.run, reason: 'a test', plan: back.plan_digest })).toMatchObject({ status: 'succeeded' })
  })

  it('each may be applied with its parameters in another order', async () => {
    const digest = await plan(REMOVE, { collection: c, piece: p })
    expect(await apply(REMOVE, { piece: p, collection: c }, digest)).toMatchObject({ status: 'succeeded' })
  })

  it('one of a click is heeded where it is given', async () => {
    const digest = await plan('dot_iu_revise_piece', { piece: p, body: 'Another' })
    await run(stage.db.pool, 'dot_iu_revise_piece', 'apply', { piece: p, body: 'Meanwhile' })
    expect(await apply('dot_iu_revise_piece', { piece: p, body: 'Another' }, digest)).toMatchObject(stale(/has changed/))
    expect(await run(stage.db.pool, 'dot_iu_revise_piece', 'apply', { piece: p, body: 'Another' })).toMatchObject({ status: 'succeeded' })
  })

  it('a rollback is done once, planned or not', async () => {
    const added = await run(stage.db.pool, 'dot_iu_add_piece', 'apply', { collection: c, piece: (await run(stage.db.pool, 'dot_iu_create_piece', 'apply', { address: `${p}/q`, kind: 'paragraph', body: 'x' })).result.piece })
    const plans = [await run(stage.db.pool, 'dot_iu_add_piece', 'plan', {}, { run: added.run }), await run(stage.db.pool, 'dot_iu_add_piece', 'plan', {}, { run: added.run })]
    const rollback = () => run(stage.db.pool, 'dot_iu_add_piece', 'rollback', {}, { run: added.run, reason: 'a test', plan: plans[0]!.plan_digest })
    expect((await Promise.all([rollback(), rollback()])).map(answer => answer.status).sort()).toEqual(['refused', 'succeeded'])
    expect(await rollback()).toMatchObject({ status: 'refused', code: 'nothing_to_do', field: 'run' })
    expect(await run(stage.db.pool, 'dot_iu_add_piece', 'plan', {}, { run: added.run })).toMatchObject({ status: 'refused', code: 'nothing_to_do', field: 'run' })
  })
})

// A session can defer one constraint; a trigger of its name stands for it, since no command breaks it.
it('is refused by what a deferred constraint would refuse at the commit', async () => {
  await asDeployed(stage.db.pool, `
    CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'piece: not this one' USING ERRCODE = 'IU002', COLUMN = 'piece'; END $$;
    CREATE CONSTRAINT TRIGGER iu_collection_piece_position_key AFTER INSERT ON iu_core.iu_relation DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.refuse()`)
  await carry(stage.db.pool, 'dot_iu_create_piece', { address: 'deferred', kind: 'paragraph', body: 'x' })
  const before = await tables(stage.db.pool, ...LEDGER)
  for (const mode of ['plan', 'apply']) {
    expect(await run(stage.db.pool, 'dot_iu_clone_piece', mode, { piece: 'deferred', address: 'deferred/clone' })).toMatchObject({ status: 'refused', code: 'invalid_parameter', field: 'piece', detail: 'piece: not this one' })
  }
  expect(await tables(stage.db.pool, ...LEDGER)).toEqual(before)
})
