import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { type TestDatabase, testDatabase } from '../harness.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

const addresses = async (paths: string[]) => (await db.pool.query<{ address: string, valid: boolean }>(
  'SELECT a AS address, iu_core.fn_iu_is_address(a) AS valid FROM unnest($1::text[]) WITH ORDINALITY AS g(p, n), iu_core.fn_iu_source_address(p) AS a ORDER BY n', [paths])).rows
const addressOf = async (path: string) => (await addresses([path]))[0]!.address
const hash = (path: string) => createHash('sha256').update(path).digest('hex').slice(0, 8)

/** Paths as people and machines make them; never empty. No NUL and no lone surrogates, which PostgreSQL takes from nobody. */
const path = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
  fc.string({ unit: fc.constantFrom(...'abAB01_-./ \\é日'), minLength: 1, maxLength: 12 }),
  fc.string({ unit: fc.constantFrom(...'ab._-/'), minLength: 1, maxLength: 8 }),
  fc.array(fc.string({ unit: 'binary', maxLength: 20 }), { minLength: 1, maxLength: 6 }).map(segments => segments.join('/')),
  fc.string({ unit: fc.constantFrom(...'abc/.'), minLength: 380, maxLength: 700 }),
).map(text => text.toWellFormed().replaceAll('\0', '') || 'x')

describe('the address of a source', () => {
  it.each(['readme.md', 'docs/readme.md', 'a', '0.1/x_y/z-w.txt', 'a'.repeat(400)])('is its path %j where that is an address', async (source) => {
    expect(await addressOf(source)).toBe(source)
  })

  it.each([
    ['README.md', 'readme.md'], ['docs/My File.md', 'docs/my-file.md'], ['Grüße/日本.md', 'gr-e/md'], ['a//b', 'a/b'], ['/a', 'a'], ['a/', 'a'], ['.github/x', 'github/x'],
    ['a..b', 'a.b'], ['-a-', 'a'], ['日本', 'file'], ['...', 'file'], [' ', 'file'], ['a b', 'a-b'], ['it\'s "quoted".md', 'it-s-quoted.md'], ['../up.md', 'up.md'], ['C:\\x', 'c-x'],
    ['a'.repeat(401), 'a'.repeat(400)], [`${'a'.repeat(399)}/b`, 'a'.repeat(399)],
  ])('of %j is a slug and a hash', async (source, slug) => {
    expect(await addressOf(source)).toBe(`${slug}-${hash(source)}`)
  })

  it('is an address whatever the path, is the path or ends in its hash, and is no other source\'s', async () => {
    await fc.assert(fc.asyncProperty(fc.uniqueArray(path, { minLength: 50, maxLength: 150 }), async (sources) => {
      const made = await addresses(sources)
      sources.forEach((source, i) => {
        const { address, valid } = made[i]!
        expect(valid, `${JSON.stringify(source)} → ${address}`).toBe(true)
        if (address !== source) expect(address.endsWith(`-${hash(source)}`)).toBe(true)
      })
      expect(new Set(made.map(({ address }) => address)).size).toBe(sources.length)
    }), { numRuns: 60 })
  })

  it('keeps sources apart that differ in case, form or spacing only', async () => {
    const alike = ['a b.md', 'a-b.md', 'A-B.md', 'a  b.md', 'a\tb.md', 'a/b.md', 'a-b.md/', 'a\u00e9.md', 'ae\u0301.md', 'a..md', 'a.md', 'a.md ', '\ufeffa.md']
    expect(new Set((await addresses(alike)).map(({ address }) => address)).size).toBe(alike.length)
  })
})

describe('the address of a piece', () => {
  const pieceAddress = async (collection: string, no: number, title: string | null) =>
    (await db.pool.query<{ address: string }>('SELECT iu_core.fn_iu_piece_address($1, $2, $3) AS address', [collection, no, title])).rows[0]!.address

  it.each([
    [1, 'Bug Fixes', 'docs/a.md/0001-bug-fixes'], [12345, 'x', 'docs/a.md/12345-x'], [7, '', 'docs/a.md/0007'], [7, null, 'docs/a.md/0007'], [7, '日本', 'docs/a.md/0007'],
    [7, `${'word '.repeat(20)}`, 'docs/a.md/0007-word-word-word-word-word-word-word-word'], [7, '--', 'docs/a.md/0007'],
  ])('of number %i with the title %j', async (no, title, address) => {
    expect(await pieceAddress('docs/a.md', no, title)).toBe(address)
  })

  it('is an address under the longest of sources, whatever the title', async () => {
    const { rows: [longest] } = await db.pool.query<{ address: string }>('SELECT iu_core.fn_iu_source_address($1) AS address', ['A'.repeat(2000)])
    await fc.assert(fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 300 }), async (title) => {
      const address = await pieceAddress(longest!.address, 2_147_483_647, title.toWellFormed().replaceAll('\0', ''))
      expect((await db.pool.query<{ ok: boolean }>('SELECT iu_core.fn_iu_is_address($1) AS ok', [address])).rows[0]!.ok, address).toBe(true)
    }), { numRuns: 100 })
  })
})
