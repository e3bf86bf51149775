import { sql } from 'drizzle-orm'
import type { SQL } from 'drizzle-orm'
import { COUNT_LIMIT, PAGE_SIZE } from '../../../shared/read-models/page.ts'
import type { Snapshot } from '../client.ts'

export interface Cursors {
  after?: string
  before?: string
}

/** Which rows to fetch: beyond the cursor in the list's order, or against it. */
export interface Step {
  cursor: string | undefined
  backwards: boolean
  limit: number
}

/**
 * One page of a keyset list in either direction. One row more than a page is fetched, to know whether
 * there is another. A step back that finds less than a page is the list's start: it shows a full first page.
 */
export async function keysetPage<Row>(cursors: Cursors, fetch: (step: Step) => Promise<Row[]>, cursorOf: (row: Row) => string, size = PAGE_SIZE) {
  if (cursors.before !== undefined) {
    const found = (await fetch({ cursor: cursors.before, backwards: true, limit: size + 1 })).reverse()
    if (found.length > size) return page(found.slice(1), true, true, cursorOf)
    if (found.length === size) return page(found, false, true, cursorOf)
  }
  const after = cursors.before === undefined ? cursors.after : undefined
  const found = await fetch({ cursor: after, backwards: false, limit: size + 1 })
  return page(found.slice(0, size), after !== undefined, found.length > size, cursorOf)
}

function page<Row>(rows: Row[], hasPrev: boolean, hasNext: boolean, cursorOf: (row: Row) => string) {
  const [first, last] = [rows.at(0), rows.at(-1)]
  return { rows, prev: hasPrev && first ? cursorOf(first) : null, next: hasNext && last ? cursorOf(last) : null }
}

/** Counts up to the limit and one more, which reads "more than that". */
export async function boundedCount(db: Snapshot, from: SQL, where: SQL | undefined): Promise<number> {
  const { rows: [counted] } = await db.execute<{ n: number }>(
    sql`select count(*)::int as n from (select 1 from ${from} ${where ? sql`where ${where}` : sql``} limit ${COUNT_LIMIT + 1}) as bounded`)
  return counted?.n ?? 0
}
