/** Checkpoints freeze a manifest, and a return to one brings back its bytes. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { TestDatabase } from '../harness.ts'
import { pastTriggers, refusal } from '../world.ts'
import { carry, imported, LEDGER, openDatabase, type Params, piecesIn, rendering, run, tables, undo } from './world.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await openDatabase()
})
afterAll(() => db.drop())

const TEXT = '# Title\n\nOne.\n\n- a\n- b\n\n## Section\n\n\nTwo, ünïcödé.\n\n```sql\nSELECT 1\n```\n'
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const apply = (command: string, params: Params) => carry(db.pool, command, params)

let c = ''
let pieces: string[]
let n = 0
beforeEach(async () => {
  c = `c${++n}`
  await apply('dot_iu_import_text', await imported(c, TEXT))
  pieces = await piecesIn(db.pool, c)
})

interface Checkpoint { checkpoint_no: number, label: string, revision: string, manifest_text: string, manifest_digest: string, render_digest: string, piece_count: number, byte_length: string, created_by: string, is_current: boolean }
async function checkpoints(): Promise<Checkpoint[]> {
  const { rows } = await db.pool.query<Checkpoint>(`SELECT v.*, k.manifest_text, encode(k.render_digest, 'hex') AS render_digest
    FROM iu_core.v_iu_collection_checkpoint AS v JOIN iu_core.iu_collection AS c ON c.canonical_address = v.collection_address JOIN iu_core.iu_collection_checkpoint AS k ON (k.collection_id, k.checkpoint_no) = (c.id, v.checkpoint_no)
    WHERE v.collection_address = $1 ORDER BY 1, 2`, [c])
  return rows
}
const manifest = async () => (await db.pool.query<{ text: string }>('SELECT iu_core.fn_iu_collection_manifest_text(id) AS text FROM iu_core.iu_collection WHERE canonical_address = $1', [c])).rows[0]!.text

describe('a checkpoint', () => {
  it('is the manifest as text, whose SHA-256 is its digest, with the digest of the rendering', async () => {
    const receipt = await apply('dot_iu_checkpoint_collection', { collection: c, label: 'The first' })
    const [kept, ...more] = await checkpoints()
    expect(more).toEqual([])
    expect(kept).toMatchObject({ checkpoint_no: 1, label: 'The first', manifest_text: await manifest(), render_digest: sha256(TEXT), piece_count: pieces.length, byte_length: String(Buffer.byteLength(TEXT)), created_by: 'db:iu_deployer', is_current: true })
    expect(kept!.manifest_digest).toBe(sha256(kept!.manifest_text))
    expect(receipt).toMatchObject({ result: { checkpoint: 1, manifest_sha256: kept!.manifest_digest }, events: [], counts: { create: 1, update: 0, delete: 0 } })
    expect(kept!.manifest_text.split('\n').slice(2, -1).map(line => line.split('\t')[1])).toEqual(pieces)
  })

  it('stays as it is whatever becomes of the collection; the next has the next number', async () => {
    await apply('dot_iu_checkpoint_collection', { collection: c })
    const [kept] = await checkpoints()
    await apply('dot_iu_revise_piece', { piece: pieces[1], body: 'Revised' })
    await apply('dot_iu_remove_piece_from_collection', { collection: c, piece: pieces[2] })
    expect(await checkpoints()).toEqual([{ ...kept, is_current: false }])
    expect(await apply('dot_iu_checkpoint_collection', { collection: c, label: 'Then' })).toMatchObject({ result: { checkpoint: 2 } })
    expect(await checkpoints()).toMatchObject([{ ...kept, is_current: false }, { checkpoint_no: 2, label: 'Then', is_current: true, piece_count: pieces.length - 1, manifest_text: await manifest() }])
  })

  it('keeps a pinned piece at the version that it was pinned to, to which a return pins it again', async () => {
    await apply('dot_iu_remove_piece_from_collection', { collection: c, piece: pieces[1] })
    await apply('dot_iu_revise_piece', { piece: pieces[1], body: 'A second version.' })
    await apply('dot_iu_add_piece', { collection: c, piece: pieces[1], after: pieces[0], pinned_version: 1, separator: '\n\n' })
    await apply('dot_iu_checkpoint_collection', { collection: c })
    const { rows } = await db.pool.query('SELECT version_seq, content_digest FROM iu_core.v_iu_collection_checkpoint_piece WHERE (collection_address, unit_address) = ($1, $2)', [c, pieces[1]])
    expect(rows).toEqual([{ version_seq: 1, content_digest: sha256('One.') }])
    await apply('dot_iu_remove_piece_from_collection', { collection: c, piece: pieces[1] })
    await apply('dot_iu_import_text', { collection: c, checkpoint: 1 })
    expect(await rendering(db.pool, c)).toBe(TEXT)
    const { rows: [standing] } = await db.pool.query('SELECT pinned, version_seq FROM iu_core.v_iu_collection_piece WHERE (collection_address, unit_address) = ($1, $2)', [c, pieces[1]])
    expect(standing).toEqual({ pinned: true, version_seq: 1 })
  })

  it('of an empty collection is one as well', async () => {
    await apply('dot_iu_create_collection', { address: `${c}/empty`, kind: 'section', title: 'Empty' })
    expect(await apply('dot_iu_checkpoint_collection', { collection: `${c}/empty` })).toMatchObject({ result: { checkpoint: 1 } })
  })

  it.each(['iu_collection_checkpoint', 'iu_collection_checkpoint_piece'])('cannot be changed in %s, not even by the superuser', async (table) => {
    await apply('dot_iu_checkpoint_collection', { collection: c })
    for (const sql of [`UPDATE iu_core.${table} SET checkpoint_no = 7`, `DELETE FROM iu_core.${table}`, `TRUNCATE iu_core.${table} CASCADE`]) {
      expect((await refusal(db.pool.query(sql))).code, sql).toBe('IU005')
    }
  })

  it('whose text was tampered with is no row at all', async () => {
    await apply('dot_iu_checkpoint_collection', { collection: c })
    await db.as('iu_deployer', async (client) => {
      await pastTriggers(client, async () => expect((await refusal(client.query(`UPDATE iu_core.iu_collection_checkpoint SET manifest_text = manifest_text || 'x'`))).code).toBe('23514'))
    })
  })
})

describe('the return to a checkpoint', () => {
  /** Ways in which a collection may be changed, each on its own and all in a row. */
  const CHANGES: Record<string, () => Promise<unknown>> = {
    'a revision': () => apply('dot_iu_revise_piece', { piece: pieces[1], body: 'Revised.' }),
    'a removal': () => apply('dot_iu_remove_piece_from_collection', { collection: c, piece: pieces[2] }),
    'moves': async () => {
      await apply('dot_iu_reorder_piece', { collection: c, piece: pieces[0], to: 'last' })
      await apply('dot_iu_reorder_piece', { collection: c, piece: pieces[4], to: 'first' })
    },
    'an addition': () => apply('dot_iu_create_piece', { address: `${c}/new`, kind: 'paragraph', body: 'New', collection: c, to: 'first', separator: ' — ' }),
    'a piece that came back pinned, with another separator': async () => {
      await apply('dot_iu_remove_piece_from_collection', { collection: c, piece: pieces[3] })
      await apply('dot_iu_revise_piece', { piece: pieces[3], body: '# Another' })
      await apply('dot_iu_add_piece', { collection: c, piece: pieces[3], pinned_version: 1, separator: '' })
    },
    'an import': async () => apply('dot_iu_import_text', await imported(c, '# Other\n\nTwo, ünïcödé.\n\n## Section\n\nNew.\n')),
    'a retirement of a piece that stays': () => apply('dot_iu_retire_piece', { piece: pieces[5] }),
  }

  it.each([...Object.entries(CHANGES).map(([what, change]) => [what, [change]] as const), ['all of that', Object.values(CHANGES).slice(0, -1)] as const])('brings back its bytes and its order after %s', async (_, changes) => {
    await apply('dot_iu_checkpoint_collection', { collection: c })
    for (const change of changes) await change()
    const returned = await apply('dot_iu_import_text', { collection: c, checkpoint: 1 })
    expect(await rendering(db.pool, c)).toBe(TEXT)
    expect(await piecesIn(db.pool, c)).toEqual(pieces)
    expect(returned.result).toMatchObject({ outcome: 'returned', sha256: sha256(TEXT), pieces: pieces.length, bytes: Buffer.byteLength(TEXT) })
    const { rows } = await db.pool.query(`SELECT h.pieces = h.pieces_counted AND h.bytes = h.bytes_counted AND NOT h.render_stale AND NOT h.differs_from_source AS whole, m.round_trip
      FROM iu_core.v_iu_collection_health AS h JOIN iu_core.v_iu_collection_manifest AS m USING (collection_id) WHERE h.canonical_address = $1`, [c])
    expect(rows).toEqual([{ whole: true, round_trip: 'identical' }])
  })

  it('freezes what there was before it, to which its undo returns', async () => {
    await apply('dot_iu_checkpoint_collection', { collection: c })
    await apply('dot_iu_import_text', await imported(c, '# Other\n'))
    const returned = await apply('dot_iu_import_text', { collection: c, checkpoint: 1 })
    expect((await checkpoints()).map(kept => [kept.checkpoint_no, kept.label])).toEqual([[1, ''], [2, 'before an import'], [3, 'before the return to 1']])
    expect(returned.result).toMatchObject({ checkpoint: 3 })
    await undo(db.pool, returned)
    expect(await rendering(db.pool, c)).toBe('# Other\n')
  })

  it('0 empties it, and its undo fills it again', async () => {
    const emptied = await apply('dot_iu_import_text', { collection: c, checkpoint: 0 })
    expect(emptied.counts.delete).toBe(pieces.length)
    expect([await rendering(db.pool, c), await piecesIn(db.pool, c)]).toEqual(['', []])
    await undo(db.pool, emptied)
    expect([await rendering(db.pool, c), await piecesIn(db.pool, c)]).toEqual([TEXT, pieces])
  })

  it('is refused while a piece that it needs is retired or deleted, which it names', async () => {
    await apply('dot_iu_checkpoint_collection', { collection: c })
    await apply('dot_iu_soft_delete_piece', { piece: pieces[1] })
    expect(await run(db.pool, 'dot_iu_import_text', 'plan', { collection: c, checkpoint: 1 })).toMatchObject({ status: 'refused', code: 'lifecycle_refused', field: 'checkpoint', detail: expect.stringContaining(`${pieces[1]} (deleted)`) })
    await apply('dot_iu_restore_piece', { piece: pieces[1] })
    await apply('dot_iu_import_text', { collection: c, checkpoint: 1 })
    expect(await rendering(db.pool, c)).toBe(TEXT)
  })

  it('is refused where the collection is at another revision by now', async () => {
    const { rows } = await db.pool.query<{ revision: string }>('SELECT revision FROM iu_core.iu_collection WHERE canonical_address = $1', [c])
    await apply('dot_iu_reorder_piece', { collection: c, piece: pieces[0], to: 'last' })
    expect(await run(db.pool, 'dot_iu_import_text', 'apply', { collection: c, checkpoint: 0, expect_revision: Number(rows[0]!.revision) })).toMatchObject({ status: 'refused', code: 'stale_plan', field: 'expect_revision' })
  })

  it('that would not give the bytes back is refused, and changes nothing', async () => {
    await apply('dot_iu_checkpoint_collection', { collection: c })
    await apply('dot_iu_remove_piece_from_collection', { collection: c, piece: pieces[1] })
    await db.as('iu_deployer', async (client) => {
      await pastTriggers(client, () => client.query(`UPDATE iu_core.unit_version SET body = 'Eno.', content_digest = sha256('Eno.') WHERE unit_id = (SELECT id FROM iu_core.information_unit WHERE canonical_address = $1)`, [pieces[1]]))
    })
    const before = await tables(db.pool, ...LEDGER)
    expect(await run(db.pool, 'dot_iu_import_text', 'apply', { collection: c, checkpoint: 1 })).toMatchObject({ status: 'refused', code: 'round_trip_failed' })
    expect(await tables(db.pool, ...LEDGER)).toEqual(before)
  })
})
