import { createHash } from 'node:crypto'
import type { Client } from 'pg'
import type { Friction, Receipt } from '../../shared/commands/receipt.ts'
import { RefusedCommand, runOrThrow } from '../commands/carry.ts'
import { cutColumns } from '../commands/wire.ts'
import { findUnchanged } from '../db/functions/import.ts'
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
 * Imports the sources, each that is not there yet as it is in a transaction of its own. A file that is refused does
 * not stop the others; a closed gate or a lost database does.
 * @returns what became of each file, in the order given.
 */
export async function importSources(sources: Source[], options: ImportOptions): Promise<(ImportedFile | RefusedFile)[]> {
  const results: (ImportedFile | RefusedFile)[] = []
  const unchanged = await listUnchanged(sources, options)
  let next = 0
  const lane = async (client: Client) => {
    while (next < sources.length) {
      const index = next++
      const result = unchanged.get(sources[index]!) ?? await importOne(client, sources[index]!, options)
      results[index] = result
      options.onFile?.(result)
    }
  }
  const lanes = await Promise.allSettled(options.clients.map(lane))
  const broken = lanes.find(outcome => outcome.status === 'rejected')
  if (broken) throw broken.reason
  return results
}

const sourcePathOf = ({ relativePath }: Source, { prefix }: ImportOptions): string => prefix ? `${prefix}/${relativePath}` : relativePath

/** How many files are read at a time for their digests. */
const READERS = 8

/** The sources that the database holds as they are, by one question for all: a command for each is what takes the time. */
async function listUnchanged(sources: Source[], options: ImportOptions): Promise<Map<Source, ImportedFile>> {
  const digests = new Map<string, { source: Source, digest: string }>()
  const left = sources.values()
  const reader = async () => {
    for (const source of left) {
      // What is wrong with a file is told when it is its turn.
      const content = await readSource(source.file, options.maxBytes, source.root).catch((error: unknown) => { if (!(error instanceof SourceError)) throw error })
      if (content) digests.set(sourcePathOf(source, options), { source, digest: createHash('sha256').update(content).digest('hex') })
    }
  }
  await Promise.all(Array.from({ length: READERS }, reader))
  const asked = [...digests].map(([sourcePath, { digest }]) => ({ sourcePath, digest }))
  const found = asked.length ? await findUnchanged(options.clients[0]!, asked, options.token) : []
  return new Map(found.map(({ sourcePath, address, pieces, byteLength }) => {
    const { source, digest } = digests.get(sourcePath)!
    return [source, { file: source.file, sourcePath, outcome: 'unchanged', address, pieces, piecesCreated: 0, versionsCreated: 0, piecesRemoved: 0, piecesMoved: 0, byteLength, contentDigest: digest, notes: [] }]
  }))
}

/** The bytes of a file that is text. @throws {SourceError} with the offset of the first byte that is not. */
async function readText({ file, root }: Source, maxBytes: number): Promise<Buffer> {
  const content = await readSource(file, maxBytes, root)
  const problem = findTextProblem(content)
  if (problem) throw new SourceError(file, problem.code, `${problem.code === 'has_nul' ? 'a NUL' : 'not UTF-8'} at byte ${problem.offset}`, problem.offset)
  return content
}

async function importOne(client: Client, source: Source, options: ImportOptions): Promise<ImportedFile | RefusedFile> {
  const { maxBytes, token, isPlan, over = [] } = options
  const { file } = source
  const sourcePath = sourcePathOf(source, options)
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
