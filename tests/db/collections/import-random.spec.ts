import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import fc from 'fast-check'
import type pg from 'pg'
import { type Cut, closeCutters, cut } from '../../../server/import/cut.ts'
import { type TestDatabase, testDatabase } from '../harness.ts'
import { type Block, GATE, documentOf, piecesOf, rendered, setGate, textOf, importFile } from './documents.ts'

let db: TestDatabase
let client: pg.Client
beforeAll(async () => {
  db = await testDatabase()
  await setGate(db, GATE, true)
  client = await db.connect()
})
afterAll(async () => {
  await closeCutters()
  await db.drop()
})

const word = fc.oneof(fc.constantFrom('a', 'b', 'Grüße', '日本語', '\u{1f600}', 'e\u0301', '\ttab', 'x  '), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).map(s => s.toWellFormed().replace(/[\0\r\n]/g, '') || 'x'))
const body = fc.oneof(
  fc.constantFrom('### Bug Fixes', '### Features', '## 1.0.0', '# Title', '- one\n- two', 'same', '```\ncode\n\ncode\n```', '> quote', '| a |\n| - |\n| b |', '<div>\n\n</div>', '[x]: y'),
  fc.array(word, { minLength: 1, maxLength: 6 }).map(words => words.join(' ')),
)
const separator = fc.constantFrom('\n\n', '\n', '\r\n\r\n', '\n \t\n', '\r\r', '\n\n\n')
const block: fc.Arbitrary<Block> = fc.tuple(body, separator)
const document = fc.array(block, { maxLength: 25 })

interface Edit { what: 'insert' | 'remove' | 'edit' | 'move' | 'swap' | 'duplicate' | 'separate', at: number, to: number, length: number, block: Block }
const edit: fc.Arbitrary<Edit> = fc.record({
  what: fc.constantFrom('insert', 'remove', 'edit', 'move', 'swap', 'duplicate', 'separate'), at: fc.nat(), to: fc.nat(), length: fc.integer({ min: 1, max: 5 }), block,
})
function edited(blocks: Block[], { what, at, to, length, block }: Edit): Block[] {
  const result = [...blocks]
  if (what === 'insert' || result.length === 0) return result.toSpliced(at % (result.length + 1), 0, block)
  const index = at % result.length
  if (what === 'remove') result.splice(index, length)
  else if (what === 'edit') result[index] = [block[0], result[index]![1]]
  else if (what === 'separate') result[index] = [result[index]![0], block[1]]
  else if (what === 'duplicate') result.splice(to % result.length, 0, ...result.slice(index, index + length))
  else if (what === 'swap') [result[index], result[to % result.length]] = [result[to % result.length]!, result[index]!]
  else {
    const moved = result.splice(index, length)
    result.splice(to % (result.length + 1), 0, ...moved)
  }
  return result
}

const rowCounts = async () => (await client.query<{ units: number, versions: number, pieces: number, events: number }>(`SELECT (SELECT count(*)::integer FROM iu_core.information_unit) AS units,
  (SELECT count(*)::integer FROM iu_core.unit_version) AS versions, (SELECT count(*)::integer FROM iu_core.iu_collection_piece) AS pieces, (SELECT count(*)::integer FROM iu_core.event_outbox) AS events`)).rows[0]!

/** The heading that each piece stands under, as a reader sees it. */
function parents(levels: number[]): (number | null)[] {
  const open: (number | null)[] = [null, null, null, null, null, null]
  return levels.map((level, i) => {
    const parent = open.slice(0, level === 0 ? 6 : level - 1).findLast(heading => heading !== null) ?? null
    if (level > 0) open.fill(null, level).fill(i, level - 1, level)
    return parent
  })
}

/** Imports, and compares everything there is to compare. */
async function importAndCheck(source: string, content: Buffer, given: Cut): Promise<void> {
  const before = await rowCounts()
  const imported = await importFile(client, source, content, given)
  const after = await rowCounts()
  const digest = createHash('sha256').update(content).digest('hex')
  expect(imported).toMatchObject({ address: source, pieces: given.pieces.length, byteLength: content.length, contentDigest: digest })

  // What it says it did is what it did.
  expect(after.units - before.units).toBe(imported.piecesCreated)
  expect(after.versions - before.versions).toBe(imported.piecesCreated + imported.versionsCreated)
  expect(after.pieces - before.pieces).toBe(imported.piecesCreated - imported.piecesRemoved)
  const events = { created: 2 + 2 * imported.piecesCreated, unchanged: 0, updated: 1 + 2 * imported.piecesCreated + imported.versionsCreated + imported.piecesRemoved + imported.piecesMoved }
  expect(after.events - before.events).toBe(events[imported.outcome])

  const pieces = await piecesOf(client, source)
  expect(Buffer.from(rendered(pieces)).equals(content)).toBe(true)
  expect(pieces.map(piece => piece.body)).toEqual(given.pieces.map(({ start, length }) => content.toString('utf8', start, start + length)))
  expect(pieces.map(piece => piece.section_level)).toEqual(given.pieces.map(piece => piece.level))
  for (const piece of pieces) expect(piece.content_digest).toBe(createHash('sha256').update(piece.body).digest('hex'))

  const { rows: places } = await client.query<{ unit_id: string, parent_unit_id: string | null }>('SELECT unit_id, parent_unit_id FROM iu_core.iu_tree_path WHERE unit_id = ANY ($1)', [pieces.map(piece => piece.unit_id)])
  const parentOf = new Map(places.map(place => [place.unit_id, place.parent_unit_id]))
  expect(pieces.map(piece => parentOf.get(piece.unit_id))).toEqual(parents(given.pieces.map(piece => piece.level)).map(parent => parent === null ? null : pieces[parent]!.unit_id))

  const { rows } = await client.query(`SELECT h.healthy, m.round_trip, m.manifest_current, m.render_digest, m.source_digest, m.byte_length::integer, m.source_byte_length::integer, m.piece_count
    FROM iu_core.v_iu_collection_manifest AS m JOIN iu_core.v_iu_collection_health AS h USING (collection_id) WHERE m.canonical_address = $1`, [source])
  expect(rows).toEqual([{
    healthy: true, round_trip: 'identical', manifest_current: true, render_digest: digest, source_digest: digest, byte_length: content.length, source_byte_length: content.length, piece_count: pieces.length,
  }])
}

let number = 0
const scenario = fc.tuple(document, fc.array(fc.array(edit, { minLength: 0, maxLength: 4 }), { maxLength: 5 }))

describe('a document that is edited again and again', () => {
  it('renders to its bytes after every import, with counts, places and digests right', async () => {
    await fc.assert(fc.asyncProperty(scenario, async ([start, rounds]) => {
      const source = `random/${++number}.md`
      let blocks = start
      for (const edits of [[], ...rounds]) {
        blocks = edits.reduce(edited, blocks)
        const { content, cut } = documentOf(blocks)
        await importAndCheck(source, content, cut)
      }
    }), { numRuns: 60 })
  })

  it('does so too as the real cut sees it', async () => {
    await fc.assert(fc.asyncProperty(scenario, async ([start, rounds]) => {
      const source = `real/${++number}.md`
      let blocks = start
      for (const edits of [[], ...rounds]) {
        blocks = edits.reduce(edited, blocks)
        const content = Buffer.from(textOf(blocks))
        await importAndCheck(source, content, await cut(content))
      }
    }), { numRuns: 40 })
  })

  it('keeps every version it ever had', async () => {
    const { rows } = await client.query(`SELECT u.id FROM iu_core.information_unit AS u LEFT JOIN iu_core.unit_version AS v ON v.unit_id = u.id
      GROUP BY u.id HAVING count(v.version_seq) <> u.current_version_seq OR max(v.version_seq) <> u.current_version_seq`)
    expect(rows).toEqual([])
    const { rows: versions } = await client.query<{ most: number }>('SELECT max(version_seq) AS most FROM iu_core.unit_version')
    expect(versions[0]!.most).toBeGreaterThan(1)
  })
})
