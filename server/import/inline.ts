import type { Cut } from './cut.ts'
import { isParseable } from './limits.ts'
import { markdownBlocks } from './markdown.ts'
import { type Block, toPieces } from './pieces.ts'
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

/** Cuts a text in this thread, by the Markdown parser where that may be and can do it. */
export function cutHere(content: Buffer, mayParse: boolean): Cut {
  const blocks = mayParse && isParseable(content) ? parseBlocks(content) : null
  return blocks
    ? { how: 'markdown', pieces: toPieces(content, blocks) }
    : { how: 'plain', pieces: toPieces(content, plainBlocks(content)) }
}
