import type { Problem } from '../../shared/problem'
import { formatAge } from './format'

/** Some refreshes have not come: whoever waits for an answer knows no more than who was refused one. */
export const STALE_MS = 35_000

/** What is known of a state that was read. */
export interface Known {
  /** it was read a moment ago, and nothing has gone wrong since */
  isKnown: boolean
  /** how long ago it was last read, as in "2 min ago"; undefined where it never was */
  lastRead?: string
}

/** Whether an answer may still be told as what is so at `now`. One without a clock is not of the database, and does not age. */
export function knownAt({ newest, problem }: { newest?: { asOf?: string }, problem?: Problem }, now: number): Known {
  if (newest?.asOf === undefined) return { isKnown: newest !== undefined && problem === undefined }
  const age = now - Date.parse(newest.asOf)
  return { isKnown: problem === undefined && age < STALE_MS, lastRead: `${formatAge(age)} ago` }
}

/** In place of a state that is not known: what it last was, and when. */
export const lastKnown = (state: string, { lastRead }: Known): string => `last known ${state}${lastRead ? `, ${lastRead}` : ''}`
