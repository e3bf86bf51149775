import { describe, expect, it } from 'vitest'
import { readDefinitions } from '../../../server/deploy/definitions.ts'
import { drizzleWith } from './world.ts'

const read = (files: Record<string, string>) => readDefinitions(drizzleWith(
  Object.fromEntries(Object.entries(files).map(([path, text]) => [`definitions/${path}.sql`, text])),
))
const names = (files: Record<string, string>) => read(files).map(({ name }) => name)

describe('definitions are read', () => {
  it('by kind, then by name, whatever their area', () => {
    expect(names({
      'a/triggers/trg': '', 'a/data/rows': '', 'b/views/v': '', 'a/functions/fn_b': '', 'b/functions/fn_a': '', 'b/tables/t': '', 'a/schemas/s': '',
    })).toEqual(['s', 't', 'fn_a', 'fn_b', 'v', 'trg', 'rows'])
  })

  it('after everything that they require, however far', () => {
    expect(names({
      'a/tables/t': '-- requires: fn_z\n', 'a/functions/fn_a': '', 'a/functions/fn_z': '-- requires: v, fn_y\n', 'a/functions/fn_y': '', 'a/views/v': '',
    })).toEqual(['v', 'fn_y', 'fn_z', 't', 'fn_a'])
  })

  it('with their area, kind and text', () => {
    expect(read({ 'area/views/v': '-- A view.\n-- requires: t\nSELECT\n', 'area/tables/t': '' })[1])
      .toEqual({ name: 'v', area: 'area', kind: 'views', requires: ['t'], sql: '-- A view.\n-- requires: t\nSELECT\n' })
  })

  it('only where they end in .sql', () => {
    const folder = drizzleWith({ 'definitions/a/tables/t.sql': '', 'definitions/a/tables/notes.md': '' })
    expect(readDefinitions(folder)).toHaveLength(1)
  })
})

describe('definitions are refused', () => {
  it.each<[string, Record<string, string>, string]>([
    ['in a folder of another kind', { 'a/procedures/p': '' }, 'definitions/a/procedures/p.sql: a definition stands in one of schemas, tables'],
    ['with one name for two', { 'a/tables/x': '', 'b/views/x': '' }, 'two definitions have one name'],
    ['with an unknown requirement', { 'a/tables/t': '-- requires: none\n' }, 't requires none, which has no definition'],
    ['that require themselves', { 'a/tables/t': '-- requires: t\n' }, 'circular requires: t → t'],
    ['that require each other', { 'a/functions/a': '-- requires: b\n', 'a/functions/b': '-- requires: c\n', 'a/functions/c': '-- requires: a\n' }, 'circular requires: a → b → c → a'],
  ])('%s', (_, files, message) => {
    expect(() => read(files)).toThrow(message)
  })
})
