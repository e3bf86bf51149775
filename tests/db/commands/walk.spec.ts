/** Every command goes through plan, apply, verify and, where its receipt has an inverse, rollback, redo and rollback again. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { COMMANDS } from '../../../shared/commands/index.ts'
import { casesOf, nameOf, type Stage } from './cases.ts'
import { carry, openDatabase, run, signedIn, snapshot, undo, verify, without } from './world.ts'

const stage = {} as Stage
const CASES = casesOf(stage)
beforeAll(async () => {
  const db = await openDatabase()
  Object.assign(stage, { db, admin: await signedIn(db.pool, 'walker', 'admin') })
})
afterAll(() => stage.db.drop())

const codes = COMMANDS.map(({ code }) => code)

it('has a case for every command, and for nothing else', () => {
  expect(Object.keys(CASES).sort()).toEqual([...codes].sort())
  for (const code of codes) expect(Object.keys(CASES[code] ?? {}), code).not.toEqual([])
})

describe.each(codes)('%s', (code) => {
  it.each(Object.keys(CASES[code] ?? {}))('%s does what its plan says, is verified, and is undone and redone, or says why not', async (title) => {
    const { params, never, stands, token } = await CASES[code]![title]!(nameOf(code, title))
    const before = await snapshot(stage.db.pool)
    const applied = await carry(stage.db.pool, code, params, { token })
    const after = await snapshot(stage.db.pool)
    for (const change of ['create', 'update', 'delete'] as const) expect(applied.counts[change]).toBe(applied.objects.filter(object => object.change === change).length)

    if (never) {
      expect(applied.inverse).toBeNull()
      expect(applied.irreversible).toMatch(never)
      for (const mode of ['plan', 'rollback']) {
        expect(await run(stage.db.pool, code, mode, {}, { run: applied.run, reason: 'a test', token })).toMatchObject({ status: 'refused', code: 'not_reversible', field: 'run', detail: expect.stringMatching(never) })
      }
      return
    }
    expect(applied.irreversible).toBeUndefined()
    const undone = await undo(stage.db.pool, applied, { token })
    expect(without(await snapshot(stage.db.pool), before)).toEqual(before)
    expect(await run(stage.db.pool, code, 'rollback', {}, { run: applied.run, token })).toMatchObject({ status: 'refused', code: 'nothing_to_do', field: 'run' })
    // What the first run promised does not hold any more.
    expect(await run(stage.db.pool, code, 'verify', {}, { run: applied.run, token })).toMatchObject({ status: stands ? 'verified' : 'unverified' })

    if (!undone.inverse) return expect(undone.irreversible).toMatch(/./)
    const redone = await undo(stage.db.pool, undone, { token })
    expect(without(await snapshot(stage.db.pool), after)).toEqual(after)
    if (!redone.inverse) return expect(redone.irreversible).toMatch(/./)
    await undo(stage.db.pool, redone, { token })
    expect(without(await snapshot(stage.db.pool), before)).toEqual(before)
  })
})

it('keeps the row of every run as its receipt, with every object that it touched', async () => {
  const { rows } = await stage.db.pool.query(`
    SELECT id, command_code FROM iu_core.dot_iu_command_run AS r
    WHERE (receipt ->> 'run')::bigint <> id OR receipt ->> 'command' <> command_code OR receipt ->> 'mode' <> mode OR receipt ->> 'status' <> status OR receipt ->> 'actor' <> actor
       OR EXISTS (SELECT FROM jsonb_array_elements(receipt -> 'objects') AS o WHERE NOT o ->> 'ref' = ANY (object_refs))
       OR receipt ? 'secret' OR event_count <> coalesce((SELECT sum((e ->> 'count')::integer) FROM jsonb_array_elements(receipt -> 'events') AS e), 0)`)
  expect(rows).toEqual([])
  expect(await verify(stage.db.pool, await run(stage.db.pool, 'dot_iu_create_collection', 'apply', { address: 'the_last', kind: 'section', title: 'The last' }))).toMatchObject({ mode: 'verify' })
})
