import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type TestDatabase, testDatabase } from '../harness.ts'
import { PIECE_KINDS } from '../../../server/import/pieces.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

const classify = (termClass: string, terms: (string | null)[]) => db.pool.query('SELECT iu_core.fn_iu_classify($1, $2::text[], \'some_field\')', [termClass, terms])
const terms = async (termClass: string) =>
  (await db.pool.query<{ term: string }>('SELECT term FROM iu_core.iu_vocabulary WHERE term_class = $1 ORDER BY term COLLATE "C"', [termClass])).rows.map(row => row.term)
/** The quoted words of a table's CHECK constraint. */
const checked = async (constraint: string) =>
  (await db.pool.query<{ words: string[] }>('SELECT ARRAY(SELECT m[1] FROM regexp_matches(pg_get_constraintdef(oid), $$\'(\\w+)\'$$, \'g\') AS m ORDER BY m[1] COLLATE "C") AS words FROM pg_constraint WHERE conname = $1', [constraint])).rows[0]!.words

describe('the vocabulary', () => {
  it('has every kind of piece that the cut makes, a workflow\'s step, and no other unit kind', async () => {
    expect(await terms('unit_kind')).toEqual([...PIECE_KINDS, 'step'].sort())
  })

  it('knows the four kinds of collection', async () => {
    expect(await terms('collection_kind')).toEqual(['design_doc', 'file', 'section', 'workflow'])
  })

  it('names the states that the tables allow', async () => {
    expect(await terms('lifecycle_status')).toEqual(await checked('information_unit_lifecycle_chk'))
    expect(await terms('delivery_lane')).toEqual(await checked('event_outbox_lane_chk'))
  })

  it('describes every term', async () => {
    expect((await db.pool.query('SELECT * FROM iu_core.iu_vocabulary WHERE btrim(description) = \'\'')).rows).toEqual([])
  })
})

describe('classifying', () => {
  it('lets known terms through', async () => {
    await classify('unit_kind', ['heading', 'paragraph', 'heading'])
    await classify('unit_kind', [])
  })

  it.each([['chapter'], ['Heading'], ['heading '], [''], [null]])('refuses %j, names the field and says what there is', async (term) => {
    await expect(classify('unit_kind', ['heading', term])).rejects.toMatchObject({
      code: 'IU002', column: 'some_field', message: `some_field: ${term ?? 'null'} is not a known unit_kind`, hint: expect.stringContaining('front_matter, heading'),
    })
  })

  it('does not take a term of another class', async () => {
    await expect(classify('collection_kind', ['heading'])).rejects.toMatchObject({ code: 'IU002' })
    await expect(classify('no_such_class', ['heading'])).rejects.toMatchObject({ code: 'IU002', hint: 'Use one of: (none registered)' })
  })
})

describe('registering', () => {
  it('adds and re-describes terms, and forgets a class', async () => {
    await db.pool.query(`SELECT iu_core.fn_iu_vocabulary_register('colour', '{"red": "like a rose", "blue": "like the sky"}')`)
    await db.pool.query(`SELECT iu_core.fn_iu_vocabulary_register('colour', '{"red": "like blood"}')`)
    expect((await db.pool.query('SELECT term, description FROM iu_core.iu_vocabulary WHERE term_class = \'colour\' ORDER BY term')).rows)
      .toEqual([{ term: 'blue', description: 'like the sky' }, { term: 'red', description: 'like blood' }])
    await db.pool.query('SELECT iu_core.fn_iu_vocabulary_forget(\'colour\')')
    expect(await terms('colour')).toEqual([])
    expect(await terms('unit_kind')).not.toEqual([])
  })
})
