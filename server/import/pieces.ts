import { isBlankByte, lineEndAt, lineStartAt } from './lines.ts'
import { titleOf } from './title.ts'

/** What a piece is; a link or footnote definition is a `definition`, a file of nothing but whitespace is `text`. */
export const PIECE_KINDS = [
  'heading', 'paragraph', 'list', 'code', 'quote', 'table', 'html', 'front_matter', 'thematic_break', 'definition', 'text',
] as const
export type PieceKind = (typeof PIECE_KINDS)[number]

/** One piece of a cut; `start` and `length` are in bytes of the source, `level` is 1–6 for a heading and 0 otherwise. */
export interface Piece { kind: PieceKind, start: number, length: number, title: string, level: number }

/** Where a block begins, as a cutter reports it: any byte of its first line. */
export interface Block { kind: PieceKind, start: number, level: number }

/**
 * Turns block starts (bytes, ascending) into pieces that between them account for every byte of `content`.
 *
 * Only the starts matter: a piece runs from the start of its line to the end of the last line before the next piece
 * that is not blank. So the bytes between two pieces are always one line end and blank lines, whatever a cutter says.
 */
export function toPieces(content: Buffer, blocks: Block[]): Piece[] {
  if (content.length === 0) return []
  const starts = firstOfEachLine(content, blocks)
  if (starts.length === 0) return [{ kind: 'text', start: 0, length: content.length, title: '', level: 0 }]
  return starts.map(({ kind, start, level }, i) => {
    const end = bodyEnd(content, start, starts[i + 1]?.start ?? content.length)
    return { kind, start, length: end - start, title: titleOf(kind, content.subarray(start, end)), level }
  })
}

/** Moves each block to the start of its line and drops a block that begins on a line already taken. */
function firstOfEachLine(content: Buffer, blocks: Block[]): Block[] {
  const kept: Block[] = []
  let floor = 0
  for (const block of blocks) {
    const start = kept.length === 0 ? 0 : lineStartAt(content, block.start, floor)
    if (kept.length > 0 && start <= floor) continue
    kept.push({ ...block, start })
    // The next block must start beyond this one's first byte; searching no further back keeps the whole linear.
    floor = Math.max(start, block.start)
  }
  return kept
}

/** End (exclusive) of the last line in [start, limit) that is not blank, without its line end. */
function bodyEnd(content: Buffer, start: number, limit: number): number {
  let last = limit - 1
  while (last > start && isBlankByte(content[last]!)) last--
  return lineEndAt(content, last, limit)
}
