import type { Client } from 'pg'
import { RefusedCommand, runOrThrow } from '../commands/carry.ts'
import { cutColumns } from '../commands/wire.ts'
import { cut } from './cut.ts'
import { findTextProblem, readSource, SourceError, type Source } from './source.ts'

/** What an import did to one source. Counts are of pieces; byteLength in bytes; digest is SHA-256 in hex. */
export interface Imported {
  outcome: 'created' | 'updated' | 'unchanged'
  address: string
  pieces: number
  piecesCreated: number
  versionsCreated: number
  piecesRemoved: number
  piecesMoved: number
  byteLength: number
  contentDigest: string
}

export type ImportedFile = Imported & { file: string, sourcePath: string }
/** A file that was not imported, and why. Nothing of it was written. */
export interface RefusedFile { file: string, code: string, message: string, offset?: number }

export interface ImportOptions {
  /** put before each relative path: together they identify the source */
  prefix: string
  maxBytes: number
  /** of the account that imports; without one the login does */
  token?: string
  /** connections to import over; each takes the next file */
  clients: Client[]
  onFile?: (result: ImportedFile | RefusedFile) => void
}

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

async function importOne(client: Client, { file, relativePath }: Source, { prefix, maxBytes, token }: ImportOptions): Promise<ImportedFile | RefusedFile> {
  const sourcePath = prefix ? `${prefix}/${relativePath}` : relativePath
  try {
    const content = await readText(file, maxBytes)
    const { pieces } = await cut(content)
    const { result } = await runOrThrow(client, {
      command: 'dot_iu_import_text', mode: 'apply', token,
      params: { source_path: sourcePath, text: content.toString(), cut: cutColumns(pieces) },
    })
    return { file, sourcePath, ...importedOf(result!) }
  }
  catch (error) {
    if (error instanceof SourceError) return { file, code: error.code, message: error.message, ...(error.offset === null ? {} : { offset: error.offset }) }
    // A closed gate refuses every file alike, and a fault inside is none of the file's: say it once.
    if (!(error instanceof RefusedCommand) || ['gate_closed', 'internal'].includes(error.receipt.code!)) throw error
    return { file, code: error.receipt.code!, message: error.message }
  }
}

/** The receipt's result, in the words of this side. */
const importedOf = (result: Record<string, unknown>): Imported => {
  const { outcome, collection, pieces, pieces_created: piecesCreated, versions_created: versionsCreated, pieces_removed: piecesRemoved, pieces_moved: piecesMoved, bytes, sha256 } = result
  return { outcome, address: collection, pieces, piecesCreated, versionsCreated, piecesRemoved, piecesMoved, byteLength: bytes, contentDigest: sha256 } as Imported
}
