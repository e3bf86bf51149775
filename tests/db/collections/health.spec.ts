/** What the console shows of a collection's health, beside what Validate says of the same collection. */
import { drizzle } from 'drizzle-orm/node-postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { countedWithin, readCollectionsHealth, readFindings } from '../../../server/db/queries/collection-health.ts'
import type { Snapshot } from '../../../server/db/client.ts'
import { carry, imported, openDatabase, piecesIn } from '../commands/world.ts'
import type { TestDatabase } from '../harness.ts'
import { asDeployed, pastTriggers } from '../world.ts'

let db: TestDatabase
let console: Snapshot
beforeAll(async () => {
  db = await openDatabase()
  // Else the damage could not even be done.
  await asDeployed(db.pool, 'ALTER TABLE iu_core.unit_version DROP CONSTRAINT unit_version_digest_chk')
  console = drizzle(await db.login('iu_console')) as unknown as Snapshot
})
afterAll(() => db.drop())

let n = 0
let c = ''
let pieces: string[]
beforeEach(async () => {
  c = `c${++n}`
  await carry(db.pool, 'dot_iu_import_text', await imported(c, '# Title\n\nOne.\n\n## Section\n\nTwo.\n'))
  pieces = await piecesIn(db.pool, c)
})

/** Does what no operator can, past every trigger and foreign key. */
const damage = (sql: string, ...values: unknown[]) => db.as('iu_deployer', client => pastTriggers(client, () => client.query(sql, values)))
const UNIT = '(SELECT id FROM iu_core.information_unit WHERE canonical_address = $1)'

/** The page, the row of the list and the view say what Validate says; how much that is. */
async function agreed(address: string): Promise<number> {
  const { result } = await carry(db.pool, 'dot_iu_validate_collection', { collection: address })
  const said = result as { count: number, findings: { finding: string, piece?: string, detail: string }[] }
  const page = await readFindings(console, address)
  expect(page.found.map(({ piece, ...found }) => piece === null ? found : { ...found, piece })).toEqual(said.findings)
  expect([page.findings, page.healthy]).toEqual([said.count, said.count === 0])
  const { rows } = await readCollectionsHealth(console, { q: address })
  expect(rows.find(row => row.address === address)).toEqual({ address, healthy: said.count === 0, findings: said.count })
  return said.count
}

const CASES: Record<string, { act: () => Promise<unknown>, findings: number }> = {
  'is as it was imported': { act: async () => {}, findings: 0 },
  'was edited': { act: () => carry(db.pool, 'dot_iu_revise_piece', { piece: pieces[1], body: 'Revised.' }), findings: 0 },
  'was edited and rendered': {
    act: async () => {
      await carry(db.pool, 'dot_iu_revise_piece', { piece: pieces[1], body: 'Revised.' })
      await carry(db.pool, 'dot_iu_render_collection', { collection: c })
    },
    findings: 0,
  },
  'has a retired piece': { act: () => carry(db.pool, 'dot_iu_retire_piece', { piece: pieces[3] }), findings: 1 },
  'has a piece before its heading': { act: () => carry(db.pool, 'dot_iu_reorder_piece', { collection: c, piece: pieces[3], before: pieces[2] }), findings: 1 },
  'lost a version': { act: () => damage(`DELETE FROM iu_core.unit_version WHERE unit_id = ${UNIT}`, pieces[1]), findings: 2 },
  'has another body than its digest says': { act: () => damage(`UPDATE iu_core.unit_version SET body = 'Eno.' WHERE unit_id = ${UNIT}`, pieces[1]), findings: 2 },
  'has another digest of its rendering': { act: () => damage(`UPDATE iu_core.iu_collection SET render_digest = sha256('x') WHERE canonical_address = $1`, c), findings: 1 },
  'counts one piece more than it has': { act: () => damage('UPDATE iu_core.iu_collection SET piece_count = piece_count + 1 WHERE canonical_address = $1', c), findings: 1 },
  'counts another size than it has': { act: () => damage('UPDATE iu_core.iu_collection SET byte_length = byte_length - 1 WHERE canonical_address = $1', c), findings: 1 },
}

describe('the console and Validate agree on a collection that', () => {
  it.each(Object.entries(CASES))('%s', async (_, { act, findings }) => {
    await act()
    expect(await agreed(c)).toBe(findings)
  })

  it('has no piece', async () => {
    await carry(db.pool, 'dot_iu_create_collection', { address: `${c}-empty`, kind: 'section', title: 'Empty' })
    expect(await agreed(`${c}-empty`)).toBe(0)
  })

  it('has more findings than are told', async () => {
    await carry(db.pool, 'dot_iu_import_text', await imported(`${c}/many`, Array.from({ length: 230 }, (_, i) => `Paragraph ${i}.\n`).join('\n')))
    await damage(`UPDATE iu_core.information_unit SET lifecycle_status = 'retired' WHERE starts_with(canonical_address, $1)`, `${c}/many/`)
    expect(await agreed(`${c}/many`)).toBe(230)
  })
})

it('one that nobody has is not found', async () => {
  await expect(readFindings(console, 'no/such')).rejects.toMatchObject({ code: 'IU003' })
})

it('of a page no more pieces are counted than a list is worth; who is left out is told as not counted', async () => {
  const rows = [{ pieceCount: 4_000 }, { pieceCount: 2_000 }, { pieceCount: 999 }, { pieceCount: 0 }, { pieceCount: 0 }]
  expect(countedWithin(rows)).toEqual([rows[0], rows[2], rows[3]])
  await damage('UPDATE iu_core.iu_collection SET piece_count = 6000 WHERE canonical_address = $1', c)
  const { rows: listed } = await readCollectionsHealth(console, { q: c })
  expect(listed.find(({ address }) => address === c)).toEqual({ address: c, healthy: null, findings: null })
  // Its own page counts it, and finds that it says more than it has.
  expect(await readFindings(console, c)).toMatchObject({ healthy: false, pieces: 4, piecesKept: 6000 })
})

it('a page of the list is read, and no more', async () => {
  const { rows: [plan] } = await db.pool.query<{ 'QUERY PLAN': unknown }>(`EXPLAIN (ANALYZE, FORMAT json) SELECT * FROM iu_core.v_iu_collection_health WHERE canonical_address = ANY ($1)`, [[c]])
  const loops = [...JSON.stringify(plan!['QUERY PLAN']).matchAll(/"Function Name":"fn_iu_collection_findings".*?"Actual Loops":(\d+)/g)].map(([, count]) => Number(count))
  expect(loops).toEqual([1])
})
