/** An id that was copied from elsewhere brings along what nobody sees. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { trimmedId } from '../../../shared/visible.ts'
import type { TestDatabase } from '../harness.ts'
import { carry, imported, openDatabase, piecesIn, run } from './world.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await openDatabase()
})
afterAll(() => db.drop())

/** The plane of a character is read by its number, so each of them stands in the source as what it is. */
const HIDDEN = ['\u200B', '\u200E', '\u2060', '\uFEFF', '\u202E', '\u2066', '\u00AD', '\u00A0', ' ', '\t', '\n', '\u3000', '\u034F', '\u{E0041}', '\uFE0F', '\u180E', '\u2028', '\u0085']

describe('an id that is pasted', () => {
  it.each(HIDDEN.map(character => [character.codePointAt(0)!.toString(16), character]))('is itself with U+%s around it, here and in the browser', async (_, character) => {
    const pasted = `${character}${character} a/b.c${character}`
    const { rows } = await db.pool.query<{ id: string }>('SELECT iu_core.fn_dot_id_trimmed($1) AS id', [pasted])
    expect([rows[0]!.id, trimmedId(pasted)]).toEqual(['a/b.c', 'a/b.c'])
  })

  it('is found in every parameter that is one, alone and in a list, and repeats count as one', async () => {
    const { result } = await carry(db.pool, 'dot_iu_import_text', await imported('pasted.md', '# One\n\nTwo.\n\nThree.\n'))
    const collection = result.collection as string
    const [first, second] = await piecesIn(db.pool, collection)
    await carry(db.pool, 'dot_iu_reorder_piece', { collection: `\u200B${collection}`, piece: `${second}\u2060\n`, before: `\uFEFF${first}` })
    expect((await piecesIn(db.pool, collection)).slice(0, 2)).toEqual([second, first])
    await carry(db.pool, 'dot_iu_create_file_from_pieces', { address: 'pasted\u200B', title: '\u200Ftitle ', pieces: [`${first}\u200B`, second] })
    const { rows } = await db.pool.query(`SELECT canonical_address AS address, title FROM iu_core.iu_collection WHERE canonical_address LIKE 'pasted%' ORDER BY id DESC LIMIT 1`)
    expect(rows).toEqual([{ address: 'pasted', title: '\u200Ftitle ' }])
    const key = 'one intention'
    const once = await run(db.pool, 'dot_iu_checkpoint_collection', 'apply', { collection }, { key })
    const again = await run(db.pool, 'dot_iu_checkpoint_collection', 'apply', { collection: `${collection}\u200B` }, { key })
    expect([again.run, again.repeated]).toEqual([once.run, true])
  })

  it('is refused where it is something else within', async () => {
    const refused = await run(db.pool, 'dot_iu_checkpoint_collection', 'plan', { collection: 'pas\u200Bted' })
    expect(refused).toMatchObject({ status: 'refused', field: 'collection' })
    expect(await run(db.pool, 'dot_iu_checkpoint_collection', 'plan', { collection: ['a\u200B'] })).toMatchObject({ status: 'refused' })
    expect(await run(db.pool, 'dot_iu_checkpoint_collection', 'plan', 'a\u200B')).toMatchObject({ status: 'refused' })
  })
})
