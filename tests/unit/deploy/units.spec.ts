import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { readUnits, UnitError } from '../../../server/deploy/units.ts'
import { drizzleWith } from './world.ts'

const MIGRATION = '-- unit: schema\nSELECT 1;\n'
/** The three files of a unit. */
const unit = (tag: string, migration = MIGRATION) => ({ [`migrations/${tag}.sql`]: migration, [`rollbacks/${tag}.sql`]: 'back', [`verify/${tag}.sql`]: 'check' })
const read = (files: Record<string, string>) => readUnits(drizzleWith(files))
const without = (files: Record<string, string>, path: string) => Object.fromEntries(Object.entries(files).filter(([name]) => name !== path))

describe('units are read', () => {
  it('in order, each with its three files', () => {
    const data = '-- unit: data\nSELECT f();\n'
    expect(read({ ...unit('0002_rows', data), ...unit('0001_first') })).toEqual([
      { tag: '0001_first', number: 1, kind: 'schema', migration: MIGRATION, rollback: 'back', verify: 'check', hash: createHash('sha256').update(MIGRATION).digest('hex') },
      { tag: '0002_rows', number: 2, kind: 'data', migration: data, rollback: 'back', verify: 'check', hash: createHash('sha256').update(data).digest('hex') },
    ])
  })
})

describe('units are refused', () => {
  const two = { ...unit('0001_first'), ...unit('0002_second') }
  it.each<[string, Record<string, string>, string]>([
    ['without a rollback', without(two, 'rollbacks/0002_second.sql'), 'units without their twin in rollbacks/: 0002_second'],
    ['without a verify', without(two, 'verify/0001_first.sql'), 'units without their twin in verify/: 0001_first'],
    ['with a rollback of nothing', without(two, 'migrations/0002_second.sql'), 'units without their twin in rollbacks/: 0002_second'],
    ['with a gap', { ...unit('0001_first'), ...unit('0003_third') }, 'unit 0003_third: number 2 is next'],
    ['with a number twice', { ...two, ...unit('0002_late') }, 'unit 0002_second: number 3 is next'],
    ['that do not begin at 1', { ...unit('0000_zero'), ...unit('0001_first') }, 'unit 0000_zero: number 1 is next'],
    ['with a name that is no tag', { ...unit('1-first') }, 'unit 1-first: number 1 is next'],
    ['without their kind', unit('0001_first', 'SELECT 1;\n'), 'unit 0001_first: the first line must say'],
    ['with the line ends of Windows', { ...two, ...unit('0002_second', MIGRATION.replaceAll('\n', '\r\n')) }, 'drizzle/migrations/0002_second.sql differs from what was committed in its line ends'],
    ['with those in a verify', { ...two, 'verify/0001_first.sql': 'check\r\n' }, 'drizzle/verify/0001_first.sql differs from what was committed in its line ends'],
    ['with another kind', unit('0001_first', '-- unit: other\n'), 'unit 0001_first: the first line must say'],
  ])('%s', (_, files, message) => {
    expect(() => read(files)).toThrow(UnitError)
    expect(() => read(files)).toThrow(message)
  })
})
