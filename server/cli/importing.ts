import { availableParallelism } from 'node:os'
import type pg from 'pg'
import { closeCutters } from '../import/cut.ts'
import { importSources, type ImportedFile, type ImportOptions, type RefusedFile } from '../import/import.ts'
import type { Source } from '../import/source.ts'
import { connect, TOKEN } from './database.ts'
import { progressBar } from './progress.ts'

/** Largest file that is imported unless another limit is given, in bytes. */
export const DEFAULT_MAX_BYTES = 64 * 1024 * 1024

export const isImported = (result: ImportedFile | RefusedFile): result is ImportedFile => 'outcome' in result

export const isRefused = (result: ImportedFile | RefusedFile): result is RefusedFile => !isImported(result)

/** How many of the files came out as `outcome`. */
export const countOf = (results: (ImportedFile | RefusedFile)[], outcome: ImportedFile['outcome']): number =>
  results.filter(result => isImported(result) && result.outcome === outcome).length

/** Imports sources into the database at `url`, a connection for each processor, under a progress bar. */
export async function importAll(url: string, sources: Source[], options: Pick<ImportOptions, 'prefix' | 'isPlan' | 'over'> & { maxBytes?: number }): Promise<(ImportedFile | RefusedFile)[]> {
  const clients: pg.Client[] = []
  const bar = progressBar('importing', sources.length)
  try {
    const lanes = Math.max(1, Math.min(sources.length, availableParallelism()))
    while (clients.length < lanes) clients.push(await connect(url, 'iu import'))
    return await importSources(sources, { maxBytes: DEFAULT_MAX_BYTES, ...options, clients, token: TOKEN, onFile: result => bar.step(result.file) })
  }
  finally {
    bar.end()
    await Promise.all([closeCutters(), ...clients.map(client => client.end())])
  }
}
