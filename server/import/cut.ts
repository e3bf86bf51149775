import { closeCutter, cutInThread } from './cutter.ts'
import type { Piece } from './pieces.ts'

export { PIECE_KINDS } from './pieces.ts'
export type { Piece, PieceKind } from './pieces.ts'

/** The pieces of a file, and `how` it was cut: by the Markdown parser, or plainly, line by line, where that is too much for it. */
export interface Cut { how: 'markdown' | 'plain', pieces: Piece[] }

/** Far more than a file within the limits takes; it is there for the file nobody thought of. */
const BUDGET_MS = 15_000

/**
 * Cuts a file of UTF-8 text into its top-level blocks, in order. Offsets and lengths are bytes.
 *
 * A piece's body is whole lines without the last line end. What lies between a piece and the next, or the end of the
 * file, is that line end and blank lines (spaces and tabs only). The first piece begins at 0; an empty file has none.
 *
 * The same bytes give the same pieces: counts decide which files the parser gets, and only a file that still costs it
 * `budgetMs` of processor time is cut plainly on that account. It is cut in a thread of its own, so that nobody who is
 * served by this one waits. Rejects only when that thread cannot start.
 */
export async function cut(content: Buffer, { budgetMs = BUDGET_MS }: { budgetMs?: number } = {}): Promise<Cut> {
  return await cutInThread(content, true, budgetMs) ?? (await cutInThread(content, false))!
}

/** Ends the thread that `cut` keeps between files. It does not keep the process alive, so calling this is a courtesy. */
export function closeCutters(): Promise<void> {
  return closeCutter()
}
