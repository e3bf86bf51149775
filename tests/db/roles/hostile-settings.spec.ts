/** What a session has set, made or left waiting changes nothing of what a command decides, stores or compares. */
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { COMMANDS } from '../../../shared/commands/index.ts'
import { casesOf, nameOf, type Stage } from '../commands/cases.ts'
import { carry, openDatabase, run, signedIn, undo } from '../commands/world.ts'
import type { TestDatabase } from '../harness.ts'
import { hostile, type Hostile, SETTINGS } from './hostile-session.ts'

const stage = {} as Stage
const CASES = casesOf(stage)
let db: TestDatabase
let neutral: pg.Client

beforeAll(async () => {
  db = await openDatabase()
  Object.assign(stage, { db, admin: await signedIn(db.pool, 'walker', 'admin') })
  await carry(db.pool, 'dot_iu_register_event_type', { event_type: 'app.hostile', description: 'H', payload_schema: { type: 'object', required: ['m'], properties: { m: { type: 'string', pattern: '^\\d+$' } } } })
  neutral = await db.connect()
})
afterAll(() => db.drop())

/** The comparison as a session without any settings makes it. */
const compared = async () => (await neutral.query<{ c: { state: string, digest: string, objects: unknown[] } }>('SELECT iu_core.fn_dot_compare() AS c')).rows[0]!.c

describe('an approver with an admin\'s token', () => {
  let session: Hostile
  beforeAll(async () => {
    session = await hostile(db, 'iu_approver')
  })
  afterAll(() => session.drop())

  it.each(COMMANDS.map(({ code }) => code))('carries out %s as anybody does: what it decides and stores is the same', async (code) => {
    const title = Object.keys(CASES[code]!)[0]!
    const { params, token } = await CASES[code]![title]!(nameOf(code, title))
    const applied = await carry(session.waiting, code, params, { token: token ?? stage.admin })
    expect(await session.caught()).toBe(0)
    // Of a deviation it is decided whether there may be one: with it gone all is as it was.
    if (params.class === 'view') await db.pool.query(`DROP VIEW iu_core.${String(params.object)}`)
    expect(await compared()).toMatchObject({ state: 'matches', objects: [] })
    if (code === 'dot_iu_disable_triggers') await undo(db.pool, applied)
    // What the hostile session found, and what was kept of it, refuses nobody.
    expect((await db.pool.query(`SELECT part, refused FROM iu_core.dot_drift_known WHERE refused <> '{}'`)).rows).toEqual([])
    expect(await run(neutral, 'dot_iu_create_collection', 'plan', { address: 'neutral', kind: 'file', title: 'N' })).toMatchObject({ status: 'planned' })
  })

  it('compares to the same digest as anybody', async () => {
    const { rows: [row] } = await session.client.query<{ c: { state: string, digest: string } }>('SELECT iu_core.fn_dot_compare() AS c')
    const { state, digest } = await compared()
    expect(row!.c).toMatchObject({ state, digest })
  })
})

describe('one setting by itself', () => {
  it.each(Object.entries(SETTINGS))('%s = %s before the first command leaves the comparison as it is', async (name, value) => {
    const session = await hostile(db, 'iu_operator', { settings: { [name]: value }, shadowing: false })
    // So that it is compared anew, by this session.
    await db.pool.query('DELETE FROM iu_core.dot_drift_known')
    expect(await run(session.waiting, 'dot_iu_create_collection', 'plan', { address: 'x', kind: 'file', title: 'X' })).toMatchObject({ status: 'planned' })
    expect((await db.pool.query(`SELECT refused FROM iu_core.dot_drift_known`)).rows).toEqual([{ refused: {} }, { refused: {} }, { refused: {} }])
    expect(await session.caught()).toBe(0)
    await session.drop()
  })
})
