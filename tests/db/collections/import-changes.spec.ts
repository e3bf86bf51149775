import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type TestDatabase, testDatabase } from '../harness.ts'
import {
  type Block, GATE, MASTER, UNTOUCHED, added, changed, counts, difference, documentOf, eventsOf, importBlocks, numbered, paragraphs, piecesOf, reimport as reimportInto, rendered, setGate, textOf,
  importFile } from './documents.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
  await setGate(db, GATE, true)
})
afterAll(() => db.drop())

let number = 0
let source: string
beforeEach(() => {
  source = `doc${++number}.md`
})

const reimport = (before: Block[], after: Block[]) => reimportInto(db.pool, source, before, after)

describe('a new source', () => {
  it('becomes a collection of kind file, sealed, with its pieces in order', async () => {
    const blocks: Block[] = [['# Title', '\r\n\r\n'], ['Grüße \u{1f600}', '\n\n\n'], ['## Part', '\n'], ['- one\n- two', '']]
    const { content, cut } = documentOf(blocks)
    const digest = createHash('sha256').update(content).digest('hex')
    expect(await importFile(db.pool, source, content, cut)).toEqual({
      outcome: 'created', address: source, pieces: 4, piecesCreated: 4, versionsCreated: 0, piecesRemoved: 0, piecesMoved: 0, byteLength: content.length, contentDigest: digest,
    })
    expect((await piecesOf(db.pool, source)).map(piece => [piece.unit_address, piece.unit_kind, piece.title, piece.section_level, piece.body, piece.separator])).toEqual([
      [`${source}/0001-title`, 'heading', 'Title', 1, '# Title', '\r\n\r\n'],
      [`${source}/0002-gr-e`, 'paragraph', 'Grüße \u{1f600}', 0, 'Grüße \u{1f600}', '\n\n\n'],
      [`${source}/0003-part`, 'heading', 'Part', 2, '## Part', '\n'],
      [`${source}/0004-one-two`, 'list', '- one\n- two', 0, '- one\n- two', ''],
    ])
    const { rows } = await db.pool.query('SELECT * FROM iu_core.v_iu_collection_manifest WHERE canonical_address = $1', [source])
    expect(rows).toMatchObject([{
      collection_kind: 'file', title: 'Title', source_path: source, source_digest: digest, render_digest: digest, round_trip: 'identical', manifest_current: true,
      piece_count: 4, byte_length: String(content.length), source_byte_length: String(content.length),
    }])
  })

  it('has a manifest digest that its rows account for', async () => {
    await importBlocks(db.pool, source, paragraphs('a', 'b'))
    const { rows: [manifest] } = await db.pool.query<{ manifest_digest: string }>('SELECT manifest_digest FROM iu_core.v_iu_collection_manifest WHERE canonical_address = $1', [source])
    const lines = (await piecesOf(db.pool, source)).map((piece, i) => [i + 1, piece.unit_address, piece.unit_kind, piece.version_seq, piece.content_digest, piece.byte_length, JSON.stringify(piece.separator)].join('\t'))
    const text = ['iu-manifest 1', `collection\t${source}\tfile\t""`, ...lines, ''].join('\n')
    expect(createHash('sha256').update(text).digest('hex')).toBe(manifest!.manifest_digest)
  })

  it('tells of every birth, and once of the rendering', async () => {
    const events = await eventsOf(db.pool, () => importBlocks(db.pool, source, paragraphs('a', 'b')))
    expect(events.map(event => event.event_type).sort()).toEqual([
      'collection_created', 'collection_rendered', 'iu.created', 'iu.created', 'piece_added_to_collection', 'piece_added_to_collection',
    ])
    expect(events.at(-1)!.event_type).toBe('collection_rendered')
  })

  it('may be empty, and filled and emptied again', async () => {
    expect(await importBlocks(db.pool, source, [])).toMatchObject({ outcome: 'created', pieces: 0, byteLength: 0 })
    expect(await importBlocks(db.pool, source, [])).toMatchObject({ outcome: 'unchanged', pieces: 0 })
    expect(await importBlocks(db.pool, source, [['a', '']])).toMatchObject({ outcome: 'updated', pieces: 1, piecesCreated: 1 })
    expect(await importBlocks(db.pool, source, [])).toMatchObject({ outcome: 'updated', pieces: 0, piecesRemoved: 1 })
  })

  it('places each piece under the heading whose section it stands in', async () => {
    const blocks = paragraphs('intro', '# A', 'in a', '### deep', 'in deep', '## B', 'in b', '# C', 'in c')
    await importBlocks(db.pool, source, blocks)
    const { rows } = await db.pool.query<{ child: string, parent: string | null }>(`SELECT v.body AS child, pv.body AS parent FROM iu_core.v_iu_collection_piece AS v
      JOIN iu_core.iu_tree_path AS t USING (unit_id) LEFT JOIN iu_core.unit_version AS pv ON pv.unit_id = t.parent_unit_id AND pv.version_seq = 1
      WHERE v.collection_address = $1 ORDER BY v.position`, [source])
    expect(rows.map(row => [row.child, row.parent])).toEqual([
      ['intro', null], ['# A', null], ['in a', '# A'], ['### deep', '# A'], ['in deep', '### deep'], ['## B', '# A'], ['in b', '## B'], ['# C', null], ['in c', '# C'],
    ])
  })
})

describe('the same bytes again', () => {
  it('write nothing at all, not even a transaction id', async () => {
    const { content, cut } = documentOf(numbered(50))
    const created = await importFile(db.pool, source, content, cut)
    const client = await db.connect()
    await client.query('BEGIN')
    const touched = await difference(client, async () => {
      expect(await importFile(client, source, content, cut)).toEqual({ ...created, outcome: 'unchanged', piecesCreated: 0 })
    })
    for (const [table, what] of Object.entries(touched)) expect(what, table).toEqual(UNTOUCHED)
    expect((await client.query('SELECT pg_current_xact_id_if_assigned() AS xid')).rows).toEqual([{ xid: null }])
    await client.query('COMMIT')
    await client.end()
  })

  it('are restored over a piece that was revised by other means', async () => {
    await importBlocks(db.pool, source, paragraphs('a', 'b'))
    const [piece] = await piecesOf(db.pool, source)
    await db.pool.query('SELECT iu_core.fn_iu_apply_versions(ARRAY[$1::bigint], ARRAY[\'other\'])', [piece!.unit_id])
    expect(await importBlocks(db.pool, source, paragraphs('a', 'b'))).toMatchObject({ outcome: 'updated', versionsCreated: 1 })
    expect(rendered(await piecesOf(db.pool, source))).toBe('a\n\nb\n')
  })

  it('become the known source where a revision had already made them the rendering', async () => {
    await importBlocks(db.pool, source, paragraphs('a', 'b'))
    const [piece] = await piecesOf(db.pool, source)
    await db.pool.query('SELECT iu_core.fn_iu_apply_versions(ARRAY[$1::bigint], ARRAY[\'A\'])', [piece!.unit_id])
    await db.pool.query('SELECT iu_core.fn_iu_collection_seal(id) FROM iu_core.iu_collection WHERE canonical_address = $1', [source])
    expect(await importBlocks(db.pool, source, paragraphs('A', 'b'))).toMatchObject({ outcome: 'updated', versionsCreated: 0, piecesCreated: 0 })
    expect((await db.pool.query('SELECT round_trip FROM iu_core.v_iu_collection_manifest WHERE canonical_address = $1', [source])).rows).toEqual([{ round_trip: 'identical' }])
    expect(await importBlocks(db.pool, source, paragraphs('A', 'b'))).toMatchObject({ outcome: 'unchanged' })
  })
})

describe('a changed source', () => {
  const sections = (...names: string[]) => names.flatMap<Block>(name => [[`## ${name}`, '\n\n'], [`First of ${name}.`, '\n\n'], [`Second of ${name}.`, '\n\n']])

  it('loses a section: its pieces are removed, its units live on', async () => {
    const { imported, touched } = await reimport(sections('A', 'B', 'C'), sections('A', 'C'))
    expect(imported).toEqual(counts(6, { removed: 3 }))
    expect(touched).toMatchObject({ information_unit: UNTOUCHED, unit_version: UNTOUCHED, iu_collection_piece: { ...UNTOUCHED, gone: 3 }, event_outbox: added(4) })
  })

  it('gets it back as new pieces under numbers never used', async () => {
    await reimport(sections('A', 'B'), sections('A'))
    expect(await importBlocks(db.pool, source, sections('A', 'B'))).toMatchObject({ piecesCreated: 3, versionsCreated: 0 })
    expect((await piecesOf(db.pool, source)).map(piece => piece.unit_address.slice(source.length + 1, source.length + 5))).toEqual(['0001', '0002', '0003', '0007', '0008', '0009'])
  })

  it('swaps two sections: one of them moves, nothing is born or revised', async () => {
    const { imported, touched } = await reimport(sections('A', 'B', 'C', 'D'), sections('A', 'C', 'B', 'D'))
    expect(imported).toEqual(counts(12, { moved: 3 }))
    expect(touched).toMatchObject({ information_unit: UNTOUCHED, unit_version: UNTOUCHED, iu_tree_path: UNTOUCHED, iu_collection_piece: changed(3), event_outbox: added(4) })
  })

  it('moves a section to the start, and the last to the front', async () => {
    expect((await reimport(sections('A', 'B', 'C'), sections('C', 'A', 'B'))).imported).toEqual(counts(9, { moved: 3 }))
    expect(await importBlocks(db.pool, source, sections('A', 'B', 'C'))).toMatchObject({ piecesMoved: 3, piecesCreated: 0, versionsCreated: 0 })
  })

  it('has an edit and an insertion in different places', async () => {
    const before = numbered(20)
    expect((await reimport(before, before.with(3, ['Edited.', '\n\n']).toSpliced(12, 0, ['Inserted.', '\n\n']))).imported).toEqual(counts(21, { created: 1, versions: 1 }))
  })

  it('has an edit and an insertion side by side', async () => {
    const before = numbered(20)
    expect((await reimport(before, before.toSpliced(3, 1, ['Edited.', '\n\n'], ['Inserted.', '\n\n']))).imported).toEqual(counts(21, { created: 1, versions: 1 }))
  })

  it('has an edit, a removal, an insertion and a move', async () => {
    const before = numbered(30)
    const [last] = before.splice(-2, 1)
    const start = [...before.slice(0, -1), last!, before.at(-1)!]
    const after = start.with(2, ['Edited.', '\n\n']).toSpliced(28, 1).toSpliced(20, 1).toSpliced(10, 0, last!).toSpliced(8, 0, ['Inserted.', '\n\n'])
    expect((await reimport(start, after)).imported).toEqual(counts(30, { created: 1, versions: 1, removed: 1, moved: 1 }))
  })

  it('has only other blank lines: no version, no piece, just separators', async () => {
    const before = numbered(10)
    const { imported, touched } = await reimport(before, before.with(4, [before[4]![0], '\n \n\n']))
    expect(imported).toEqual(counts(10))
    expect(touched).toMatchObject({ information_unit: UNTOUCHED, unit_version: UNTOUCHED, iu_tree_path: UNTOUCHED, iu_collection_piece: changed(1), event_outbox: added(1) })
  })

  it('turns a paragraph into a heading: the same unit, of another kind, with the rest of the section under it', async () => {
    await reimport(paragraphs('# A', 'b', 'c'), paragraphs('# A', '## b', 'c'))
    const { rows } = await db.pool.query(`SELECT u.unit_kind, t.section_level, u.current_version_seq, p.unit_address AS parent FROM iu_core.v_iu_collection_piece AS v JOIN iu_core.information_unit AS u ON u.id = v.unit_id
      JOIN iu_core.iu_tree_path AS t ON t.unit_id = u.id LEFT JOIN iu_core.v_iu_collection_piece AS p ON p.unit_id = t.parent_unit_id WHERE v.collection_address = $1 ORDER BY v.position`, [source])
    expect(rows).toEqual([
      { unit_kind: 'heading', section_level: 1, current_version_seq: 1, parent: null },
      { unit_kind: 'heading', section_level: 2, current_version_seq: 2, parent: `${source}/0001-a` },
      { unit_kind: 'paragraph', section_level: 0, current_version_seq: 1, parent: `${source}/0002-b` },
    ])
  })

  it('of another kind, stands in the manifests of collections that pin it: they have a new revision', async () => {
    const collection = async (address: string) => (await db.pool.query<{ id: string, revision: string, byte_length: string }>('SELECT id, revision, byte_length FROM iu_core.iu_collection WHERE canonical_address = $1', [address])).rows[0]!
    await importBlocks(db.pool, source, paragraphs('a', 'b'))
    const { id } = await collection(source)
    for (const name of ['pinning', 'revised']) {
      await db.pool.query(`SELECT iu_core.fn_iu_collection_seal(iu_core.fn_iu_compose($1, 'section', 'x', ARRAY(SELECT unit_id FROM iu_core.iu_collection_piece WHERE collection_id = $2 ORDER BY position), ''))`, [`${source}.${name}`, id])
      await db.pool.query(`UPDATE iu_core.iu_collection_piece AS p SET pinned_version_seq = u.current_version_seq FROM iu_core.information_unit AS u
        WHERE u.id = p.unit_id AND p.collection_id = (SELECT id FROM iu_core.iu_collection WHERE canonical_address = $1)`, [`${source}.${name}`])
      const before = await collection(`${source}.${name}`)
      await importBlocks(db.pool, source, name === 'pinning' ? paragraphs('a', '# b') : paragraphs('a', '# c'))
      expect(await collection(`${source}.${name}`)).toEqual({ ...before, revision: String(Number(before.revision) + (name === 'pinning' ? 1 : 0)) })
      expect((await db.pool.query('SELECT * FROM iu_core.fn_iu_collection_findings($1)', [before.id])).rows).toEqual([])
    }
  })

  it('changes a pinned piece: it follows its source again', async () => {
    await importBlocks(db.pool, source, paragraphs('a', 'b'))
    await db.pool.query('UPDATE iu_core.iu_collection_piece AS p SET pinned_version_seq = 1 FROM iu_core.iu_collection AS c WHERE c.id = p.collection_id AND c.canonical_address = $1', [source])
    expect(await importBlocks(db.pool, source, paragraphs('a', 'B'))).toMatchObject({ versionsCreated: 1 })
    const pieces = await piecesOf(db.pool, source) as unknown as { pinned: boolean, version_seq: number }[]
    expect(pieces.map(({ pinned, version_seq }) => [pinned, version_seq])).toEqual([[true, 1], [false, 2]])
    expect(rendered(await piecesOf(db.pool, source))).toBe('a\n\nB\n')
  })

  it('grows at the same place again and again and stays in order', async () => {
    const blocks = paragraphs('# Changelog', 'Oldest.')
    const client = await db.connect()
    for (let i = 0; i < 300; i++) {
      blocks.splice(1, 0, [`Release ${i}.`, '\n\n'])
      expect(await importBlocks(client, source, blocks)).toMatchObject({ piecesCreated: i === 0 ? 3 : 1, versionsCreated: 0, piecesMoved: 0 })
    }
    await client.end()
    const pieces = await piecesOf(db.pool, source)
    expect(rendered(pieces)).toBe(textOf(blocks))
    expect(Math.max(...pieces.map(piece => piece.position.length))).toBeLessThan(20)
  })
})

describe('the lane', () => {
  it('is held for every event while the master gate is closed, and each type\'s own when it is open', async () => {
    await setGate(db, MASTER, false)
    const held = await eventsOf(db.pool, () => importBlocks(db.pool, source, paragraphs('a', 'b')))
    expect(held.length).toBe(6)
    expect(new Set(held.map(event => event.delivery_lane))).toEqual(new Set(['held']))
    await setGate(db, MASTER, true)
    const sent = await eventsOf(db.pool, () => importBlocks(db.pool, source, paragraphs('a', 'B', 'c')))
    expect(sent.map(event => event.event_type).sort()).toEqual(['collection_rendered', 'iu.created', 'iu.version_applied', 'piece_added_to_collection'])
    expect(new Set(sent.map(event => event.delivery_lane))).toEqual(new Set(['delayed']))
  })
})
