/** What a plan says of line ends: nobody sees in a text that they have changed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestDatabase } from '../harness.ts'
import { carry, imported, openDatabase, piecesIn, run, undo } from './world.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await openDatabase()
})
afterAll(() => db.drop())

const told = async (before: string, after: string): Promise<string[]> =>
  (await db.pool.query<{ notes: string[] }>('SELECT iu_core.fn_dot_line_end_notes($1, $2) AS notes', [before, after])).rows[0]!.notes

describe('line ends', () => {
  it.each([
    ['a\r\nb\nc\r\n', 'Xa\nb\nc', ['Line ends change: CRLF 2 → 0, LF 1 → 2.', 'The text no longer ends with a line end.']],
    ['a\r\nb', 'a\nb', ['Line ends change: CRLF 1 → 0, LF 0 → 1.']],
    ['a\rb\rc', 'a\nb\rc', ['Line ends change: CR 2 → 1, LF 0 → 1.']],
    ['a\nb', 'a\r\nb\nc', ['Line ends change: CRLF 0 → 1.']],
    ['a', 'a\n', ['The text now ends with a line end.']],
    ['a\r\nb', 'a\r\nb\r\nc', []],
    ['a\r\nb\r\nc', 'a\r\nb', []],
    ['a', 'a\r\nb', []],
    ['a\u2028b', 'a\u2028c\u0085', []],
    ['', 'a\n', []],
    ['a\n', '', []],
  ])('of %j that becomes %j', async (before, after, notes) => {
    expect(await told(before, after)).toEqual(notes)
  })

  it('are told in the plan of a revision, of an earlier version, of an import and of a return, and not in that of a first import', async () => {
    const first = await carry(db.pool, 'dot_iu_import_text', await imported('ends.md', 'a\r\nb\r\n\r\nc\r\n'))
    expect(first.notes).toEqual([])
    const [piece] = await piecesIn(db.pool, first.result.collection as string)
    const planned = await run(db.pool, 'dot_iu_revise_piece', 'plan', { piece, body: 'Xa\nb' })
    expect(planned.notes).toEqual(['Line ends change: CRLF 1 → 0, LF 0 → 1.'])
    const revised = await carry(db.pool, 'dot_iu_revise_piece', { piece, body: 'Xa\nb' })
    expect(revised.notes).toEqual(planned.notes)
    expect((await undo(db.pool, revised)).notes).toEqual(['Line ends change: CRLF 0 → 1, LF 1 → 0.'])
    const again = await carry(db.pool, 'dot_iu_import_text', await imported('ends.md', 'a\nb\n\nc\n'))
    expect(again.notes).toEqual(['It removes 0 of the 2 pieces of ends.md: 11 bytes become 7.', 'Line ends change: CRLF 4 → 0, LF 0 → 4.'])
    expect((await undo(db.pool, again)).notes).toEqual(['Line ends change: CRLF 0 → 4, LF 4 → 0.'])
  })
})
