import type { z } from 'zod'
import type { Right } from '../commands/contract.ts'
import { accountingAnswer, accountingQuery } from './accounting.ts'
import { accountsAnswer, accountsQuery } from './accounts.ts'
import { attemptHistoryAnswer, attemptHistoryQuery } from './attempt-history.ts'
import { attemptsAnswer, attemptsQuery } from './attempts.ts'
import { attemptSummaryAnswer, attemptSummaryQuery } from './attempt-summary.ts'
import { backupsAnswer, backupsQuery } from './backups.ts'
import { collectionAnswer, collectionQuery } from './collection.ts'
import { collectionCheckpointsAnswer, collectionCheckpointsQuery } from './collection-checkpoints.ts'
import { collectionFindingsAnswer, collectionsHealthAnswer } from './collection-health.ts'
import { collectionParkedAnswer, collectionParkedQuery } from './collection-parked.ts'
import { collectionPieceAnswer, collectionPieceQuery } from './collection-piece.ts'
import { collectionPiecesAnswer, collectionPiecesQuery } from './collection-pieces.ts'
import { collectionRenderedAnswer, collectionRenderedQuery } from './collection-rendered.ts'
import { collectionsAnswer, collectionsQuery } from './collections.ts'
import { commandContractAnswer, commandContractQuery } from './command-contract.ts'
import { commandsAnswer, commandsQuery } from './commands.ts'
import { conformanceAnswer, conformanceQuery } from './conformance.ts'
import { deadLetterAnswer, deadLetterQuery } from './dead-letter.ts'
import { deadLettersAnswer, deadLettersQuery } from './dead-letters.ts'
import { gatesAnswer, gatesQuery } from './gates.ts'
import { layersAnswer, layersQuery } from './layers.ts'
import { ledgerAnswer, ledgerQuery, runAnswer, runQuery } from './ledger.ts'
import { overviewAnswer, overviewQuery } from './overview.ts'
import { proofAnswer, proofQuery } from './proof.ts'
import { routingAnswer, routingQuery } from './routing.ts'
import { replaysAnswer, replaysQuery } from './replays.ts'
import { sessionAnswer, sessionQuery } from './session.ts'
import { shellAnswer, shellQuery } from './shell.ts'
import { workerPassesAnswer, workerPassesQuery } from './worker-passes.ts'
import { workerAnswer, workerQuery } from './worker.ts'

/** One read: `GET /api/<name>`. */
export interface ReadRoute {
  summary: string
  /** the lowest right that may read it */
  right: Right
  query: z.ZodObject
  answer: z.ZodObject
  /** asks for one thing by name or number, which may not be there */
  finds?: true
}

const read = <const Route extends Omit<ReadRoute, 'right'>>(route: Route) => ({ right: 'reviewer' as const, ...route })

/** Every read model by name, which is both its route and its key in the browser. */
export const READ_ROUTES = {
  'overview': read({ summary: 'Workers, gates, backlog and the collections one looks for first', query: overviewQuery, answer: overviewAnswer }),
  'accounting': read({ summary: 'Every event, by what became of it', query: accountingQuery, answer: accountingAnswer }),
  'shell': read({ summary: 'What the strip over every page shows', query: shellQuery, answer: shellAnswer }),
  'collections': read({ summary: 'Collections, by address', query: collectionsQuery, answer: collectionsAnswer }),
  'collections/head': read({ summary: 'One collection: its sizes, digests and round trip', query: collectionQuery, answer: collectionAnswer, finds: true }),
  'collections/health': read({ summary: 'The same page of collections, each with its health, counted anew from its rows', query: collectionsQuery, answer: collectionsHealthAnswer }),
  'collections/findings': read({ summary: 'One collection counted anew from its rows, and what Validate finds in it', query: collectionQuery, answer: collectionFindingsAnswer, finds: true }),
  'collections/pieces': read({ summary: 'The manifest of a collection, in order', query: collectionPiecesQuery, answer: collectionPiecesAnswer, finds: true }),
  'collections/piece': read({ summary: 'The exact text of one piece', query: collectionPieceQuery, answer: collectionPieceAnswer, finds: true }),
  'collections/rendered': read({ summary: 'A window of a collection as safe HTML, or as its text', query: collectionRenderedQuery, answer: collectionRenderedAnswer, finds: true }),
  'collections/checkpoints': read({ summary: 'Checkpoints, and what differs between two manifests', query: collectionCheckpointsQuery, answer: collectionCheckpointsAnswer, finds: true }),
  'collections/parked': read({ summary: 'Deleted pieces that stood in a collection', query: collectionParkedQuery, answer: collectionParkedAnswer }),
  'attempts': read({ summary: 'Attempts, newest first', query: attemptsQuery, answer: attemptsAnswer }),
  'attempts/summary': read({ summary: 'Attempts by route and outcome', query: attemptSummaryQuery, answer: attemptSummaryAnswer }),
  'attempts/history': read({ summary: 'Attempts over time', query: attemptHistoryQuery, answer: attemptHistoryAnswer }),
  'dead-letters': read({ summary: 'Open dead letters, newest first', query: deadLettersQuery, answer: deadLettersAnswer }),
  'dead-letters/letter': read({ summary: 'One dead letter: its payload, and what came before and after it', query: deadLetterQuery, answer: deadLetterAnswer, finds: true }),
  'dead-letters/replays': read({ summary: 'Replays in the background', query: replaysQuery, answer: replaysAnswer }),
  'worker': read({ summary: 'Workers with their buckets and health, the schedule, and the processes that run passes', query: workerQuery, answer: workerAnswer }),
  'worker/passes': read({ summary: 'Passes that saw an event, newest first', query: workerPassesQuery, answer: workerPassesAnswer }),
  'gates': read({ summary: 'The disable ladder, every gate and every route', query: gatesQuery, answer: gatesAnswer }),
  'routing': read({ summary: 'What the decision on an event depends on: types with their schemas, routes and gates', query: routingQuery, answer: routingAnswer }),
  'proof': read({ summary: 'The checks W1 to W9, the last probe, and what is left of it', query: proofQuery, answer: proofAnswer }),
  'conformance': read({ summary: 'The live catalogue held against what was deployed: counts by class, a digest, and each object that has drifted', query: conformanceQuery, answer: conformanceAnswer }),
  'layers': read({ summary: 'Each layer that shows or copies this schema, whether it is in step, and the consoles and folders behind that', query: layersQuery, answer: layersAnswer }),
  'backups': read({ summary: 'The newest backups that were tried, and the newest that can be restored', query: backupsQuery, answer: backupsAnswer }),
  'commands': read({ summary: 'Every command, with what became of its runs', query: commandsQuery, answer: commandsAnswer }),
  'commands/contract': read({ summary: 'What one command takes and asks for', query: commandContractQuery, answer: commandContractAnswer, finds: true }),
  'ledger': read({ summary: 'Runs of commands, newest first', query: ledgerQuery, answer: ledgerAnswer }),
  'ledger/run': read({ summary: 'One run with its receipt', query: runQuery, answer: runAnswer, finds: true }),
  'session': read({ summary: 'Who is signed in, and which commands may be applied now', query: sessionQuery, answer: sessionAnswer }),
  'accounts': read({ summary: 'Accounts and tokens: all of them for an admin, one\'s own for the others', query: accountsQuery, answer: accountsAnswer }),
} satisfies Record<string, ReadRoute>
