/** A document that is edited here and imported from a file: what would be lost is named, and asks for a plan; titles and round trip say what is so. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { closeCutters, cut } from '../../../server/import/cut.ts'
import { titleOf } from '../../../server/import/title.ts'
import type { TestDatabase } from '../harness.ts'
import { carry, imported, openDatabase, type Params, piecesIn, type Receipt, rendering, run, undo } from './world.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await openDatabase()
})
afterAll(async () => {
  await closeCutters()
  await db.drop()
})

const IMPORT = 'dot_iu_import_text'
const paragraphs = (...names: string[]) => names.map(name => `The paragraph ${name}.`).join('\n\n') + '\n'
let n = 0
const source = () => `e${++n}.md`
const apply = (command: string, params: Params, reason = 'a test') => carry(db.pool, command, params, { reason })
const importing = async (path: string, text: string, mode = 'apply', options = {}) => run(db.pool, IMPORT, mode, await imported(path, text), options)
/** Imports from a plan, as somebody does who has read it. */
async function over(path: string, text: string): Promise<Receipt> {
  const plan = await importing(path, text, 'plan')
  expect(plan.status, JSON.stringify(plan)).toBe('planned')
  const applied = await importing(path, text, 'apply', { plan: plan.plan_digest, reason: 'read' })
  expect(applied, JSON.stringify(applied)).toMatchObject({ status: 'succeeded' })
  return applied
}
const unchanged = async (address: string, work: () => Promise<Receipt>): Promise<Receipt> => {
  const before = [await rendering(db.pool, address), await piecesIn(db.pool, address)]
  const receipt = await work()
  expect([await rendering(db.pool, address), await piecesIn(db.pool, address)]).toEqual(before)
  return receipt
}

describe('an import that removes more than a fifth of a document', () => {
  const ten = paragraphs('one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten')
  it.each<[string, string, string, RegExp]>([
    ['an empty text', ten, '', /removes 10 of the 10 pieces .* empty/],
    ['blank lines', ten, '\n\n', /bytes become 2/],
    ['three of ten pieces fewer', ten, paragraphs('one', 'two', 'three', 'four', 'five', 'six', 'seven'), /removes 3 of the 10/],
    ['one piece that loses most of its bytes', `# T\n\n${'A long line.\n'.repeat(50)}\n`, '# T\n\nA long line.\n', /removes 0 of the 2 pieces/],
    ['one piece that is all of it', 'All that there is, in one paragraph.\n', 'Little.\n', /bytes become 8/],
  ])('%s: is refused without a plan and a reason, and the plan says so first', async (_, text, less, told) => {
    const path = source()
    const { result } = await importing(path, text)
    const refused = await unchanged(String(result.collection), () => importing(path, less))
    expect(refused).toMatchObject({ status: 'refused', code: 'invalid_parameter', field: 'plan_digest', detail: expect.stringMatching(told) as string, friction: ['removals'] })
    const plan = await importing(path, less, 'plan')
    expect(plan.notes[0]).toMatch(told)
    expect(await importing(path, less, 'apply', { plan: plan.plan_digest })).toMatchObject({ status: 'refused', field: 'reason' })
    const applied = await importing(path, less, 'apply', { plan: plan.plan_digest, reason: 'it is meant' })
    expect(applied).toMatchObject({ status: 'succeeded', notes: [expect.stringMatching(told)] })
    expect(await rendering(db.pool, String(result.collection))).toBe(less)
    // Undoing takes nothing away that somebody has: one click.
    expect(await run(db.pool, IMPORT, 'rollback', {}, { run: applied.run })).toMatchObject({ status: 'succeeded' })
    expect(await rendering(db.pool, String(result.collection))).toBe(text)
  })

  it.each<[string, string, string]>([
    ['two of ten pieces', ten, paragraphs('one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight')],
    ['a document that grows', ten, ten + paragraphs('eleven')],
    ['an empty text where there was none', '', ''],
  ])('%s: asks for nothing', async (_, text, other) => {
    const path = source()
    await importing(path, text)
    expect(await importing(path, other)).toMatchObject({ status: 'succeeded' })
  })

  it('an empty text for a new source is what it is', async () => {
    expect(await importing(source(), '')).toMatchObject({ status: 'succeeded', result: { outcome: 'created', pieces: 0 } })
  })

  it('is the same for a return to a checkpoint, and for the revision of a piece', async () => {
    const path = source()
    const { result: { collection } } = await importing(path, 'All that there is, in one paragraph.\n')
    const [piece] = await piecesIn(db.pool, String(collection))
    expect(await run(db.pool, IMPORT, 'apply', { collection, checkpoint: 0 })).toMatchObject({ status: 'refused', field: 'plan_digest', friction: ['removals'] })
    for (const body of ['', ' \n', 'All.']) expect(await run(db.pool, 'dot_iu_revise_piece', 'apply', { piece, body })).toMatchObject({ status: 'refused', field: 'plan_digest', friction: ['removals'] })
    expect(await run(db.pool, 'dot_iu_revise_piece', 'apply', { piece, body: 'All that there is, in one long paragraph.' })).toMatchObject({ status: 'succeeded' })
    await apply('dot_iu_create_piece', { address: `${path}/alone`, kind: 'text', body: 'Words' })
    expect(await run(db.pool, 'dot_iu_revise_piece', 'apply', { piece: `${path}/alone`, body: '' })).toMatchObject({ status: 'refused', field: 'plan_digest' })
  })
})

describe('an import over work that was done here', () => {
  const text = paragraphs('one', 'two', 'three', 'four', 'five', 'six')
  async function worked(work: (address: string, pieces: string[]) => Promise<unknown>): Promise<{ path: string, address: string, pieces: string[] }> {
    const path = source()
    const { result } = await importing(path, text)
    const address = String(result.collection)
    const pieces = await piecesIn(db.pool, address)
    await work(address, pieces)
    return { path, address, pieces }
  }
  const revise = (piece: string | undefined, body: string) => apply('dot_iu_revise_piece', { piece, body })

  it.each<[string, (address: string, pieces: string[]) => Promise<unknown>, (pieces: string[]) => string[]]>([
    ['an edited piece', (_, p) => revise(p[1], 'Another paragraph two.'), p => [`${p[1]} (edited)`]],
    ['a removed piece', (collection, p) => apply('dot_iu_remove_piece_from_collection', { collection, piece: p[2] }), p => [`${p[2]} (removed)`]],
    ['an added piece', (collection, p) => apply('dot_iu_create_piece', { address: `${collection}/added`, kind: 'paragraph', body: 'Added here.', collection, after: p[0] }), p => [`${p[0]!.split('/')[0]}/added (added)`]],
    ['a moved piece', (collection, p) => apply('dot_iu_reorder_piece', { collection, piece: p[4], to: 'first' }), p => [`${p[4]} (moved)`]],
    ['all of it', async (collection, p) => {
      await revise(p[0], 'Another paragraph one.')
      await apply('dot_iu_remove_piece_from_collection', { collection, piece: p[5] })
    }, p => [`${p[0]} (edited)`, `${p[5]} (removed)`]],
  ])('names %s and writes nothing, be the file as it was or changed elsewhere', async (_, work, named) => {
    const { path, address, pieces } = await worked(work)
    for (const other of [text, text.replace('four', 'number four')]) {
      const refused = await unchanged(address, () => importing(path, other))
      expect(refused).toMatchObject({ status: 'refused', field: 'plan_digest', friction: ['edits'] })
      for (const name of named(pieces)) expect(refused.detail).toContain(name)
      const plan = await importing(path, other, 'plan')
      expect(plan.notes[0]).toContain(named(pieces)[0])
    }
    await over(path, text)
    expect(await rendering(db.pool, address)).toBe(text)
    // What was removed has come back as itself, and no stranger has come.
    expect(await piecesIn(db.pool, address)).toEqual(pieces)
    expect(await importing(path, text)).toMatchObject({ status: 'succeeded', result: { outcome: 'unchanged' } })
  })

  it('goes through where nothing of that work is undone', async () => {
    const { path, address, pieces } = await worked((_, p) => revise(p[1], 'Another paragraph two.'))
    const same = text.replace('The paragraph two.', 'Another paragraph two.')
    expect(await importing(path, same)).toMatchObject({ status: 'succeeded', result: { versions_created: 0, pieces_created: 0, pieces_removed: 0 } })
    expect(await piecesIn(db.pool, address)).toEqual(pieces)
    // And a file that has dropped what was removed here.
    await apply('dot_iu_remove_piece_from_collection', { collection: address, piece: pieces[5] })
    expect(await importing(path, same.replace('\n\nThe paragraph six.', ''))).toMatchObject({ status: 'succeeded' })
  })

  it('after the undoing of an import knows what was imported before', async () => {
    const { path, address } = await worked(async () => {})
    const more = await importing(path, text + paragraphs('seven'))
    await undo(db.pool, more)
    expect(await importing(path, text + paragraphs('seven'))).toMatchObject({ status: 'succeeded' })
    expect(await rendering(db.pool, address)).toBe(text + paragraphs('seven'))
  })

  it('asks for a restoration of what was deleted here', async () => {
    const { path, pieces } = await worked((_, p) => apply('dot_iu_soft_delete_piece', { piece: p[3] }))
    const refused = await importing(path, text, 'plan')
    expect(refused).toMatchObject({ status: 'refused', code: 'lifecycle_refused' })
    expect(refused.detail).toContain(pieces[3])
    await apply('dot_iu_restore_piece', { piece: pieces[3] })
    expect(await importing(path, text)).toMatchObject({ status: 'succeeded' })
  })

  it('is told of every piece in one sentence, of many the first twenty', async () => {
    const path = source()
    const many = paragraphs(...Array.from({ length: 30 }, (_, i) => `number ${i}`))
    const { result } = await importing(path, many)
    for (const piece of await piecesIn(db.pool, String(result.collection))) await revise(piece, `Edited ${piece}, of some length`)
    expect((await importing(path, many)).detail).toMatch(/on 30 pieces: .* …/)
  })
})

describe('a round trip', () => {
  const of = async (address: string) => (await db.pool.query<{ it: string }>('SELECT round_trip AS it FROM iu_core.v_iu_collection_manifest WHERE canonical_address = $1', [address])).rows[0]!.it
  it('is edited after an edit, rendered or not; identical again when it is as it was; and differs only by a fault', async () => {
    const path = source()
    const { result } = await importing(path, paragraphs('one', 'two'))
    const address = String(result.collection)
    expect(await of(address)).toBe('identical')
    const [piece] = await piecesIn(db.pool, address)
    const revised = await apply('dot_iu_revise_piece', { piece, body: 'Another, somewhat longer paragraph.' })
    expect(await of(address)).toBe('edited')
    await apply('dot_iu_render_collection', { collection: address })
    expect(await of(address)).toBe('edited')
    expect((await db.pool.query('SELECT healthy, differs_from_source FROM iu_core.v_iu_collection_health WHERE canonical_address = $1', [address])).rows).toEqual([{ healthy: true, differs_from_source: false }])
    await undo(db.pool, revised)
    await apply('dot_iu_render_collection', { collection: address })
    expect(await of(address)).toBe('identical')
    const other = source()
    await importing(other, paragraphs('one'))
    await db.pool.query('UPDATE iu_core.iu_collection SET render_digest = sha256(\'\') WHERE source_path = $1', [other])
    expect(await of(other)).toBe('differs')
    expect((await db.pool.query('SELECT healthy, differs_from_source FROM iu_core.v_iu_collection_health WHERE canonical_address = $1', [other])).rows).toEqual([{ healthy: false, differs_from_source: true }])
  })
})

describe('a title', () => {
  const titleIn = async (piece: string | undefined) => (await db.pool.query<{ title: string }>('SELECT title FROM iu_core.information_unit WHERE canonical_address = $1', [piece])).rows[0]!.title
  const document = async (text: string) => {
    const { result } = await importing(source(), text)
    return { address: String(result.collection), pieces: await piecesIn(db.pool, String(result.collection)) }
  }

  it('that was made of the text follows it, in manifest, comparison and the document\'s own name, and back by an undo', async () => {
    const { address, pieces } = await document('# The *first* name\n\nReturns within **30 days**, and no longer.\n')
    const revised = await apply('dot_iu_revise_piece', { piece: pieces[1], body: 'Returns within **14 days**, and no longer than that.' })
    expect(await titleIn(pieces[1])).toBe('Returns within 14 days, and no longer than that.')
    expect(revised.objects[0]).toMatchObject({ before: { title: 'Returns within 30 days, and no longer.' }, after: { title: 'Returns within 14 days, and no longer than that.' } })
    await undo(db.pool, revised)
    expect(await titleIn(pieces[1])).toBe('Returns within 30 days, and no longer.')
    const renamed = await apply('dot_iu_revise_piece', { piece: pieces[0], body: '# The second, longer name' })
    const named = async () => (await db.pool.query<{ title: string }>('SELECT title FROM iu_core.iu_collection WHERE canonical_address = $1', [address])).rows[0]!.title
    expect(await named()).toBe('The second, longer name')
    await undo(db.pool, renamed)
    expect(await named()).toBe('The first name')
  })

  it('that somebody gave stays, through a revision and an import, until it is derived again', async () => {
    const path = source()
    const { result } = await importing(path, paragraphs('one', 'two'))
    const [piece] = await piecesIn(db.pool, String(result.collection))
    const own = await apply('dot_iu_revise_piece', { piece, body: 'The paragraph one, revised.', title: 'Mine' })
    await apply('dot_iu_revise_piece', { piece, body: 'The paragraph one, revised again.' })
    expect(await titleIn(piece)).toBe('Mine')
    await importing(path, 'The paragraph one, revised again.\n\nThe paragraph two.\n')
    await importing(path, 'The paragraph one, revised by a file.\n\nThe paragraph two.\n')
    expect(await titleIn(piece)).toBe('Mine')
    await apply('dot_iu_revise_piece', { piece, body: 'The paragraph one, and its title.', derive_title: true })
    expect(await titleIn(piece)).toBe('The paragraph one, and its title.')
    expect(own.inverse!.params).toMatchObject({ derive_title: true })
  })

  it('that comes back from a form as it was is nobody\'s own', async () => {
    const { pieces: [piece] } = await document(paragraphs('one'))
    await apply('dot_iu_revise_piece', { piece, body: 'The paragraph one and a half.', title: 'The paragraph one.' })
    expect(await titleIn(piece)).toBe('The paragraph one and a half.')
  })

  const TEXTS: [string, string][] = [
    ['heading', '# A `code` *b* __c__ snake_case_name #'], ['heading', '###### Deep ######  '], ['heading', 'Two\nlines\n==='], ['heading', '#'], ['paragraph', '![alt](x.png) and [link](y) and [ref][z] <b>bold</b> <https://a.b>'],
    ['code', '```ts title="x"\ncode\n```'], ['code', '    indented'], ['list', '- [ ] task *one*\n- two'], ['list', '1. > quoted - not'], ['quote', '> > deep **quote**'], ['table', '| a | b |\n|-|-|'], ['html', '<!-- a comment -->'],
    ['paragraph', '\\*not\\* emphasis \\\\ ~~gone~~ a~~b'], ['paragraph', '日本語の_見出し_です **太字**'], ['paragraph', `${'long '.repeat(60)}`], ['front_matter', '---\na: 1\n---'], ['thematic_break', '***'], ['paragraph', '``a ` b`` `c`'], ['definition', '[a]: /url "t"'],
    ['paragraph', '\uFEFF\n  Begins\there\u00a0with\u0007 blanks\u202e'], ['paragraph', '_a_ *b*c* **'], ['heading', '# a\r## b'],
  ]
  it('is made by the database as the import makes it', async () => {
    const derived = async (kind: string, body: string) => (await db.pool.query<{ title: string }>('SELECT iu_core.fn_iu_title($1, $2) AS title', [kind, body])).rows[0]!.title
    for (const [kind, body] of TEXTS) expect([body, await derived(kind, body)]).toEqual([body, titleOf(kind as 'text', Buffer.from(body))])
    const bits = fc.constantFrom('a', 'b c', ' ', '*', '**', '_', '`', '``', '~~', '\\', '[', '](', ')', '<', '>', '|', '#', '- ', '1. ', '\n', 'ä', '日', '!')
    await fc.assert(fc.asyncProperty(fc.constantFrom('heading', 'paragraph', 'code', 'list', 'table', 'quote'), fc.array(bits, { maxLength: 14 }).map(all => all.join('')), async (kind, body) => {
      expect(await derived(kind, body)).toBe(titleOf(kind as 'text', Buffer.from(body)))
    }), { numRuns: 500 })
    const { pieces } = await cut(Buffer.from('# A\n'))
    expect(pieces[0]!.title).toBe(await derived('heading', '# A'))
  })
})
