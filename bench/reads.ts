import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import type { Snapshot } from '../server/db/client.ts'
import { readAttemptHistory, readAttempts, readAttemptSummary } from '../server/db/queries/attempts.ts'
import { readCheckpoints, readParked } from '../server/db/queries/checkpoints.ts'
import { readCollection, readCollections } from '../server/db/queries/collections.ts'
import { readDeadLetter, readDeadLetters } from '../server/db/queries/dead-letters.ts'
import { readAccounting, readOverview, readShell } from '../server/db/queries/health.ts'
import { readAccounts, readCommandContract, readCommands, readGates, readLedger, readRun, readSession } from '../server/db/queries/operations.ts'
import { readPiece, readPieces, readPieceTexts } from '../server/db/queries/pieces.ts'
import { readProof, readRouting } from '../server/db/queries/proof.ts'
import type { ReadModelName } from '../shared/read-models/registry.ts'

/** What is asked for where a read asks for one thing. */
export interface Known { collection: string, unit: number, deadLetter: number, run: number }

const who = { accountId: 1, actor: 'reader', kind: 'account', right: 'admin', displayName: 'Reader', expiresAt: new Date(), scopes: ['*'] } as unknown as Parameters<typeof readSession>[1]

/** Every read of the console, as a page makes it; the lists also filtered, and turned to a far page. */
const READS = (known: Known): Record<ReadModelName, ((db: Snapshot) => Promise<unknown>)[]> => ({
  'overview': [readOverview],
  'accounting': [readAccounting],
  'shell': [readShell],
  'collections': [db => readCollections(db, {}), db => readCollections(db, { q: 'section 7' })],
  'collections/head': [db => readCollection(db, known.collection)],
  'collections/pieces': [db => readPieces(db, { address: known.collection })],
  'collections/piece': [db => readPiece(db, known.collection, known.unit)],
  'collections/rendered': [db => readPieceTexts(db, { address: known.collection })],
  'collections/checkpoints': [db => readCheckpoints(db, { address: known.collection })],
  'collections/parked': [db => readParked(db, known.collection)],
  'attempts': [
    db => readAttempts(db, {}), db => readAttempts(db, { after: '400000.1.1' }), db => readAttempts(db, { status: 'failed' }), db => readAttempts(db, { status: 'sent' }),
    db => readAttempts(db, { route: 'app.strict.log' }), db => readAttempts(db, { route: 'iu.created.log' }), db => readAttempts(db, { type: 'app.disabled' }),
    db => readAttempts(db, { type: 'iu.split' }), db => readAttempts(db, { type: 'app.strict', status: 'failed' }), db => readAttempts(db, { route: '(no route)' }),
  ],
  'attempts/summary': [readAttemptSummary],
  'attempts/history': [db => readAttemptHistory(db, { range: '24h' }), db => readAttemptHistory(db, { range: '7d' }), db => readAttemptHistory(db, { range: '30d' })],
  'dead-letters': [db => readDeadLetters(db, {}), db => readDeadLetters(db, { type: 'app.strict' }), db => readDeadLetters(db, { code: 'no_such_code' })],
  'dead-letters/payload': [db => readDeadLetter(db, known.deadLetter)],
  'routing': [readRouting],
  'proof': [readProof],
  'gates': [readGates],
  'commands': [readCommands],
  'commands/contract': [db => readCommandContract(db, 'dot_iu_run_worker')],
  'ledger': [db => readLedger(db, {}), db => readLedger(db, { status: 'refused' }), db => readLedger(db, { object: 'unit:nothing' })],
  'ledger/run': [db => readRun(db, known.run)],
  'session': [db => readSession(db, who)],
  'accounts': [db => readAccounts(db, who)],
})

/** One statement of a read: its text, and its milliseconds in each round. */
export interface Statement { model: string, text: string, ms: number[] }

const PREPARATIONS = 3

/** Milliseconds of every statement that the console's reads send, and of `select 1` between them; one after the other, in rounds. */
export async function measureReads(url: string, known: Known, rounds: number): Promise<{ statements: Statement[], one: number[] }> {
  const client = new pg.Client(url)
  await client.connect()
  const statements = new Map<string, Statement>()
  const one: number[] = []
  const timed = async <T>(work: () => Promise<T>): Promise<[T, number]> => {
    const started = performance.now()
    return [await work(), performance.now() - started]
  }
  let at = { model: '', round: -1, no: 0 }
  const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>
  // drizzle sends every statement through here.
  const watched = Object.assign(Object.create(client) as pg.Client, {
    query: async (...args: unknown[]) => {
      const text = typeof args[0] === 'string' ? args[0] : (args[0] as { text: string }).text
      const [answer, ms] = await timed(() => query(...args))
      if (at.round >= 0) {
        const key = `${at.model} ${at.no++}`
        const statement = statements.get(key) ?? { model: at.model, text, ms: [] }
        statement.ms.push(ms)
        statements.set(key, statement)
      }
      return answer
    },
  })
  try {
    for (let round = -PREPARATIONS; round < rounds; round++) {
      for (const [model, reads] of Object.entries(READS(known))) {
        at = { model, round, no: 0 }
        for (const read of reads) {
          await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
          await read(drizzle({ client: watched }))
          await client.query('COMMIT')
        }
        const [, ms] = await timed(() => query({ name: 'one', text: 'SELECT 1' }))
        if (round >= 0) one.push(ms)
      }
    }
  }
  finally {
    await client.end()
  }
  return { statements: [...statements.values()], one }
}
