/** Imports and returns to a checkpoint among other changes of the same pieces: whoever needs several locks takes them in one order. */
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommand } from '../../../server/db/functions/command.ts'
import type { Receipt as Answer } from '../../../shared/commands/receipt.ts'
import type { TestDatabase } from '../harness.ts'
import { drain, expectWhole } from '../world.ts'
import { beside, waiting } from './beside.ts'
import { carry, imported, openDatabase, type Params, piecesIn, run } from './world.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await openDatabase()
})
afterAll(() => db.drop())

/** One of many texts of a source: one paragraph is missing, and one is another. */
const textOf = (variant: number) => `# Title\n\n${Array.from({ length: 12 }, (_, i) => `Paragraph ${i === variant % 12 ? `changed ${variant}` : i}.`).filter((_, i) => i !== variant * 7 % 12).join('\n\n')}\n`

describe('a collection is not held while one of its pieces is waited for', () => {
  let piece: string
  beforeAll(async () => {
    await carry(db.pool, 'dot_iu_import_text', await imported('waited', textOf(0)))
    piece = (await piecesIn(db.pool, 'waited'))[3]!
    await carry(db.pool, 'dot_iu_checkpoint_collection', { collection: 'waited' })
    await carry(db.pool, 'dot_iu_remove_piece_from_collection', { collection: 'waited', piece })
  })

  it.each<[string, () => Promise<Params>]>([
    ['a return to a checkpoint that has a piece which was removed since', async () => ({ collection: 'waited', checkpoint: 1 })],
    ['an import that changes a piece', () => imported('waited', textOf(5))],
  ])('by %s', async (_what, params) => {
    const given = await params()
    await beside(db, async (holder) => {
      await holder.query('SELECT FROM iu_core.information_unit WHERE canonical_address = ANY ($1) FOR UPDATE', ['checkpoint' in given ? [piece] : (await piecesIn(db.pool, 'waited')).slice(-1)])
      const importing = run(db.pool, 'dot_iu_import_text', 'apply', given)
      await waiting(db, 1)
      // What the holder of the piece wants next: it must not be in the importer's hands.
      const next = await holder.query(`SELECT FROM iu_core.iu_collection WHERE canonical_address = 'waited' FOR NO KEY UPDATE NOWAIT`).then(() => 'free', (error: pg.DatabaseError) => error.code)
      await holder.query('ROLLBACK')
      expect(await importing).toMatchObject({ status: 'succeeded' })
      expect(next).toBe('free')
    })
  })
})

it('two hundred changes at once, imports and returns among them, meet no deadlock, and leave everything whole', async () => {
  const variants = await Promise.all(Array.from({ length: 12 }, (_, n) => imported('crowd', textOf(n))))
  await carry(db.pool, 'dot_iu_import_text', variants[0]!)
  const first = await piecesIn(db.pool, 'crowd')
  await carry(db.pool, 'dot_iu_create_file_from_pieces', { address: 'aside', title: 'Aside', pieces: first.slice(0, 5).reverse() })

  const conflicts: string[] = []
  const answers: Answer[] = []
  let next = 0
  await Promise.all(Array.from({ length: 8 }, async (_, w) => {
    const client = await db.connect()
    const noting = { query: (text: string, values: unknown[]) => client.query(text, values).catch((error: pg.DatabaseError) => {
      conflicts.push(error.code!)
      throw error
    }) } as unknown as pg.Client
    const ask = async (command: string, params: Params, planned = false) => {
      const planDigest = planned ? (await runCommand(noting, { command, mode: 'plan', params })).plan_digest : undefined
      answers.push(await runCommand(noting, { command, mode: 'apply', params, reason: 'a test', planDigest }))
    }
    for (let i = next++; i < 200; i = next++) {
      const all = [...first, ...await piecesIn(db.pool, i % 2 ? 'crowd' : 'aside')]
      const [piece, other] = [all[(i * 31 + w) % all.length]!, all[(i * 17 + w) % all.length]!]
      await [
        // What undoes others' edits asks for a plan, and in such a crowd each plan is overtaken; a new document asks for none.
        async () => i % 16 ? ask('dot_iu_import_text', variants[i % 12]!, true) : ask('dot_iu_import_text', await imported(`new-${i}`, textOf(i))),
        () => ask('dot_iu_revise_piece', { piece, body: `Revised by ${i}` }),
        () => ask('dot_iu_soft_delete_piece', { piece }, true),
        () => ask('dot_iu_restore_piece', { piece }),
        () => ask('dot_iu_add_piece', { collection: i % 2 ? 'crowd' : 'aside', piece, after: other }),
        () => ask('dot_iu_create_file_from_pieces', { address: `file.${i}`, title: 'File', pieces: [...new Set([other, piece])] }),
        () => ask('dot_iu_import_text', { collection: 'crowd', checkpoint: i % 4 }, true),
        () => ask('dot_iu_reorder_piece', { collection: 'aside', piece, before: other }),
      ][i % 8]!()
    }
    await client.end()
  }))

  expect(answers).toHaveLength(200)
  expect(answers.filter(({ status }) => status !== 'succeeded' && status !== 'refused')).toEqual([])
  expect(answers.filter(({ code }) => code === 'round_trip_failed')).toEqual([])
  expect(answers.filter(({ command, status }) => command === 'dot_iu_import_text' && status === 'succeeded').length).toBeGreaterThan(10)
  expect(conflicts).toEqual([])
  const { rows } = await db.pool.query('SELECT * FROM iu_core.v_iu_collection_health WHERE pieces <> pieces_counted OR bytes <> bytes_counted OR missing_body > 0')
  expect(rows).toEqual([])
  await drain(db.pool)
  await expectWhole(db.pool)
})
