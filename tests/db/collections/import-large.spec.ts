import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type TestDatabase, testDatabase } from '../harness.ts'
import { type Block, type Table, type Touched, GATE, UNTOUCHED, added, changed, counts, importBlocks, numbered, reimport, setGate } from './documents.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
  await setGate(db, GATE, true)
})
afterAll(() => db.drop())

let number = 0
let source: string
beforeEach(() => {
  source = `large${++number}.md`
})

describe('a document of 2,000 pieces', () => {
  const big: Block[] = numbered(2000).map(([text, separator], i) => [i % 40 ? text : `## Part ${i / 40}`, separator])

  it('with one line edited gets exactly one new version, and no other row is touched', async () => {
    const { imported, touched } = await reimport(db.pool, source, big, big.with(777, ['Paragraph 777, edited.', '\n\n']))
    expect(imported).toEqual(counts(2000, { versions: 1 }))
    expect(touched).toEqual<Record<Table, Touched>>({
      information_unit: changed(1), unit_version: added(1), iu_collection_piece: UNTOUCHED, iu_tree_path: UNTOUCHED, iu_collection: changed(1), event_outbox: added(2),
    })
  })

  it('with one line edited does not even lock the other rows', async () => {
    await importBlocks(db.pool, source, big)
    await importBlocks(db.pool, source, big.with(777, ['Paragraph 777, edited.', '\n\n']))
    const { rows: [{ xid } = { xid: '' }] } = await db.pool.query<{ xid: string }>('SELECT xmin::text AS xid FROM iu_core.iu_collection WHERE canonical_address = $1', [source])
    const { rows } = await db.pool.query(`SELECT (SELECT count(*)::integer FROM iu_core.information_unit WHERE xmax::text = $1 AND xmin::text <> $1) AS units,
      (SELECT count(*)::integer FROM iu_core.iu_collection_piece WHERE xmax::text = $1 AND xmin::text <> $1) AS pieces, (SELECT count(*)::integer FROM iu_core.iu_tree_path WHERE xmax::text = $1 AND xmin::text <> $1) AS places`, [xid])
    expect(rows).toEqual([{ units: 0, pieces: 0, places: 0 }])
  })

  it.each([['middle', 1000], ['start', 0], ['end', 2000]])('with a paragraph inserted at the %s gets one new piece and no new version', async (place, at) => {
    const after = place === 'end' ? [...big.with(1999, [big[1999]![0], '\n\n']), ['Inserted.', '\n'] satisfies Block] : big.toSpliced(at, 0, ['Inserted.', '\n\n'])
    const { imported, touched } = await reimport(db.pool, source, big, after)
    expect(imported).toEqual(counts(2001, { created: 1 }))
    expect(touched).toEqual<Record<Table, Touched>>({
      information_unit: added(1), unit_version: added(1), iu_tree_path: added(1), iu_collection: changed(1), event_outbox: added(3),
      // What separated the last piece from the end separates it from the new one now.
      iu_collection_piece: { ...added(1), changed: place === 'end' ? 1 : 0 },
    })
  })

  it('with everything edited keeps every piece', async () => {
    const { imported } = await reimport(db.pool, source, big, big.map(([text, separator]) => [`${text}!`, separator]))
    expect(imported).toEqual(counts(2000, { versions: 2000 }))
  })
})
