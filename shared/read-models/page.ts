import { z } from 'zod'

/** Rows on a page of a list. */
export const PAGE_SIZE = 50
/** Counts are exact up to here, then "10,000+". */
export const COUNT_LIMIT = 10_000

export const text = (max: number) => z.string().max(max).refine(value => !value.includes('\0'), 'must not hold a NUL')
export const address = text(1000).min(1)
/** The parameters that turn the pages of a list. */
export const cursors = <Cursor extends z.ZodType>(cursor: Cursor) => ({
  after: cursor.optional().describe('the page behind this cursor, which is the answer\'s next'),
  before: cursor.optional().describe('the page before this cursor, which is the answer\'s prev'),
})

/** A keyset cursor of dot-separated numbers, such as an attempt's key. */
export const numericCursor = (parts: number) =>
  z.string().regex(new RegExp(`^\\d{1,15}${'\\.\\d{1,9}'.repeat(parts - 1)}$`), 'is not a cursor of this list')

/** A time in ISO 8601 and UTC. */
export const time = z.iso.datetime()
export const count = z.int().min(0)
/** A bounded count: `COUNT_LIMIT + 1` means "more than that". */
export const boundedCount = count.describe('counted to 10,000; 10,001 means more than that')
/** Every answer carries the database's clock, so that the page can say how old its data is. */
export const answer = { asOf: time.describe('the database\'s clock when it was read') }

const cursor = z.string().nullable()
/** The answer's part that is one page of a keyset-paginated list. */
export const pageOf = <Row extends z.ZodType>(row: Row) => ({
  ...answer,
  rows: z.array(row),
  prev: cursor.describe('for the parameter before; null on the first page'),
  next: cursor.describe('for the parameter after; null on the last page'),
})
