import { isParseable } from './limits.ts'
import { markdownBlocks } from './markdown.ts'
import { type Block, type Piece, toPieces } from './pieces.ts'
import { plainBlocks } from './plain.ts'

/** The blocks of a text; null for one that the parser fails on (nesting beyond its stack, say), as for one beyond the limits. */
export function parseBlocks(content: Buffer): Block[] | null {
  try {
    return markdownBlocks(content)
  }
  catch {
    return null
  }
}

/** The same cut as `cut` makes, in this thread: for texts of a size that nobody has to wait for. */
export function cutInPlace(content: Buffer): Piece[] {
  return toPieces(content, (isParseable(content) ? parseBlocks(content) : null) ?? plainBlocks(content))
}
