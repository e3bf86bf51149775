import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type pg from 'pg'
import { waiting } from '../commands/beside.ts'
import { type TestDatabase, testDatabase } from '../harness.ts'
import { type Block, GATE, documentOf, importBlocks, numbered, piecesOf, rendered, setGate, textOf, importFile } from './documents.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
  await setGate(db, GATE, true)
})
afterAll(() => db.drop())

const outcomes = async (imports: Promise<{ outcome: string }>[]) => (await Promise.all(imports)).map(({ outcome }) => outcome).sort()
const tally = async (source: string) => (await db.pool.query<{ units: number, versions: number, collections: number, created: number, rendered: number }>(`SELECT
  (SELECT count(*)::integer FROM iu_core.information_unit WHERE source_path = $1) AS units,
  (SELECT count(*)::integer FROM iu_core.unit_version AS v JOIN iu_core.information_unit AS u ON u.id = v.unit_id WHERE u.source_path = $1) AS versions,
  (SELECT count(*)::integer FROM iu_core.iu_collection WHERE source_path = $1) AS collections,
  (SELECT count(*)::integer FROM iu_core.event_outbox WHERE event_type = 'collection_created' AND event_subject_ref = $1) AS created,
  (SELECT count(*)::integer FROM iu_core.event_outbox WHERE event_type = 'collection_rendered' AND event_subject_ref = $1) AS rendered`, [source])).rows[0]!
const healthy = async () => (await db.pool.query('SELECT * FROM iu_core.v_iu_collection_health WHERE NOT healthy')).rows

/** Runs `first` and leaves it uncommitted until `second` waits for it. */
async function afterOneAnother(first: (client: pg.Client) => Promise<unknown>, second: () => Promise<{ outcome: string }>) {
  const client = await db.connect()
  await client.query('BEGIN')
  await first(client)
  const late = second()
  expect(await Promise.race([late.then(() => 'done', () => 'failed'), waiting(db, 1).then(() => 'waits')])).toBe('waits')
  await client.query('COMMIT')
  await client.end()
  return late
}

describe('imports of one source at the same time', () => {
  it('create a new source once', async () => {
    expect(await outcomes(Array.from({ length: 8 }, () => importBlocks(db.pool, 'new.md', numbered(30))))).toEqual(['created', ...Array<string>(7).fill('unchanged')])
    expect(await tally('new.md')).toEqual({ units: 30, versions: 30, collections: 1, created: 1, rendered: 1 })
  })

  it('apply one change once', async () => {
    await importBlocks(db.pool, 'changed.md', numbered(30))
    const after = numbered(30).with(3, ['Edited.', '\n\n']).toSpliced(20, 0, ['Inserted.', '\n\n'])
    expect(await outcomes(Array.from({ length: 8 }, () => importBlocks(db.pool, 'changed.md', after)))).toEqual([...Array<string>(7).fill('unchanged'), 'updated'])
    expect(await tally('changed.md')).toEqual({ units: 31, versions: 32, collections: 1, created: 1, rendered: 2 })
  })

  it('with different bytes leave the bytes of one of them, and every version', async () => {
    const variants: Block[][] = Array.from({ length: 6 }, (_, i) => numbered(20).with(i, [`Edited by ${i}.`, '\n\n']))
    await Promise.all(variants.map(blocks => importBlocks(db.pool, 'contended.md', blocks)))
    expect(variants.map(textOf)).toContain(rendered(await piecesOf(db.pool, 'contended.md')))
    expect(await tally('contended.md')).toMatchObject({ units: 20, collections: 1, created: 1, rendered: 6 })
    expect(await healthy()).toEqual([])
  })

  it('see what the one before committed, however late', async () => {
    expect(await afterOneAnother(client => importBlocks(client, 'late.md', numbered(5)), () => importBlocks(db.pool, 'late.md', numbered(5)))).toMatchObject({ outcome: 'unchanged' })
    const after = numbered(5).with(0, ['Edited.', '\n\n'])
    expect(await afterOneAnother(client => importBlocks(client, 'late.md', after), () => importBlocks(db.pool, 'late.md', after))).toMatchObject({ outcome: 'unchanged' })
  })

  it('begin anew when the one before gave up', async () => {
    const client = await db.connect()
    await client.query('BEGIN')
    await importBlocks(client, 'given-up.md', numbered(5))
    const second = importBlocks(db.pool, 'given-up.md', numbered(5))
    await client.query('ROLLBACK')
    expect(await second).toMatchObject({ outcome: 'created' })
    await client.end()
  })
})

describe('imports of different sources', () => {
  it('do not wait for each other', async () => {
    const client = await db.connect()
    await client.query('BEGIN')
    await importBlocks(client, 'slow.md', numbered(5))
    expect(await importBlocks(db.pool, 'quick.md', numbered(5))).toMatchObject({ outcome: 'created' })
    await client.query('ROLLBACK')
    await client.end()
  })

  it('all arrive, new and changed', async () => {
    const sources = Array.from({ length: 30 }, (_, i) => `many/${i}.md`)
    const first = await Promise.all(sources.map((source, i) => importBlocks(db.pool, source, numbered(i))))
    expect(new Set(first.map(({ outcome }) => outcome))).toEqual(new Set(['created']))
    const second = await Promise.all(sources.map((source, i) => importBlocks(db.pool, source, [['# New', '\n\n'], ...numbered(i)])))
    expect(second.every(({ outcome, piecesCreated }) => outcome === 'updated' && piecesCreated === 1)).toBe(true)
    expect(await healthy()).toEqual([])
  })

  it('with one address: the later is refused', async () => {
    const { content, cut } = documentOf(numbered(3))
    const { address } = (await db.pool.query<{ address: string }>('SELECT iu_core.fn_iu_source_address(\'Same Address.md\') AS address')).rows[0]!
    await expect(afterOneAnother(client => importFile(client, 'Same Address.md', content, cut), () => importFile(db.pool, address, content, cut))).rejects.toMatchObject({ code: 'IU004' })
  })
})

describe('an import and a change by other means', () => {
  it('of the same piece leave the counts right, whichever is first', async () => {
    await importBlocks(db.pool, 'shared.md', numbered(5))
    const [piece] = await piecesOf(db.pool, 'shared.md')
    const revise = 'SELECT iu_core.fn_iu_apply_versions(ARRAY[$1::bigint], ARRAY[$2])'
    const edited = numbered(5).with(0, ['Edited in the file.', '\n\n'])
    await afterOneAnother(client => client.query(revise, [piece!.unit_id, 'Revised.']), () => importBlocks(db.pool, 'shared.md', edited))
    expect(rendered(await piecesOf(db.pool, 'shared.md'))).toBe(textOf(edited))
    expect(await healthy()).toEqual([])
    const again = numbered(5).with(0, ['Edited once more.', '\n\n'])
    await afterOneAnother(client => importBlocks(client, 'shared.md', again), () => db.pool.query(revise, [piece!.unit_id, 'Revised after.']).then(() => ({ outcome: '' })))
    const { rows } = await db.pool.query('SELECT byte_length::integer AS bytes, bytes_counted::integer AS counted, render_stale FROM iu_core.v_iu_collection_health AS h JOIN iu_core.v_iu_collection_manifest USING (collection_id, canonical_address) WHERE canonical_address = \'shared.md\'')
    expect(rows).toEqual([{ bytes: textOf(again).length - 'Edited once more.'.length + 'Revised after.'.length, counted: expect.any(Number), render_stale: true }])
  })
})
