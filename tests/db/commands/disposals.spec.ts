/** Remove, retire, soft-delete and restore: four things, each with its own rule and its own events. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { TestDatabase } from '../harness.ts'
import { carry, openDatabase, type Params, piecesIn, type Receipt, rendering, run, snapshot, undo } from './world.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await openDatabase()
})
afterAll(() => db.drop())

const REMOVE = 'dot_iu_remove_piece_from_collection'
const apply = (command: string, params: Params) => carry(db.pool, command, params)
const plan = (command: string, params: Params) => run(db.pool, command, 'plan', params)
const counted = ({ events }: Receipt) => Object.fromEntries(events.map(event => [event.type, event.count]))

/** Two collections of three, with one piece in both: in the middle of `a` behind its own separator, at the end of `b` pinned to its first version. */
let [a, b, p]: string[] = []
let n = 0
beforeEach(async () => {
  [a, b, p] = [`a${++n}`, `b${n}`, `p${n}`]
  for (const address of [p, `${p}/x`, `${p}/y`]) await apply('dot_iu_create_piece', { address, kind: 'paragraph', body: `Of ${address}` })
  await apply('dot_iu_revise_piece', { piece: p, body: 'The second version' })
  for (const address of [a, b]) await apply('dot_iu_create_file_from_pieces', { address, title: 'A file', pieces: [`${p}/x`, `${p}/y`], joiner: '\n\n' })
  await apply('dot_iu_add_piece', { collection: a, piece: p, at: '1.5', separator: '\n***\n' })
  await apply('dot_iu_add_piece', { collection: b, piece: p, to: 'last', pinned_version: 1 })
})

interface Unit { status: string, before: string[] }
const unit = async (): Promise<Unit> => (await snapshot(db.pool, p)).units[p!] as Unit
/** Where the piece stands in a collection, as the table has it. */
async function standing(collection: string): Promise<{ position: string, separator: string | null, pinned: number | null } | undefined> {
  const { rows } = await db.pool.query(`SELECT p.position::text, p.separator, p.pinned_version_seq AS pinned FROM iu_core.iu_collection_piece AS p
    JOIN iu_core.iu_collection AS c ON c.id = p.collection_id JOIN iu_core.information_unit AS u ON u.id = p.unit_id WHERE (c.canonical_address, u.canonical_address) = ($1, $2)`, [collection, p])
  return rows[0]
}

const IN_A = { position: '1.5', separator: '\n***\n', pinned: null }
const IN_B = { position: '3', separator: null, pinned: 1 }

describe('removing a piece', () => {
  it('takes it out of one collection; it lives on there and elsewhere, and says so in one event', async () => {
    const removed = await apply(REMOVE, { collection: a, piece: p })
    expect(counted(removed)).toEqual({ piece_removed_from_collection: 1 })
    expect(removed.counts).toEqual({ create: 0, update: 1, delete: 1 })
    expect([await piecesIn(db.pool, a!), await piecesIn(db.pool, b!)]).toEqual([[`${p}/x`, `${p}/y`], [`${p}/x`, `${p}/y`, p]])
    expect(await unit()).toMatchObject({ status: 'draft', before: [] })
    expect(await plan('dot_iu_revise_piece', { piece: p, body: 'A third' })).toMatchObject({ status: 'planned' })
    expect(await plan('dot_iu_add_piece', { collection: a, piece: p })).toMatchObject({ status: 'planned' })
    expect(await plan('dot_iu_restore_piece', { piece: p })).toMatchObject({ status: 'refused', code: 'lifecycle_refused' })
  })

  it('the only one leaves an empty collection that renders to nothing', async () => {
    for (const piece of await piecesIn(db.pool, a!)) await apply(REMOVE, { collection: a, piece })
    expect(await rendering(db.pool, a!)).toBe('')
    const { rows } = await db.pool.query('SELECT pieces_counted, bytes_counted::integer FROM iu_core.v_iu_collection_health WHERE canonical_address = $1', [a])
    expect(rows).toEqual([{ pieces_counted: 0, bytes_counted: 0 }])
  })
})

describe('retiring a piece', () => {
  it('leaves it where it stands, for no new use, and says so for itself and for each collection', async () => {
    const texts = [await rendering(db.pool, a!), await rendering(db.pool, b!)]
    const retired = await apply('dot_iu_retire_piece', { piece: p })
    expect(counted(retired)).toEqual({ 'iu.retired': 1, 'piece_retired': 2 })
    expect(await unit()).toMatchObject({ status: 'retired', before: ['draft'] })
    expect([await standing(a!), await standing(b!)]).toEqual([IN_A, IN_B])
    expect([await rendering(db.pool, a!), await rendering(db.pool, b!)]).toEqual(texts)
    const { rows } = await db.pool.query('SELECT retired_inside, healthy FROM iu_core.v_iu_collection_health WHERE canonical_address = $1', [a])
    expect(rows).toEqual([{ retired_inside: 1, healthy: false }])
  })

  it.each<[string, string, () => Params, string]>([
    ['is not added anywhere', 'dot_iu_add_piece', () => ({ collection: `c${n}`, piece: p }), 'refused'],
    ['takes no new version', 'dot_iu_revise_piece', () => ({ piece: p, body: 'A third' }), 'refused'],
    ['is not enacted', 'dot_iu_enact_piece', () => ({ piece: p }), 'refused'],
    ['is not retired again', 'dot_iu_retire_piece', () => ({ piece: p }), 'refused'],
    ['may be moved where it stands', 'dot_iu_reorder_piece', () => ({ collection: a, piece: p, to: 'first' }), 'planned'],
    ['may be removed', REMOVE, () => ({ collection: a, piece: p }), 'planned'],
    ['may be cloned', 'dot_iu_clone_piece', () => ({ piece: p, address: `${p}/clone` }), 'planned'],
    ['may be deleted', 'dot_iu_soft_delete_piece', () => ({ piece: p }), 'planned'],
    ['may be restored', 'dot_iu_restore_piece', () => ({ piece: p }), 'planned'],
  ])('a retired piece %s', async (_, command, params, status) => {
    await apply('dot_iu_create_collection', { address: `c${n}`, kind: 'section', title: 'C' })
    await apply('dot_iu_retire_piece', { piece: p })
    expect(await plan(command, params())).toMatchObject(status === 'refused' ? { status, code: 'lifecycle_refused' } : { status })
  })

  it('is undone by a restoration, which brings it back to what it was', async () => {
    await apply('dot_iu_enact_piece', { piece: p })
    await apply('dot_iu_retire_piece', { piece: p })
    const restored = await apply('dot_iu_restore_piece', { piece: p })
    expect(counted(restored)).toEqual({ piece_restored: 2 })
    expect(restored.result).toEqual({ status: 'enacted' })
    expect(await unit()).toMatchObject({ status: 'enacted', before: [] })
  })
})

describe('soft-deleting a piece', () => {
  it('takes it out of every manifest, and says so for itself and for each collection', async () => {
    const deleted = await apply('dot_iu_soft_delete_piece', { piece: p })
    expect(counted(deleted)).toEqual({ 'iu.soft_deleted': 1, 'piece_removed_from_collection': 2 })
    expect(deleted.notes).toEqual(['It leaves 2 collections.'])
    expect([await standing(a!), await standing(b!)]).toEqual([undefined, undefined])
    expect(await unit()).toMatchObject({ status: 'deleted', before: ['draft'] })
    expect(await rendering(db.pool, b!)).toBe(`Of ${p}/x\n\nOf ${p}/y`)
  })

  it.each<[string, string, () => Params]>([
    ['added', 'dot_iu_add_piece', () => ({ collection: a, piece: p })],
    ['composed', 'dot_iu_create_file_from_pieces', () => ({ address: `c${n}`, title: 'C', pieces: [p] })],
    ['revised', 'dot_iu_revise_piece', () => ({ piece: p, body: 'A third' })],
    ['cloned', 'dot_iu_clone_piece', () => ({ piece: p, address: `${p}/clone` })],
    ['enacted', 'dot_iu_enact_piece', () => ({ piece: p })],
    ['retired', 'dot_iu_retire_piece', () => ({ piece: p })],
    ['deleted again', 'dot_iu_soft_delete_piece', () => ({ piece: p })],
  ])('a deleted piece is not %s', async (_, command, params) => {
    await apply('dot_iu_soft_delete_piece', { piece: p })
    expect(await plan(command, params())).toMatchObject({ status: 'refused', code: 'lifecycle_refused' })
  })

  it('keeps its address and its versions', async () => {
    await apply('dot_iu_soft_delete_piece', { piece: p })
    expect(await plan('dot_iu_create_piece', { address: p, kind: 'paragraph', body: 'x' })).toMatchObject({ status: 'refused', code: 'taken' })
    const { rows } = await db.pool.query('SELECT count(*)::integer AS n FROM iu_core.unit_version WHERE unit_id = (SELECT id FROM iu_core.information_unit WHERE canonical_address = $1)', [p])
    expect(rows).toEqual([{ n: 2 }])
  })
})

describe('restoring a deleted piece', () => {
  const restore = () => apply('dot_iu_restore_piece', { piece: p })

  it('brings it back to its place in every collection, with pin and separator', async () => {
    const [before, texts] = [await snapshot(db.pool), [await rendering(db.pool, a!), await rendering(db.pool, b!)]]
    await apply('dot_iu_soft_delete_piece', { piece: p })
    // Others come and go around it meanwhile.
    await apply('dot_iu_reorder_piece', { collection: a, piece: `${p}/x`, to: 'last' }).then(moved => undo(db.pool, moved))
    const restored = await restore()
    expect(counted(restored)).toEqual({ piece_added_to_collection: 2, piece_restored: 2 })
    expect(restored.notes).toEqual([])
    expect([await standing(a!), await standing(b!)]).toEqual([IN_A, IN_B])
    expect(await snapshot(db.pool)).toEqual(before)
    expect([await rendering(db.pool, a!), await rendering(db.pool, b!)]).toEqual(texts)
    expect((await db.pool.query('SELECT FROM iu_core.iu_collection_piece_parked WHERE unit_id = (SELECT id FROM iu_core.information_unit WHERE canonical_address = $1)', [p])).rowCount).toBe(0)
  })

  it('says where another has its place, and puts it directly after that one', async () => {
    await apply('dot_iu_soft_delete_piece', { piece: p })
    await apply('dot_iu_create_piece', { address: `${p}/z`, kind: 'paragraph', body: 'Took the place' })
    await apply('dot_iu_add_piece', { collection: a, piece: `${p}/z`, at: '1.5' })
    const restored = await restore()
    expect(restored.notes).toEqual([`In ${a} another piece stands at its place; it comes directly after that one.`])
    expect(await piecesIn(db.pool, a!)).toEqual([`${p}/x`, `${p}/z`, p, `${p}/y`])
    expect(await standing(a!)).toMatchObject({ separator: '\n***\n', pinned: null })
    expect(await standing(b!)).toEqual(IN_B)
    await undo(db.pool, restored)
    expect(await piecesIn(db.pool, a!)).toEqual([`${p}/x`, `${p}/z`, `${p}/y`])
  })

  it('at the end, where another stands now, makes it the last', async () => {
    await apply('dot_iu_soft_delete_piece', { piece: p })
    await apply('dot_iu_create_piece', { address: `${p}/z`, kind: 'paragraph', body: 'Took the place', collection: b })
    expect((await restore()).notes).toEqual([`In ${b} another piece stands at its place; it comes directly after that one.`])
    expect(await piecesIn(db.pool, b!)).toEqual([`${p}/x`, `${p}/y`, `${p}/z`, p])
  })

  it('brings it back retired where it was that, and then once more to what it was before', async () => {
    await apply('dot_iu_enact_piece', { piece: p })
    await apply('dot_iu_retire_piece', { piece: p })
    const deleted = await apply('dot_iu_soft_delete_piece', { piece: p })
    expect(await unit()).toMatchObject({ status: 'deleted', before: ['retired', 'enacted'] })
    expect(await restore()).toMatchObject({ result: { status: 'retired' } })
    expect([await standing(a!), await standing(b!)]).toEqual([IN_A, IN_B])
    expect(await restore()).toMatchObject({ result: { status: 'enacted' } })
    expect(await unit()).toMatchObject({ status: 'enacted', before: [] })
    // Its deletion was undone by hand: there is nothing left for the rollback to do.
    expect(await run(db.pool, 'dot_iu_soft_delete_piece', 'plan', {}, { run: deleted.run })).toMatchObject({ status: 'refused', code: 'lifecycle_refused' })
  })

  it('that stood nowhere says nothing to any collection', async () => {
    for (const collection of [a, b]) await apply(REMOVE, { collection, piece: p })
    expect(counted(await apply('dot_iu_soft_delete_piece', { piece: p }))).toEqual({ 'iu.soft_deleted': 1 })
    expect(counted(await restore())).toEqual({})
    expect(await unit()).toMatchObject({ status: 'draft', before: [] })
  })

  it('that was removed from one collection before comes back to the other only', async () => {
    await apply(REMOVE, { collection: a, piece: p })
    await apply('dot_iu_soft_delete_piece', { piece: p })
    await restore()
    expect([await standing(a!), await standing(b!)]).toEqual([undefined, IN_B])
  })
})
