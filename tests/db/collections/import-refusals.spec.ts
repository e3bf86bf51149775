import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type TestDatabase, testDatabase } from '../harness.ts'
import { GATE, UNTOUCHED, difference, documentOf, importBlocks, paragraphs, setGate, importFile } from './documents.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
  await setGate(db, GATE, true)
  await importBlocks(db.pool, 'known.md', paragraphs('one', 'two', 'three'))
})
afterAll(() => db.drop())

const refusedWhole = async (attempt: () => Promise<unknown>, error: object) => {
  const touched = await difference(db.pool, () => expect(attempt()).rejects.toMatchObject(error))
  for (const [table, what] of Object.entries(touched)) expect(what, table).toEqual(UNTOUCHED)
}

interface RawCut { kinds?: (string | null)[] | null, starts?: (number | null)[] | null, lengths?: (number | null)[] | null, titles?: (string | null)[] | null, levels?: (number | null)[] | null }
const CONTENT = 'one\n\ntwo.' // pieces at 0 (3 bytes) and 5 (4 bytes)
const GOOD = { kinds: ['paragraph', 'paragraph'], starts: [0, 5], lengths: [3, 4], titles: ['one', 'two'], levels: [0, 0] }
const raw = (source: string | null, content: string | Buffer | null, cut: RawCut) => {
  const { kinds, starts, lengths, titles, levels } = { ...GOOD, ...cut }
  return db.pool.query<{ canonical_address: string }>('SELECT * FROM iu_core.fn_iu_import_file($1, $2, $3, $4, $5, $6, $7)', [source, content === null ? null : Buffer.from(content), kinds, starts, lengths, titles, levels])
}

describe('a cut', () => {
  it('that covers the content is taken', async () => {
    expect((await raw('good.md', CONTENT, {})).rows).toMatchObject([{ outcome: 'created', pieces: 2 }])
    expect((await raw('tight.md', CONTENT, { lengths: [5, 4] })).rows).toMatchObject([{ outcome: 'created', pieces: 2 }])
  })

  const WRONG: [string, string, RawCut][] = [
    ['that does not begin at 0', CONTENT, { starts: [1, 5] }],
    ['with a piece that reaches into the next', CONTENT, { lengths: [6, 4] }],
    ['in the wrong order', CONTENT, { starts: [5, 0] }],
    ['that begins at 0 twice', CONTENT, { starts: [0, 0] }],
    ['that ends beyond the content', CONTENT, { lengths: [3, 5] }],
    ['that begins beyond the content', CONTENT, { starts: [0, 100] }],
    ['with a length that overflows', CONTENT, { lengths: [3, 2_147_483_647] }],
    ['with a negative start', CONTENT, { starts: [-1, 5] }],
    ['with a negative second start', CONTENT, { starts: [0, -5] }],
    ['with a negative length', CONTENT, { lengths: [-3, 4] }],
    ['with an empty piece', CONTENT, { lengths: [3, 0] }],
    ['with a missing start', CONTENT, { starts: [0, null] }],
    ['with a missing first start', CONTENT, { starts: [null, 5] }],
    ['with a missing length', CONTENT, { lengths: [null, 4] }],
    ['of no pieces', CONTENT, { kinds: [], starts: [], lengths: [], titles: [], levels: [] }],
    ['of pieces where there is nothing', '', { kinds: ['text'], starts: [0], lengths: [1], titles: [''], levels: [0] }],
    ['with too few kinds', CONTENT, { kinds: ['paragraph'] }],
    ['with too few lengths', CONTENT, { lengths: [3] }],
    ['with too many titles', CONTENT, { titles: ['', '', ''] }],
    ['with no levels', CONTENT, { levels: null }],
    ['with no starts', CONTENT, { starts: null }],
    ['with a level that no heading has', CONTENT, { levels: [0, 7] }],
    ['with a negative level', CONTENT, { levels: [-1, 0] }],
    ['with a missing level', CONTENT, { levels: [0, null] }],
    ['with an unknown kind', CONTENT, { kinds: ['paragraph', 'prose'] }],
    ['with a missing kind', CONTENT, { kinds: ['paragraph', null] }],
    ['through a character', 'ä', { kinds: ['text', 'text'], starts: [0, 1], lengths: [1, 1] }],
    ['whose separator splits a character', 'aä', { kinds: ['text', 'text'], starts: [0, 2], lengths: [1, 1] }],
  ]
  it.each(WRONG)('%s is refused, for a new source and a known one', async (_, content, cut) => {
    await refusedWhole(() => raw('new.md', content, cut), { code: 'IU002', column: expect.any(String) })
    await refusedWhole(() => raw('known.md', content, cut), { code: 'IU002', column: expect.any(String) })
  })

  it('may leave blank lines to the separators, or take them along', async () => {
    expect((await raw('blank.md', 'a\n', { kinds: ['text'], starts: [0], lengths: [2], titles: [''], levels: [0] })).rows).toMatchObject([{ byte_length: '2' }])
  })
})

describe('content', () => {
  const whole = (bytes: Buffer) => ({ kinds: ['text'], starts: [0], lengths: [bytes.length], titles: [''], levels: [0] })
  it.each<[string, Buffer]>([
    ['that is not UTF-8', Buffer.from([0x61, 0xff, 0x62])], ['that ends inside a character', Buffer.from([0x61, 0xc3])], ['that holds NUL', Buffer.from('a\0b')],
    ['with a surrogate', Buffer.from([0xed, 0xa0, 0x80])], ['with an overlong form', Buffer.from([0xc0, 0xaf])],
  ])('%s is refused', async (_, bytes) => {
    await refusedWhole(() => raw('bytes.md', bytes, whole(bytes)), { code: 'IU002', column: 'content' })
    await refusedWhole(() => raw('known.md', bytes, whole(bytes)), { code: 'IU002', column: 'content' })
  })

  it('must be there', () => refusedWhole(() => raw('null.md', null, {}), { code: 'IU002' }))

  it('with a byte-order mark, any line end and any script is kept byte for byte', async () => {
    const blocks: [string, string][] = [['\ufeff# मानक', '\r\n\r\n'], ['tab\there', '\r\r'], ['\u{1f469}\u200d\u{1f680} \u0301 \u202e', '\n \t\n'], ['\u0001\u007f\ufffe', '']]
    const { content, cut } = documentOf(blocks)
    await importFile(db.pool, 'scripts.md', content, cut)
    const { rows } = await db.pool.query<{ bytes: Buffer }>('SELECT convert_to(iu_core.fn_iu_collection_render(id), \'UTF8\') AS bytes FROM iu_core.iu_collection WHERE source_path = \'scripts.md\'')
    expect(rows[0]!.bytes.equals(content)).toBe(true)
  })
})

describe('a source', () => {
  it.each([null, '', 'x'.repeat(2001), 'é'.repeat(1001)])('cannot be named %.20j', async (source) => {
    await refusedWhole(() => raw(source, CONTENT, {}), { code: 'IU002', column: 'source_path' })
  })

  it('may have a name of 2000 bytes of any script', async () => {
    expect((await raw('é'.repeat(1000), CONTENT, {})).rows).toMatchObject([{ outcome: 'created' }])
    // Incompressible, so that the index has to hold all of it.
    let seed = 1
    const noise = Array.from({ length: 500 }, () => String.fromCodePoint(0x10000 + (seed = seed * 48_271 % 2_147_483_647) % 0x10000)).join('')
    expect((await raw(noise, CONTENT, {})).rows).toMatchObject([{ outcome: 'created' }])
  })

  it.each([[[0, 5], [3, 4]], [[], []]])('whose address another source has taken is refused, and names that (pieces at %j)', async (starts, lengths) => {
    const original = `Original ${starts.length}.md`
    const cut = { starts, lengths, kinds: starts.map(() => 'text'), titles: starts.map(() => 'same'), levels: starts.map(() => 0) }
    const content = starts.length ? CONTENT : ''
    const taken = (await raw(original, content, cut)).rows[0]!.canonical_address
    await refusedWhole(() => raw(taken, content, cut), { code: 'IU004', column: 'canonical_address', message: `canonical_address: ${taken} is taken by the source ${original}` })
  })

  it('whose address a collection without a source has taken is refused', async () => {
    await db.pool.query('SELECT iu_core.fn_iu_compose(\'hand-made.md\', \'workflow\', \'\', \'{}\')')
    await refusedWhole(() => importBlocks(db.pool, 'hand-made.md', paragraphs('a')), { code: 'IU004', message: 'canonical_address: hand-made.md is taken' })
  })

  it('whose piece\'s address another unit has taken is refused', async () => {
    await db.pool.query('SELECT iu_core.fn_iu_create(\'squat.md/0002-b\', \'text\', \'\')')
    await refusedWhole(() => importBlocks(db.pool, 'squat.md', paragraphs('a', 'b')), { code: 'IU004', column: 'canonical_address', message: 'canonical_address: squat.md/0002-b is taken' })
  })
})

describe('a closed composer gate', () => {
  it('refuses every import, of known and unknown sources, the same bytes too', async () => {
    await setGate(db, GATE, false)
    for (const [source, texts] of [['new.md', ['a']], ['known.md', ['changed']], ['known.md', ['one', 'two', 'three']]] as const) {
      await refusedWhole(() => importBlocks(db.pool, source, paragraphs(...texts)), { code: 'IU001', column: GATE })
    }
    await setGate(db, GATE, true)
  })
})

describe('a retired piece', () => {
  it('takes no new version: the import is refused whole', async () => {
    await importBlocks(db.pool, 'retiring.md', paragraphs('one', 'two'))
    await db.pool.query('UPDATE iu_core.information_unit SET lifecycle_status = \'retired\' WHERE canonical_address = \'retiring.md/0001-one\'')
    await refusedWhole(() => importBlocks(db.pool, 'retiring.md', paragraphs('ONE', 'TWO')), { code: 'IU009' })
  })
})
