/** An idempotency key names one effect: whoever sends it again is told what the first was told. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestDatabase } from '../harness.ts'
import { setGate } from '../world.ts'
import { waiting } from './beside.ts'
import { carry, LEDGER, openDatabase, type Receipt, run, signedIn, tables } from './world.ts'

let db: TestDatabase
let tokens: string[]
beforeAll(async () => {
  db = await openDatabase()
  tokens = [await signedIn(db.pool, 'ada', 'operator'), await signedIn(db.pool, 'bob', 'operator')]
  await carry(db.pool, 'dot_iu_create_collection', { address: 'c', kind: 'section', title: 'C' })
})
afterAll(() => db.drop())

const piece = (address: string, body = 'A body') => ({ address, kind: 'paragraph', body })
const create = (address: string, key: string, options: object = {}, body?: string) => run(db.pool, 'dot_iu_create_piece', 'apply', piece(address, body), { key, ...options })
/** What a repeat is told: the ledger's row of the first, which has texts as their digests. */
const repeated = async ({ run: id }: Receipt) => ({ ...(await db.pool.query<{ receipt: Receipt }>('SELECT receipt FROM iu_core.dot_iu_command_run WHERE id = $1', [id])).rows[0]!.receipt, repeated: true })
const runs = async () => (await db.pool.query<{ n: number }>('SELECT count(*)::integer AS n FROM iu_core.dot_iu_command_run')).rows[0]!.n

describe('a key', () => {
  it('that is sent again returns the first receipt and does nothing', async () => {
    const first = await create('a', 'again')
    expect(first).toMatchObject({ status: 'succeeded' })
    const before = await tables(db.pool)
    expect(await create('a', 'again')).toEqual(await repeated(first))
    // With the parameters in another order, and after the state has moved on, as well.
    expect(await run(db.pool, 'dot_iu_create_piece', 'apply', { body: 'A body', kind: 'paragraph', address: 'a' }, { key: 'again', reason: 'another reason' })).toEqual(await repeated(first))
    expect(await tables(db.pool)).toEqual(before)
    await carry(db.pool, 'dot_iu_soft_delete_piece', { piece: 'a' })
    expect(await create('a', 'again')).toEqual(await repeated(first))
  })

  it('is heeded while a gate is closed: what is done is done', async () => {
    const first = await create('gated', 'gated')
    await setGate(db.pool, 'composer_enabled', false)
    expect(await create('gated', 'gated')).toEqual(await repeated(first))
    await setGate(db.pool, 'composer_enabled', true)
  })

  it.each<[string, () => Promise<unknown>]>([
    ['other parameters', () => create('other', 'used')],
    ['another body, which the ledger keeps as a digest', () => create('b', 'used', {}, 'Another body')],
    ['another command', () => run(db.pool, 'dot_iu_create_collection', 'apply', { address: 'other', kind: 'section', title: 'C' }, { key: 'used' })],
    ['a rollback', async () => run(db.pool, 'dot_iu_create_piece', 'rollback', {}, { run: (await create('b', 'used')).run, key: 'used', reason: 'a test' })],
  ])('does not serve %s', async (_, other) => {
    const first = await create('b', 'used')
    const before = await tables(db.pool, ...LEDGER)
    expect(await other()).toMatchObject({ status: 'refused', code: 'key_conflict', field: 'idempotency_key', detail: expect.stringContaining(`by run ${first.run}`) })
    expect(await tables(db.pool, ...LEDGER)).toEqual(before)
    expect(await create('b', 'used')).toEqual(await repeated(first))
  })

  it('is free again after a refusal, of which every try is on record', async () => {
    const rows = await runs()
    for (let i = 0; i < 2; i++) expect(await run(db.pool, 'dot_iu_add_piece', 'apply', { collection: 'c', piece: 'late' }, { key: 'refused' })).toMatchObject({ status: 'refused', code: 'not_found' })
    await create('late', 'late')
    expect(await run(db.pool, 'dot_iu_add_piece', 'apply', { collection: 'c', piece: 'late' }, { key: 'refused' })).toMatchObject({ status: 'succeeded' })
    expect(await runs()).toBe(rows + 4)
    expect(await run(db.pool, 'dot_iu_add_piece', 'apply', { collection: 'c', piece: 'late' }, { key: 'refused' })).toMatchObject({ status: 'succeeded', repeated: true })
  })

  it('is its actor\'s own', async () => {
    const [ada, bob] = [await create('of_ada', 'mine', { token: tokens[0] }), await create('of_bob', 'mine', { token: tokens[1] })]
    expect([ada, bob]).toMatchObject([{ status: 'succeeded', actor: 'ada' }, { status: 'succeeded', actor: 'bob' }])
    expect(await create('of_ada', 'mine', { token: tokens[0] })).toEqual({ ...ada, repeated: true })
    expect(await create('of_ada', 'mine', { token: tokens[1] })).toMatchObject({ status: 'refused', code: 'key_conflict' })
    expect(await create('of_ada', 'mine')).toMatchObject({ status: 'refused', code: 'taken' })
  })

  it('is the account\'s, whether it comes by a session or by an API token', async () => {
    const issued = await run(db.pool, 'dot_iu_issue_token', 'apply', { label: 'script', scopes: ['*'], expires_at: new Date(Date.now() + 86_400_000).toISOString() }, { token: tokens[0], key: 'issue' })
    const first = await create('by_session', 'both', { token: tokens[0] })
    expect(await create('by_session', 'both', { token: String(issued.secret!.token) })).toEqual(await repeated(first))
  })

  it('does not tell a secret twice', async () => {
    const expires = new Date(Date.now() + 86_400_000).toISOString()
    const issue = () => run(db.pool, 'dot_iu_issue_token', 'apply', { label: 'once', scopes: ['read'], expires_at: expires }, { token: tokens[1], key: 'secret' })
    const first = await issue()
    expect(first).toMatchObject({ status: 'succeeded', secret: { token: expect.stringMatching(/^iut_/) } })
    const again = await issue()
    expect(again).toMatchObject({ status: 'succeeded', repeated: true, run: first.run })
    expect(again).not.toHaveProperty('secret')
  })

  it('names a rollback as well', async () => {
    const { run: id } = await create('undone', 'to undo')
    const plan = await run(db.pool, 'dot_iu_create_piece', 'plan', {}, { run: id })
    const rollback = () => run(db.pool, 'dot_iu_create_piece', 'rollback', {}, { run: id, reason: 'a test', plan: plan.plan_digest, key: 'the undo' })
    const undone = await rollback()
    expect(undone).toMatchObject({ status: 'succeeded' })
    expect(await rollback()).toEqual({ ...undone, repeated: true })
  })

  it('of a plan or a verification is no key: each is made again', async () => {
    const { run: id } = await create('looked_at', 'looked at')
    const plans = [await run(db.pool, 'dot_iu_retire_piece', 'plan', { piece: 'looked_at' }, { key: 'plan' }), await run(db.pool, 'dot_iu_retire_piece', 'plan', { piece: 'looked_at' }, { key: 'plan' })]
    const looks = [await run(db.pool, 'dot_iu_create_piece', 'verify', {}, { run: id, key: 'plan' }), await run(db.pool, 'dot_iu_create_piece', 'verify', {}, { run: id, key: 'plan' })]
    expect(new Set([...plans, ...looks].map(receipt => receipt.run)).size).toBe(4)
  })

  it('that is empty is none', async () => {
    await create('empty_a', '')
    expect(await create('empty_b', '')).toMatchObject({ status: 'succeeded' })
  })

  it('that several send at once has one effect: the others wait and are told of it', async () => {
    const clients = await Promise.all(Array.from({ length: 4 }, () => db.connect()))
    const answers = await Promise.all(clients.map(client => run(client, 'dot_iu_create_piece', 'apply', piece('at_once'), { key: 'at once' })))
    expect(new Set(answers.map(answer => answer.run)).size).toBe(1)
    expect(answers.map(answer => [answer.status, answer.repeated ?? false]).sort()).toEqual([['succeeded', false], ['succeeded', true], ['succeeded', true], ['succeeded', true]])
    const { rows } = await db.pool.query(`SELECT count(*)::integer AS n FROM iu_core.dot_iu_command_run WHERE idempotency_key = 'at once'`)
    expect(rows).toEqual([{ n: 1 }])
  })

  it('whose first use is not committed holds the second one back, which acts itself when the first is taken back', async () => {
    const [one, other] = [await db.connect(), await db.connect()]
    await one.query('BEGIN')
    expect(await run(one, 'dot_iu_create_piece', 'apply', piece('held'), { key: 'held' })).toMatchObject({ status: 'succeeded' })
    let answered = false
    const second = run(other, 'dot_iu_create_piece', 'apply', piece('held'), { key: 'held' }).finally(() => {
      answered = true
    })
    await waiting(db, 1)
    expect(answered).toBe(false)
    await one.query('ROLLBACK')
    const answer = await second
    expect(answer).toMatchObject({ status: 'succeeded' })
    expect(answer).not.toHaveProperty('repeated')
  })
})
