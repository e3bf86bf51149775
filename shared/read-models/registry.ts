import type { Accounting } from './accounting.ts'
import type { AttemptHistory } from './attempt-history.ts'
import type { AttemptSummary } from './attempt-summary.ts'
import type { Attempts } from './attempts.ts'
import type { CollectionPiece } from './collection-piece.ts'
import type { CollectionPieces } from './collection-pieces.ts'
import type { CollectionRendered } from './collection-rendered.ts'
import type { Collection } from './collection.ts'
import type { Collections } from './collections.ts'
import type { DeadLetter } from './dead-letter.ts'
import type { DeadLetters } from './dead-letters.ts'
import type { Overview } from './overview.ts'
import type { Shell } from './shell.ts'

/**
 * Every read model by name. The name is both the route (`/api/<name>`) and the cache key, and there are
 * only types here, so that no validation code reaches the browser.
 */
export interface ReadModels {
  'shell': Shell
  'accounting': Accounting
  'overview': Overview
  'collections': Collections
  'collections/head': Collection
  'collections/pieces': CollectionPieces
  'collections/piece': CollectionPiece
  'collections/rendered': CollectionRendered
  'attempts': Attempts
  'attempts/summary': AttemptSummary
  'attempts/history': AttemptHistory
  'dead-letters': DeadLetters
  'dead-letters/payload': DeadLetter
}

export type ReadModelName = keyof ReadModels
