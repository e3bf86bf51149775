import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { waiting } from '../commands/beside.ts'
import { type TestDatabase, testDatabase } from '../harness.ts'
import { GATE, UNTOUCHED, difference, eventsOf, piecesOf, rendered, setGate } from './documents.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
  await setGate(db, GATE, true)
})
afterAll(() => db.drop())

const one = async <T>(sql: string, values: unknown[]) => (await db.pool.query<{ value: T }>(sql, values)).rows[0]!.value
let number = 0
const units = async (...bodies: string[]) => {
  const addresses = bodies.map(() => `unit/${++number}`)
  return one<string[]>('SELECT iu_core.fn_iu_create_batch($1, $2, $3, $2) AS value', [addresses, bodies.map(() => 'paragraph'), bodies])
}
const compose = (address: string | null, unitIds: string[] | null, joiner: string | null = '', separators: (string | null)[] | null = null, kind: string | null = 'workflow') =>
  one<string>('SELECT iu_core.fn_iu_compose($1, $2, \'title\', $3, $4, $5) AS value', [address, kind, unitIds, joiner, separators])
const add = (collection: string, unitIds: (string | null)[], positions: (number | string | null)[], separators: (string | null)[] = unitIds.map(() => null)) =>
  db.pool.query('SELECT iu_core.fn_iu_collection_add($1, $2, $3, $4)', [collection, unitIds, positions, separators])
const remove = (collection: string, unitIds: string[]) => db.pool.query('SELECT iu_core.fn_iu_collection_remove($1, $2)', [collection, unitIds])
const reorder = (collection: string, unitIds: string[], positions: (number | null)[]) =>
  db.pool.query('SELECT iu_core.fn_iu_collection_reorder($1, $2, $3)', [collection, unitIds, positions])
const revise = (unit: string, body: string) => db.pool.query('SELECT iu_core.fn_iu_apply_versions(ARRAY[$1::bigint], ARRAY[$2])', [unit, body])
const text = async (address: string) => rendered(await piecesOf(db.pool, address))
const collection = async (id: string) => (await db.pool.query<{ revision: number, pieces: number, bytes: number, counted: number }>(
  'SELECT revision::integer, c.piece_count AS pieces, c.byte_length::integer AS bytes, octet_length(iu_core.fn_iu_collection_render(id)) AS counted FROM iu_core.iu_collection AS c WHERE id = $1', [id])).rows[0]!
const refusedWhole = async (attempt: () => Promise<unknown>, error: object) => {
  const touched = await difference(db.pool, () => expect(attempt()).rejects.toMatchObject(error))
  for (const [table, what] of Object.entries(touched)) expect(what, table).toEqual(UNTOUCHED)
}

let a: string, b: string, c: string, spare: string, id: string, address: string
beforeEach(async () => {
  [a, b, c, spare] = await units('A', 'Bb', 'Ccc', 'Spare') as [string, string, string, string]
  address = `collection/${++number}`
  id = await compose(address, [a, b, c], '\n\n')
})

describe('composing', () => {
  it('puts units in the given order, joined', async () => {
    expect(await text(address)).toBe('A\n\nBb\n\nCcc')
    expect(await collection(id)).toMatchObject({ pieces: 3, bytes: 10, counted: 10 })
  })

  it('may give each piece its own separator', async () => {
    const other = `${address}.separated`
    const made = await compose(other, [a, b, c], '|', [null, '; ', '.'])
    expect(await text(other)).toBe('A|Bb; Ccc.')
    expect(await collection(made)).toMatchObject({ bytes: 10, counted: 10 })
  })

  it('may be of nothing', async () => {
    const made = await compose(`${address}.empty`, [])
    expect(await collection(made)).toEqual({ revision: 1, pieces: 0, bytes: 0, counted: 0 })
    expect(await one('SELECT iu_core.fn_iu_collection_render($1) AS value', [made])).toBe('')
  })

  it('emits one collection_created, then one piece_added_to_collection per piece, in order', async () => {
    const events = await eventsOf(db.pool, () => compose(`${address}.told`, [b, a]))
    expect(events.map(event => [event.event_type, event.event_subject_table, event.event_subject_ref, event.payload.unit_id ?? null])).toEqual([
      ['collection_created', 'iu_collection', `${address}.told`, null],
      ['piece_added_to_collection', 'iu_collection', `${address}.told`, Number(b)],
      ['piece_added_to_collection', 'iu_collection', `${address}.told`, Number(a)],
    ])
    expect(events[0]!.payload).toMatchObject({ collection_kind: 'workflow', title: 'title', collection_address: `${address}.told` })
  })

  it('lets a unit stand in several collections', async () => {
    await compose(`${address}.second`, [a])
    expect((await piecesOf(db.pool, address)).map(piece => (piece as unknown as { used_in: number }).used_in)).toEqual([2, 1, 1])
  })

  it.each<[string, () => Promise<unknown>, object]>([
    ['a taken address', () => compose(address, [spare]), { code: 'IU004', column: 'canonical_address' }],
    ['a bad address', () => compose('Not An Address', []), { code: 'IU002', column: 'canonical_address' }],
    ['no address', () => compose(null, []), { code: 'IU002', column: 'canonical_address' }],
    ['an unknown kind', () => compose(`${address}.x`, [], '', null, 'folder'), { code: 'IU002', column: 'collection_kind' }],
    ['no kind', () => compose(`${address}.x`, [], '', null, null), { code: 'IU002', column: 'collection_kind' }],
    ['a unit given twice', () => compose(`${address}.x`, [spare, a, spare]), { code: 'IU004', column: 'unit_ids' }],
    ['an unknown unit', () => compose(`${address}.x`, [spare, '999999999']), { code: 'IU003', column: 'unit_ids' }],
    ['too few separators', () => compose(`${address}.x`, [a, b], '', ['x']), { code: 'IU002', column: 'unit_ids' }],
  ])('is refused whole for %s', (_, attempt, error) => refusedWhole(attempt, error))
})

describe('adding', () => {
  it('puts a piece where its position says, and counts it', async () => {
    await add(id, [spare], [1.5])
    expect(await text(address)).toBe('A\n\nSpare\n\nBb\n\nCcc')
    expect(await collection(id)).toMatchObject({ pieces: 4, bytes: 17, counted: 17 })
  })

  it('at the end takes the joiner of the last piece into account', async () => {
    await add(id, [spare], [9], ['\n'])
    expect(await text(address)).toBe('A\n\nBb\n\nCcc\n\nSpare\n')
    expect(await collection(id)).toMatchObject({ bytes: 18, counted: 18 })
  })

  it('raises the revision once, and tells', async () => {
    const before = await collection(id)
    const events = await eventsOf(db.pool, () => add(id, [spare], [0.5]))
    expect((await collection(id)).revision).toBe(before.revision + 1)
    expect(events.map(event => [event.event_type, event.payload])).toEqual([
      ['piece_added_to_collection', { collection_address: address, unit_id: Number(spare), unit_address: expect.stringMatching(/^unit\//), position: 0.5 }],
    ])
  })

  it('of nothing does nothing', async () => {
    expect((await difference(db.pool, () => add(id, [], []))).iu_collection).toEqual(UNTOUCHED)
  })

  it.each<[string, () => Promise<unknown>, object]>([
    ['a unit that stands there', () => add(id, [spare, a], [5, 6]), { code: 'IU004', column: 'unit_ids' }],
    ['a position that is taken', () => add(id, [spare], [2]), { code: 'IU004', column: 'unit_ids' }],
    ['an unknown unit', () => add(id, ['999999999'], [5]), { code: 'IU003', column: 'unit_ids' }],
    ['an unknown collection', () => add('999999999', [spare], [5]), { code: 'IU003', column: 'collection_id' }],
    ['a missing position', () => add(id, [spare], [null]), { code: 'IU002', column: 'unit_ids' }],
    ['a missing unit', () => add(id, [null], [5]), { code: 'IU002', column: 'unit_ids' }],
    ['too few positions', () => add(id, [spare, c], [5]), { code: 'IU002', column: 'unit_ids' }],
  ])('is refused whole for %s', (_, attempt, error) => refusedWhole(attempt, error))

  it.each(['retired', 'deleted'])('is refused for a %s unit', async (status) => {
    await db.pool.query('UPDATE iu_core.information_unit SET lifecycle_status = $2 WHERE id = $1', [spare, status])
    await refusedWhole(() => add(id, [spare], [5]), { code: 'IU009', column: 'unit_ids', message: expect.stringContaining(`(${status})`) })
  })
})

describe('removing', () => {
  it('takes a piece out; the unit lives on', async () => {
    await remove(id, [b])
    expect(await text(address)).toBe('A\n\nCcc')
    expect(await collection(id)).toMatchObject({ pieces: 2, bytes: 6, counted: 6 })
    expect(await one('SELECT lifecycle_status AS value FROM iu_core.information_unit WHERE id = $1', [b])).toBe('draft')
    await add(id, [b], [0])
    expect(await text(address)).toBe('Bb\n\nA\n\nCcc')
  })

  it('counts right at the end, and to the last', async () => {
    await remove(id, [c])
    expect(await collection(id)).toMatchObject({ pieces: 2, bytes: 5, counted: 5 })
    await remove(id, [a, b])
    expect(await collection(id)).toMatchObject({ pieces: 0, bytes: 0, counted: 0 })
  })

  it('raises the revision once, and tells in the given order', async () => {
    const before = await collection(id)
    const events = await eventsOf(db.pool, () => remove(id, [c, a]))
    expect((await collection(id)).revision).toBe(before.revision + 1)
    expect(events.map(event => [event.event_type, event.payload.unit_id])).toEqual([['piece_removed_from_collection', Number(c)], ['piece_removed_from_collection', Number(a)]])
  })

  it.each<[string, () => Promise<unknown>]>([
    ['a unit that does not stand there', () => remove(id, [a, spare])],
    ['a unit given twice', () => remove(id, [a, a])],
    ['an unknown collection', () => remove('999999999', [a])],
  ])('is refused whole for %s', (_, attempt) => refusedWhole(attempt, { code: 'IU003', column: 'unit_ids' }))
})

describe('reordering', () => {
  it('moves a piece and writes no other row', async () => {
    const touched = await difference(db.pool, () => reorder(id, [c], [0.5]))
    expect(await text(address)).toBe('Ccc\n\nA\n\nBb')
    expect(touched).toMatchObject({ iu_collection_piece: { changed: 1 }, iu_collection: { changed: 1 }, information_unit: UNTOUCHED, event_outbox: { added: 1 } })
  })

  it('swaps positions in one go', async () => {
    const events = await eventsOf(db.pool, () => reorder(id, [a, c], [3, 1]))
    expect(await text(address)).toBe('Ccc\n\nBb\n\nA')
    expect(events.map(event => [event.event_type, event.payload.unit_id, event.payload.position])).toEqual([['piece_reordered', Number(a), 3], ['piece_reordered', Number(c), 1]])
  })

  it('keeps the count of bytes when the last piece has a separator of its own', async () => {
    await add(id, [spare], [9], ['.'])
    await reorder(id, [spare], [0])
    expect(await text(address)).toBe('Spare.A\n\nBb\n\nCcc')
    expect(await collection(id)).toMatchObject({ bytes: 16, counted: 16 })
  })

  it.each<[string, () => Promise<unknown>, object]>([
    ['a unit that does not stand there', () => reorder(id, [spare], [7]), { code: 'IU003', column: 'unit_ids' }],
    ['a position that is taken', () => reorder(id, [a], [2]), { code: 'IU004', column: 'positions' }],
    ['one position for two', () => reorder(id, [a, b], [7, 7]), { code: 'IU004', column: 'positions' }],
    ['a missing position', () => reorder(id, [a], [null]), { code: 'IU002', column: 'positions' }],
    ['too few positions', () => reorder(id, [a, b], [7]), { code: 'IU002', column: 'positions' }],
    ['an unknown collection', () => reorder('999999999', [a], [7]), { code: 'IU003', column: 'unit_ids' }],
  ])('is refused whole for %s', (_, attempt, error) => refusedWhole(attempt, error))
})

describe('a closed composer gate', () => {
  it('refuses every change', async () => {
    await setGate(db, GATE, false)
    for (const attempt of [() => compose(`${address}.x`, []), () => add(id, [spare], [9]), () => remove(id, [a]), () => reorder(id, [a], [9])]) {
      await refusedWhole(attempt, { code: 'IU001', column: GATE })
    }
    await setGate(db, GATE, true)
  })
})

describe('a revised unit', () => {
  it('raises the revision of every collection that follows it, and of no other', async () => {
    const follower = await compose(`${address}.follower`, [a, spare])
    const stranger = await compose(`${address}.stranger`, [spare])
    const pinned = await compose(`${address}.pinned`, [a])
    await db.pool.query('UPDATE iu_core.iu_collection_piece SET pinned_version_seq = 1 WHERE collection_id = $1', [pinned])
    const [x, y, z, p] = await Promise.all([id, follower, stranger, pinned].map(collection))
    await revise(a, 'longer than A')
    expect(await collection(id)).toEqual({ revision: x!.revision + 1, pieces: 3, bytes: 22, counted: 22 })
    expect(await collection(follower)).toEqual({ revision: y!.revision + 1, pieces: 2, bytes: 20, counted: 20 })
    expect(await collection(stranger)).toEqual(z)
    expect(await collection(pinned)).toEqual(p)
    expect(await text(`${address}.pinned`)).toBe('A')
  })

  it('is not followed when nothing was written', async () => {
    const before = await collection(id)
    await revise(a, 'A')
    expect(await collection(id)).toEqual(before)
  })
})

describe('at the same time', () => {
  /** Runs `second` while `first` is done and not committed, and commits as soon as the second waits or is done. */
  const overlapped = async (first: [string, unknown[]], second: () => Promise<unknown>) => {
    const client = await db.connect()
    await client.query('BEGIN')
    await client.query(...first)
    const late = second()
    expect(await Promise.race([late.then(() => 'done', () => 'failed'), waiting(db, 1).then(() => 'waits')])).toBe('waits')
    await client.query('COMMIT')
    await late
    await client.end()
  }
  const REVISE = 'SELECT iu_core.fn_iu_apply_versions(ARRAY[$1::bigint], ARRAY[$2])'

  it('a revision and a removal count right, whichever is first', async () => {
    await overlapped([REVISE, [a, 'much longer']], () => remove(id, [a]))
    expect(await collection(id)).toMatchObject({ pieces: 2, bytes: 7, counted: 7 })
    await overlapped(['SELECT iu_core.fn_iu_collection_remove($1, $2)', [id, [b]]], () => revise(b, 'much longer'))
    expect(await collection(id)).toMatchObject({ pieces: 1, bytes: 3, counted: 3 })
  })

  it('a revision and an addition count right, whichever is first', async () => {
    await overlapped([REVISE, [spare, 'much longer']], () => add(id, [spare], [9]))
    expect(await collection(id)).toMatchObject({ pieces: 4, bytes: 23, counted: 23 })
    const [other] = await units('Other')
    await overlapped(['SELECT iu_core.fn_iu_collection_add($1, $2, $3, $4)', [id, [other], [10], [null]]], () => revise(other!, 'longer than other'))
    expect(await collection(id)).toMatchObject({ pieces: 5, bytes: 42, counted: 42 })
  })

  it('many writers of one collection leave right counts and no deadlock', async () => {
    const more = await units(...Array.from({ length: 12 }, (_, i) => `more ${i}`))
    const outcomes = await Promise.allSettled(more.flatMap((unit, i) => [add(id, [unit], [20 + i]), revise(unit, `revised ${i}${'!'.repeat(i)}`), revise(a, `A${i}`)]))
    expect(outcomes.filter(outcome => outcome.status === 'rejected')).toEqual([])
    const { bytes, counted, pieces } = await collection(id)
    expect({ bytes, pieces }).toEqual({ bytes: counted, pieces: 15 })
  })
})

describe('any sequence of changes', () => {
  it('leaves counts that a recount finds, and an order in which to render', async () => {
    const step = fc.record({ what: fc.constantFrom('add', 'remove', 'move', 'revise'), at: fc.nat(), to: fc.nat(), body: fc.string({ maxLength: 5 }).map(s => s.replaceAll('\0', '')), separator: fc.constantFrom(null, '', '\n', ' - ') })
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 15 }), fc.constantFrom('', '\n\n', '·'), async (steps, joiner) => {
      const made = await compose(`random/${++number}`, [], joiner)
      const model: { unit: string, body: string, separator: string | null, position: number }[] = []
      for (const { what, at, to, body, separator } of steps) {
        const index = at % Math.max(1, model.length)
        const free = () => {
          let position = to % 1000 - 500
          while (model.some(piece => piece.position === position)) position++
          return position
        }
        if (what === 'add') {
          const [unit] = await units(body)
          const piece = { unit: unit!, body, separator, position: free() }
          await add(made, [piece.unit], [piece.position], [separator])
          model.push(piece)
        }
        else if (model.length > 0) {
          const piece = model[index]!
          if (what === 'remove') {
            await remove(made, [piece.unit])
            model.splice(index, 1)
          }
          else if (what === 'move') {
            piece.position = free()
            await reorder(made, [piece.unit], [piece.position])
          }
          else {
            piece.body = body
            await revise(piece.unit, body)
          }
        }
      }
      model.sort((x, y) => x.position - y.position)
      const expected = model.map(({ body, separator }, i) => body + (separator ?? (i < model.length - 1 ? joiner : ''))).join('')
      expect(await one('SELECT iu_core.fn_iu_collection_render($1) AS value', [made])).toBe(expected)
      expect(await collection(made)).toMatchObject({ pieces: model.length, bytes: Buffer.byteLength(expected), counted: Buffer.byteLength(expected) })
      await db.pool.query('SELECT iu_core.fn_iu_collection_seal($1)', [made])
      const { rows } = await db.pool.query('SELECT healthy, pieces, bytes::integer FROM iu_core.v_iu_collection_health WHERE collection_id = $1', [made])
      expect(rows).toEqual([{ healthy: true, pieces: model.length, bytes: Buffer.byteLength(expected) }])
    }), { numRuns: 40 })
  })
})
