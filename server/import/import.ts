import type { Client } from 'pg'
import { importFile, type Imported } from '../db/functions/import-file.ts'
import { problemOf } from '../../shared/problem.ts'
import { cut } from './cut.ts'
import { findTextProblem, readSource, SourceError, type Source } from './source.ts'

export type ImportedFile = Imported & { file: string, sourcePath: string }
/** A file that was not imported, and why. Nothing of it was written. */
export interface RefusedFile { file: string, code: string, message: string, offset?: number }

export interface ImportOptions {
  /** put before each relative path: together they identify the source */
  prefix: string
  maxBytes: number
  /** connections to import over; each takes the next file */
  clients: Client[]
  onFile?: (result: ImportedFile | RefusedFile) => void
}

const ATTEMPTS = 5

/**
 * Imports the sources, each in a transaction of its own. A file that is refused does not stop the others;
 * a closed gate or a lost database does.
 * @returns what became of each file, in the order given.
 */
export async function importSources(sources: Source[], options: ImportOptions): Promise<(ImportedFile | RefusedFile)[]> {
  const results: (ImportedFile | RefusedFile)[] = []
  let next = 0
  const lane = async (client: Client) => {
    while (next < sources.length) {
      const index = next++
      const result = await importOne(client, sources[index]!, options)
      results[index] = result
      options.onFile?.(result)
    }
  }
  const lanes = await Promise.allSettled(options.clients.map(lane))
  const broken = lanes.find(outcome => outcome.status === 'rejected')
  if (broken) throw broken.reason
  return results
}

/** The bytes of a file that is text. @throws {SourceError} with the offset of the first byte that is not. */
async function readText(file: string, maxBytes: number): Promise<Buffer> {
  const content = await readSource(file, maxBytes)
  const problem = findTextProblem(content)
  if (problem) throw new SourceError(file, problem.code, `${problem.code === 'has_nul' ? 'a NUL' : 'not UTF-8'} at byte ${problem.offset}`, problem.offset)
  return content
}

async function importOne(client: Client, { file, relativePath }: Source, { prefix, maxBytes }: ImportOptions): Promise<ImportedFile | RefusedFile> {
  const sourcePath = prefix ? `${prefix}/${relativePath}` : relativePath
  try {
    const content = await readText(file, maxBytes)
    const pieces = await cut(content)
    for (let attempt = 1; ; attempt++) {
      try {
        return { file, sourcePath, ...await importFile(client, sourcePath, content, pieces) }
      }
      catch (error) {
        if (attempt === ATTEMPTS || !['40001', '40P01'].includes((error as { code: string }).code)) throw error
      }
    }
  }
  catch (error) {
    if (error instanceof SourceError) return { file, code: error.code, message: error.message, ...(error.offset === null ? {} : { offset: error.offset }) }
    const problem = problemOf((error as { code?: string }).code)
    // A closed gate refuses every file alike: say it once.
    if (!problem || problem.code === 'gate_closed') throw error
    return { file, code: problem.code, message: (error as Error).message }
  }
}
