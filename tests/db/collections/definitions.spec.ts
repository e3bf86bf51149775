/** The link definitions of a document, by what a window of it refers to. */
import { drizzle } from 'drizzle-orm/node-postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readDefinitions } from '../../../server/db/queries/pieces.ts'
import { importText } from '../layers/world.ts'
import { openDatabase } from '../world.ts'
import type { TestDatabase } from '../harness.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await openDatabase()
})
afterAll(() => db.drop())

test('are found wherever they stand, by labels as they are compared, and no others', async () => {
  const releases = Array.from({ length: 400 }, (_, n) => `[1.0.${n}]: https://example.com/a-long-place-for/${n}`)
  const address = await importText(db, 'changes.md', `# Changes\n\nText.\n\n${releases.join('\n')}\n[Foo  \n BAR]: /foo\n[a\\]b]: /escaped\n[straße]: /not-ascii\n\n[^1]: A note.\n\n    And more.\n`)
  const read = (...labels: string[]) => db.as('iu_console', client => readDefinitions(drizzle({ client }), address, labels))
  expect(await read('1.0.399', '1.0.2', 'none')).toEqual([releases[2], releases[399]])
  expect(await read('foo bar', 'a\\]b', 'straße', '^1')).toEqual(['[Foo  \n BAR]: /foo', '[a\\]b]: /escaped', '[straße]: /not-ascii', '[^1]: A note.\n\n    And more.'])
  expect([await read(), await read('1.0')]).toEqual([[], []])
})
