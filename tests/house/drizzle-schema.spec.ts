import { join } from 'node:path'
import { getViewConfig, PgView } from 'drizzle-orm/pg-core'
import type { PgColumn } from 'drizzle-orm/pg-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testDatabase, type TestDatabase } from '../db/harness.ts'
import { filesIn, ROOT } from './sources.ts'

const modules = await Promise.all(filesIn('drizzle/schema').map(path => import(join(ROOT, path)) as Promise<Record<string, unknown>>))
const views = modules.flatMap(module => Object.values(module)).filter(value => value instanceof PgView).map(getViewConfig)

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

describe.each(views.map(view => ({ ...view, title: view.name })))('the typed view $title', ({ name, schema, query, selectedFields }) => {
  it('has only columns of the live one, with their types', async () => {
    const { rows } = await db.pool.query<{ column: string, type: string }>(`
      SELECT a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
      WHERE c.relnamespace = $1::regnamespace AND c.relname = $2 AND c.relkind = 'v' AND a.attnum > 0`, [schema, name])
    const live = Object.fromEntries(rows.map(({ column, type }) => [column, type]))
    const typed = Object.values(selectedFields as Record<string, PgColumn>)
    expect(typed.map(column => [column.name, live[column.name]])).toEqual(typed.map(column => [column.name, column.getSQLType()]))
  })

  it('is not owned by the kit', () => {
    expect(query).toBeUndefined()
  })
})

it('every view is typed once', () => {
  expect(views.length).toBeGreaterThan(0)
  expect(new Set(views.map(({ name }) => name)).size).toBe(views.length)
})
