import { z } from 'zod'

/** Rows on a page of a list. */
export const PAGE_SIZE = 50
/** Counts are exact up to here, then "10,000+". */
export const COUNT_LIMIT = 10_000

/** Every answer carries the database's clock, so that the page can say how old its data is. */
export interface Answer {
  asOf: string
}

/** One page of a keyset-paginated list; the cursors go into `?before=` and `?after=`. */
export interface Page<Row> extends Answer {
  rows: Row[]
  prev: string | null
  next: string | null
}

/** A bounded count: `COUNT_LIMIT + 1` means "more than that". */
export type BoundedCount = number

export const text = (max: number) => z.string().max(max).refine(value => !value.includes('\0'), 'must not hold a NUL')
export const address = text(1000).min(1)

/** A keyset cursor of dot-separated numbers, such as an attempt's key. */
export const numericCursor = (parts: number) =>
  z.string().regex(new RegExp(`^\\d{1,15}${'\\.\\d{1,9}'.repeat(parts - 1)}$`), 'is not a cursor of this list')
