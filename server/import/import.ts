import type { Client } from 'pg'
import type { Friction, Receipt } from '../../shared/commands/receipt.ts'
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

/** `notes`: what a reader of the plan, or of the receipt, should know. */
export type ImportedFile = Imported & { file: string, sourcePath: string, notes: string[] }
/** A file that was not imported, and why. Nothing of it was written. `friction`: what somebody has to want before it is. */
export interface RefusedFile { file: string, code: string, message: string, offset?: number, friction?: Friction[] }

export interface ImportOptions {
  /** put before each relative path: together they identify the source */
  prefix: string
  maxBytes: number
  /** of the account that imports; without one the login does */
  token?: string
  /** only say what would be done */
  isPlan?: boolean
  /** what an import may go over: it is planned then, and the plan applied */
  over?: Friction[]
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
async function readText({ file, root }: Source, maxBytes: number): Promise<Buffer> {
  const content = await readSource(file, maxBytes, root)
  const problem = findTextProblem(content)
  if (problem) throw new SourceError(file, problem.code, `${problem.code === 'has_nul' ? 'a NUL' : 'not UTF-8'} at byte ${problem.offset}`, problem.offset)
  return content
}

async function importOne(client: Client, source: Source, { prefix, maxBytes, token, isPlan, over = [] }: ImportOptions): Promise<ImportedFile | RefusedFile> {
  const { file, relativePath } = source
  const sourcePath = prefix ? `${prefix}/${relativePath}` : relativePath
  try {
    const content = await readText(source, maxBytes)
    const { pieces } = await cut(content)
    const call = { command: 'dot_iu_import_text', token, params: { source_path: sourcePath, text: content.toString(), cut: cutColumns(pieces) } }
    const { result, notes = [] } = await (isPlan ? runOrThrow(client, { ...call, mode: 'plan' }) : applyOver(client, call, over))
    return { file, sourcePath, ...importedOf(result!), notes }
  }
  catch (error) {
    if (error instanceof SourceError) return { file, code: error.code, message: error.message, ...(error.offset === null ? {} : { offset: error.offset }) }
    // A closed gate refuses every file alike, and a fault inside is none of the file's: say it once.
    if (!(error instanceof RefusedCommand) || ['gate_closed', 'internal'].includes(error.receipt.code!)) throw error
    const { code, detail, friction } = error.receipt
    return { file, code: code!, message: friction ? detail!.replace(/^\w+: /, '') : error.message, ...(friction && { friction }) }
  }
}

/** Applies at once; where that asks for a plan, and all that it asks for is gone `over`, from a plan. */
async function applyOver(client: Client, call: Omit<Parameters<typeof runOrThrow>[1], 'mode'>, over: Friction[]): Promise<Receipt> {
  try {
    return await runOrThrow(client, { ...call, mode: 'apply' })
  }
  catch (error) {
    const friction = error instanceof RefusedCommand ? error.receipt.friction : undefined
    if (!friction?.every(because => over.includes(because))) throw error
    const { plan_digest: planDigest } = await runOrThrow(client, { ...call, mode: 'plan' })
    return runOrThrow(client, { ...call, mode: 'apply', planDigest, reason: `imported over ${friction.join(' and ')}` })
  }
}

/** The receipt's result, in the words of this side. */
const importedOf = (result: Record<string, unknown>): Imported => {
  const { outcome, collection, pieces, pieces_created: piecesCreated, versions_created: versionsCreated, pieces_removed: piecesRemoved, pieces_moved: piecesMoved, bytes, sha256 } = result
  return { outcome, address: collection, pieces, piecesCreated, versionsCreated, piecesRemoved, piecesMoved, byteLength: bytes, contentDigest: sha256 } as Imported
}
