/** Random sequences of piece and collection commands: what each plan says is what its apply does, and an undo brings everything back. */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { closeCutters } from '../../../server/import/cut.ts'
import type { TestDatabase } from '../harness.ts'
import { carry, effects, imported, openDatabase, type Params, run, type Snapshot, snapshot, undo, verify, without } from './world.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await openDatabase()
})
afterAll(async () => {
  await closeCutters()
  await db.drop()
})

const body = fc.oneof(fc.constantFrom('', 'same', '# A heading', '## Another\n', '日本語 Grüße', '- one\n- two'), fc.string({ unit: 'grapheme', maxLength: 12 }).map(text => text.toWellFormed().replaceAll('\0', '')))
const separator = fc.constantFrom('', '\n', '\n\n', ' — ')
const text = fc.array(fc.constantFrom('# Title', '## Section', 'same', 'One.', 'Two.', 'Three, which is longer.', '- a\n- b', '```ts\ncode\n```', '日本語'), { maxLength: 7 }).map(blocks => blocks.join('\n\n') + '\n')

/** A step names what it acts on by numbers, which are brought into range where it is taken. */
const step = fc.record({
  what: fc.constantFrom('create', 'create', 'create_in', 'revise', 'revise', 'revise', 'revise_back', 'revise_back', 'revise_back', 'clone', 'add', 'add', 'add', 'reorder', 'reorder', 'remove', 'remove', 'retire', 'delete', 'delete', 'restore', 'restore', 'enact',
    'import', 'import', 'import', 'return', 'return', 'checkpoint', 'collection', 'file', 'workflow', 'render', 'validate', 'axes'),
  piece: fc.nat(40), other: fc.nat(40), collection: fc.nat(6), inside: fc.boolean(), number: fc.nat(5), body, separator: fc.option(separator, { nil: undefined }), text,
  place: fc.constantFrom('to_first', 'to_last', 'none', 'after', 'before', 'position', 'at'), pin: fc.boolean(), undo: fc.constantFrom('no', 'undo', 'redo'),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** The command that a step is, in the present state. */
async function commandOf(s: Step, state: Snapshot, name: string, born: number): Promise<[string, Params]> {
  const collections = Object.keys(state.collections).sort()
  const collection = collections[s.collection % collections.length]!
  const standing = ((state.collections[collection] as { manifest: [string][] | null }).manifest ?? []).map(([address]) => address)
  const all = Object.keys(state.units).sort()
  const pick = (from: string[], n: number) => from[n % from.length] ?? `${name}/nowhere`
  // What acts on a place is mostly given one that is there, and what acts on versions one that has some.
  const piece = s.what === 'revise_back' && revised.length
    ? pick(revised, s.piece)
    : pick(s.inside || (['reorder', 'remove'].includes(s.what) && s.number > 0) ? standing : all, s.piece)
  const address = `${name}/n${born}`
  const place: Params = { to_first: { to: 'first' }, to_last: { to: 'last' }, none: {}, after: { after: pick(standing, s.other) }, before: { before: pick(standing, s.other) }, position: { position: s.number + 1 }, at: { at: `${s.number}.5` } }[s.place]
  const between = s.separator === undefined ? {} : { separator: s.separator }
  switch (s.what) {
    case 'create': return ['dot_iu_create_piece', { address, kind: 'paragraph', body: s.body }]
    case 'create_in': return ['dot_iu_create_piece', { address, kind: 'paragraph', body: s.body, collection, ...s.place === 'at' ? {} : place, ...between }]
    case 'revise': return ['dot_iu_revise_piece', { piece, body: s.body, ...s.pin ? { title: s.body.slice(0, 3).replaceAll(/\p{Cc}/gu, '').toWellFormed() } : {} }]
    case 'revise_back': return ['dot_iu_revise_piece', { piece, version: s.number % 2 + 1 }]
    case 'clone': return ['dot_iu_clone_piece', { piece, address }]
    case 'add': return ['dot_iu_add_piece', { collection, piece: pick(all, s.piece), ...place, ...between, ...s.pin ? { pinned_version: s.number > 3 ? 2 : 1 } : {} }]
    case 'reorder': return ['dot_iu_reorder_piece', { collection, piece, ...place }]
    case 'remove': return ['dot_iu_remove_piece_from_collection', { collection, piece }]
    case 'retire': return ['dot_iu_retire_piece', { piece }]
    case 'delete': return ['dot_iu_soft_delete_piece', { piece }]
    case 'restore': {
      const gone = all.filter(unit => ['retired', 'deleted'].includes((state.units[unit] as { status: string }).status))
      return ['dot_iu_restore_piece', { piece: pick(gone.length ? gone : all, s.piece) }]
    }
    case 'enact': return ['dot_iu_enact_piece', { piece, ...s.pin ? { status: 'draft' } : {} }]
    case 'import': return ['dot_iu_import_text', await imported(`${name}/f${s.number % 2}.md`, s.text)]
    case 'return': return ['dot_iu_import_text', { collection, checkpoint: s.number }]
    case 'checkpoint': return ['dot_iu_checkpoint_collection', { collection, label: s.text.slice(0, 3).trim() }]
    case 'collection': return ['dot_iu_create_collection', { address, kind: 'section', title: 'Empty', joiner: s.separator ?? '' }]
    case 'file': return ['dot_iu_create_file_from_pieces', { address, title: 'A file', pieces: [...new Set([piece, pick(all, s.other)])], ...s.separator === undefined ? {} : { joiner: s.separator } }]
    case 'workflow': return ['dot_iu_create_workflow_from_steps', { address, title: 'Steps', steps: [{ piece }, { title: 'New', body: s.body }] }]
    case 'render': return ['dot_iu_render_collection', { collection }]
    case 'validate': return ['dot_iu_validate_collection', { collection }]
    case 'axes': return ['dot_iu_refresh_metadata_axes', s.pin ? { collection } : { piece }]
  }
}

/** What there is of a run, but for the sections: a unit has one place in the tree, and the collections that share it move it for each other. */
async function picture(name: string): Promise<Snapshot> {
  const taken = await snapshot(db.pool, `${name}/`)
  for (const collection of Object.values(taken.collections) as { manifest: unknown[][] | null }[]) collection.manifest = collection.manifest?.map(row => row.slice(0, 5)) ?? null
  return taken
}

/** Pieces and bytes are as counted, and nothing is wrong but what operators may do. */
async function expectHealthy(name: string): Promise<void> {
  const { rows } = await db.pool.query(`
    SELECT h.*, octet_length(iu_core.fn_iu_collection_render(h.collection_id)) AS rendered FROM iu_core.v_iu_collection_health AS h
    WHERE starts_with(canonical_address, $1) AND ((pieces, bytes, missing_body) IS DISTINCT FROM (pieces_counted, bytes_counted, 0) OR octet_length(iu_core.fn_iu_collection_render(h.collection_id)) <> bytes)`, [`${name}/`])
  expect(rows).toEqual([])
  const { rows: findings } = await db.pool.query(`SELECT c.canonical_address, f.* FROM iu_core.iu_collection AS c CROSS JOIN LATERAL iu_core.fn_iu_collection_findings(c.id) AS f
    WHERE starts_with(c.canonical_address, $1) AND f.finding NOT IN ('retired_piece', 'order')`, [`${name}/`])
  expect(findings).toEqual([])
}

const outcomes: Record<string, { done: number, refused: number }> = {}
let runs = 0
let last = ''
let revised: string[] = []

async function take(s: Step, name: string, born: number): Promise<void> {
  const before = await picture(name)
  const [command, params] = await commandOf(s, before, name, born)
  last = `${command} ${JSON.stringify(params)}`
  const plan = await run(db.pool, command, 'plan', params)
  const applied = await run(db.pool, command, 'apply', params, { reason: 'at random', plan: plan.plan_digest })
  expect([plan.status, applied.status], JSON.stringify([plan, applied])).not.toContain('failed')
  outcomes[s.what] ??= { done: 0, refused: 0 }
  if (s.what === 'revise' && plan.status === 'planned') revised.push(String(params.piece))
  outcomes[s.what]![plan.status === 'planned' ? 'done' : 'refused'] += 1
  if (plan.status !== 'planned') {
    // Where a plan is needed there is none to be applied.
    expect([plan.code, 'invalid_parameter']).toContain(applied.code)
    expect(applied.code === plan.code || applied.field === 'plan_digest').toBe(true)
    expect(await picture(name)).toEqual(before)
    return
  }
  expect(applied, JSON.stringify(applied)).toMatchObject({ status: 'succeeded' })
  expect(effects(applied)).toEqual(effects(plan))
  await verify(db.pool, applied)
  await expectHealthy(name)
  if (s.undo === 'no' || !applied.inverse) return
  const after = await picture(name)
  const undone = await undo(db.pool, applied)
  await expectHealthy(name)
  expect(without(await picture(name), before)).toEqual(before)
  if (s.undo === 'undo' || !undone.inverse) return
  await undo(db.pool, undone)
  await expectHealthy(name)
  expect(without(await picture(name), after)).toEqual(after)
}

it('does what each plan says, keeps every collection whole, and undoes what it did', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30, size: 'max' }), text, async (steps, first) => {
    const name = `r${++runs}`
    revised = []
    await carry(db.pool, 'dot_iu_import_text', await imported(`${name}/f0.md`, first))
    await carry(db.pool, 'dot_iu_create_collection', { address: `${name}/c`, kind: 'section', title: 'A section', joiner: '\n\n' })
    await carry(db.pool, 'dot_iu_create_piece', { address: `${name}/p`, kind: 'paragraph', body: 'A paragraph', collection: `${name}/c` })
    for (const [born, s] of steps.entries()) {
      await take(s, name, born).catch((error: Error) => {
        throw new Error(`step ${born}, ${s.what}: ${last}`, { cause: error })
      })
    }
  }), { numRuns: 45, endOnFailure: true })
})

it('came to every kind of step, and to most of them with success', () => {
  expect(Object.keys(outcomes)).toHaveLength(21)
  for (const [what, { done }] of Object.entries(outcomes)) expect(done, what).toBeGreaterThan(0)
})
