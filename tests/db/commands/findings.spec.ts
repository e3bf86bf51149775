/** What a validation finds, each kind from its own damage, and the axes that are derived from the text. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { TestDatabase } from '../harness.ts'
import { asDeployed, pastTriggers } from '../world.ts'
import { carry, imported, openDatabase, type Params, piecesIn, run } from './world.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await openDatabase()
  // Else the damage could not even be done.
  await asDeployed(db.pool, 'ALTER TABLE iu_core.unit_version DROP CONSTRAINT unit_version_digest_chk')
})
afterAll(() => db.drop())

const apply = (command: string, params: Params) => carry(db.pool, command, params)

let c = ''
let pieces: string[]
let n = 0
beforeEach(async () => {
  c = `c${++n}`
  await apply('dot_iu_import_text', await imported(c, '# Title\n\nOne.\n\n## Section\n\nTwo.\n'))
  pieces = await piecesIn(db.pool, c)
})

/** Does what no operator can, past every trigger and foreign key. */
const damage = (sql: string, ...values: unknown[]) => db.as('iu_deployer', async (client) => {
  expect((await pastTriggers(client, () => client.query(sql, values))).rowCount).toBe(1)
})
const UNIT = '(SELECT id FROM iu_core.information_unit WHERE canonical_address = $1)'

describe('a validation', () => {
  it('finds nothing wrong with a collection that is whole, and says so in an event', async () => {
    const receipt = await apply('dot_iu_validate_collection', { collection: c })
    expect(receipt).toMatchObject({ result: { findings: [], count: 0 }, objects: [], events: [{ type: 'collection_validated', lane: 'delayed', count: 1 }] })
    const { rows } = await db.pool.query(`SELECT payload FROM iu_core.event_outbox WHERE event_type = 'collection_validated' ORDER BY id DESC LIMIT 1`)
    expect(rows).toEqual([{ payload: { collection_address: c, findings: 0 } }])
  })

  const CASES: Record<string, { wreck: () => Promise<unknown>, found: () => { finding: string, piece?: string, detail: unknown }[] }> = {
    'a version that is gone': {
      wreck: () => damage(`DELETE FROM iu_core.unit_version WHERE unit_id = ${UNIT}`, pieces[1]),
      found: () => [
        { finding: 'count_mismatch', detail: expect.stringMatching(/^counted 4 pieces and \d+ bytes, the collection says 4 and \d+$/) },
        { finding: 'missing_body', piece: pieces[1], detail: 'version 1 has no body' },
      ],
    },
    'a body that is not its digest\'s': {
      wreck: () => damage(`UPDATE iu_core.unit_version SET body = 'Eno.' WHERE unit_id = ${UNIT}`, pieces[1]),
      found: () => [
        { finding: 'digest_mismatch', piece: pieces[1], detail: 'version 1: the body is not of its digest' },
        { finding: 'digest_mismatch', detail: 'the rendering of this revision is not of the digest that was kept' },
      ],
    },
    'a kept digest of the rendering': {
      wreck: () => damage(`UPDATE iu_core.iu_collection SET render_digest = sha256('x') WHERE canonical_address = $1`, c),
      found: () => [{ finding: 'digest_mismatch', detail: 'the rendering of this revision is not of the digest that was kept' }],
    },
    'a kept digest of the manifest': {
      wreck: () => damage(`UPDATE iu_core.iu_collection SET manifest_digest = sha256('x') WHERE canonical_address = $1`, c),
      found: () => [{ finding: 'digest_mismatch', detail: 'the manifest of this revision is not of the digest that was kept' }],
    },
    'a count of pieces': {
      wreck: () => damage('UPDATE iu_core.iu_collection SET piece_count = piece_count + 1 WHERE canonical_address = $1', c),
      found: () => [{ finding: 'count_mismatch', detail: expect.stringMatching(/^counted 4 pieces and \d+ bytes, the collection says 5 and \d+$/) }],
    },
    'a count of bytes': {
      wreck: () => damage('UPDATE iu_core.iu_collection SET byte_length = byte_length - 1 WHERE canonical_address = $1', c),
      found: () => [{ finding: 'count_mismatch', detail: expect.stringMatching(/^counted 4 pieces and \d+ bytes, the collection says 4 and \d+$/) }],
    },
    'a piece that was deleted past every rule': {
      wreck: () => damage(`UPDATE iu_core.information_unit SET lifecycle_status = 'deleted' WHERE id = ${UNIT}`, pieces[3]),
      found: () => [{ finding: 'retired_piece', piece: pieces[3], detail: 'the piece is deleted' }],
    },
    'a retired piece': {
      wreck: () => apply('dot_iu_retire_piece', { piece: pieces[3] }),
      found: () => [{ finding: 'retired_piece', piece: pieces[3], detail: 'the piece is retired' }],
    },
    'a piece before the heading of its section': {
      wreck: () => apply('dot_iu_reorder_piece', { collection: c, piece: pieces[3], before: pieces[2] }),
      found: () => [{ finding: 'order', piece: pieces[3], detail: `it stands before ${pieces[2]}, the heading of its section` }],
    },
  }

  it.each(Object.entries(CASES))('finds %s, once, and does not mend it', async (_, { wreck, found }) => {
    await wreck()
    for (let i = 0; i < 2; i++) {
      const receipt = await apply('dot_iu_validate_collection', { collection: c })
      expect(receipt.result).toEqual({ findings: found(), count: found().length })
    }
  })

  it('tells two hundred findings at most, and how many there are', async () => {
    await apply('dot_iu_import_text', await imported(`${c}/many`, Array.from({ length: 230 }, (_, i) => `Paragraph ${i}.\n`).join('\n')))
    await db.as('iu_deployer', async (client) => {
      await pastTriggers(client, () => client.query(`UPDATE iu_core.information_unit SET lifecycle_status = 'retired' WHERE starts_with(canonical_address, $1)`, [`${c}/many/`]))
    })
    const { result } = await apply('dot_iu_validate_collection', { collection: `${c}/many` })
    expect([(result.findings as unknown[]).length, result.count]).toEqual([200, 230])
  })

  it('is not verified any more when the collection has moved on', async () => {
    const receipt = await apply('dot_iu_validate_collection', { collection: c })
    await apply('dot_iu_revise_piece', { piece: pieces[1], body: 'Revised.' })
    expect(await run(db.pool, 'dot_iu_validate_collection', 'verify', {}, { run: receipt.run })).toMatchObject({ status: 'unverified', results: [{ name: 'findings_stand', ok: false, detail: expect.stringContaining('revision') }, { name: 'events_written', ok: true }] })
  })
})

describe('a rendering', () => {
  it('keeps the digests of what the collection is now, and says whether that is its source', async () => {
    expect(await apply('dot_iu_render_collection', { collection: c })).toMatchObject({ result: { equals_source: true }, events: [{ type: 'collection_rendered', count: 1 }] })
    await apply('dot_iu_revise_piece', { piece: pieces[1], body: 'Revised.' })
    const stale = async () => (await db.pool.query<{ stale: boolean }>('SELECT render_stale AS stale FROM iu_core.v_iu_collection_health WHERE canonical_address = $1', [c])).rows[0]!.stale
    expect(await stale()).toBe(true)
    expect(await apply('dot_iu_render_collection', { collection: c })).toMatchObject({ result: { equals_source: false } })
    expect(await stale()).toBe(false)
  })
})

describe('metadata axes', () => {
  const axes = async (piece: string) => Object.fromEntries((await db.pool.query<{ axis: string, value: string }>('SELECT axis, value FROM iu_core.v_iu_unit_axis WHERE unit_address = $1', [piece])).rows.map(row => [row.axis, row.value]))

  it('are what kind, place, length, links and language a piece has', async () => {
    const text = `# Title\n\nShort.\n\n## Section [x](y)\n\n${'Middling. '.repeat(30)}\n\n~~~~ TypeScript x\n${'long '.repeat(500)}\n~~~~\n\nSee https://example.org/\n`
    await apply('dot_iu_import_text', await imported(c, text))
    pieces = await piecesIn(db.pool, c)
    const receipt = await apply('dot_iu_refresh_metadata_axes', { collection: c })
    const all = { lifecycle: 'draft', source: c, links: 'no' }
    expect(await Promise.all(pieces.map(axes))).toEqual([
      { ...all, kind: 'heading', level: '1', length: 'short' },
      { ...all, kind: 'paragraph', section: 'Title', length: 'short' },
      { ...all, kind: 'heading', level: '2', section: 'Title', length: 'short', links: 'yes' },
      { ...all, kind: 'paragraph', section: 'Section x', length: 'medium' },
      { ...all, kind: 'code', section: 'Section x', length: 'long', language: 'typescript' },
      { ...all, kind: 'paragraph', section: 'Section x', length: 'short', links: 'yes' },
    ])
    const { rows } = await db.pool.query<{ n: number }>(`SELECT count(*)::integer AS n FROM iu_core.v_iu_unit_axis WHERE starts_with(unit_address, $1)`, [`${c}/`])
    expect(receipt.result).toEqual({ pieces: 6, changed: rows[0]!.n })
  })

  it('follow the text at the next refresh, which writes and removes what differs only', async () => {
    await apply('dot_iu_create_piece', { address: `${c}/code`, kind: 'code', body: '```sql\nSELECT 1\n```' })
    const refresh = () => apply('dot_iu_refresh_metadata_axes', { piece: `${c}/code` })
    expect(await axes(`${c}/code`)).toEqual({})
    const first = await refresh()
    expect(first.result).toEqual({ pieces: 1, changed: 5 })
    expect(await axes(`${c}/code`)).toMatchObject({ language: 'sql', lifecycle: 'draft' })

    await apply('dot_iu_enact_piece', { piece: `${c}/code` })
    await apply('dot_iu_revise_piece', { piece: `${c}/code`, body: '```\nplain\n```' })
    expect(await axes(`${c}/code`)).toMatchObject({ language: 'sql', lifecycle: 'draft' })
    expect(await run(db.pool, 'dot_iu_refresh_metadata_axes', 'verify', {}, { run: first.run })).toMatchObject({ status: 'unverified', results: [{ name: 'axes_are_derived', ok: false, detail: 'differing: want 0, have 2' }] })
    const second = await refresh()
    expect(second).toMatchObject({ result: { pieces: 1, changed: 2 }, counts: { update: 1 } })
    expect(await axes(`${c}/code`)).toEqual({ kind: 'code', lifecycle: 'enacted', length: 'short', links: 'no' })
    expect(await refresh()).toMatchObject({ result: { pieces: 1, changed: 0 }, objects: [] })
  })
})
