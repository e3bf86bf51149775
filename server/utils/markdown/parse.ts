import type { Root } from 'mdast'
import { fromMarkdown } from 'mdast-util-from-markdown'
import { gfmFromMarkdown } from 'mdast-util-gfm'
import { gfm } from 'micromark-extension-gfm'

const OPTIONS = { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] }

/**
 * Characters of a piece that are formatted. Some Markdown costs the square of its length; at this length
 * the worst that we know (rows of `|a`, `a**b`) takes a quarter of a second.
 */
export const FORMAT_LIMIT = 12_000
/** Each of these costs as much as all text before it. */
const MAX_CLOSING_BRACKETS = 1_500
/** Containers opened on one line, as in `> > >` or `1. 1. 1.`: each is a level of the parser's recursion. */
const MAX_NESTING = 40

/** GitHub's Markdown. */
export function parse(text: string): Root {
  return fromMarkdown(text, OPTIONS)
}

/** Link definitions of other pieces go behind the text, so that its references resolve. */
export function withDefinitions(text: string, definitions: string): string {
  return definitions && text.includes('[') ? `${text}\n\n${definitions}` : text
}

/** Text that no author writes, and whose formatting would take seconds or overflow the stack. */
export function isHeavy(text: string): boolean {
  if (text.split(']').length > MAX_CLOSING_BRACKETS) return true
  return text.split(/[\r\n]/).some((line) => {
    const markers = /^[\s>*+\-\d.)]*/.exec(line)![0].match(/[>*+\-.)]/g)
    return (markers?.length ?? 0) > MAX_NESTING && !/^\s*([-*_])\s*(?:\1\s*)*$/.test(line)
  })
}
