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

const LABEL = /\[((?:[^[\]\\]|\\.){1,999})\]/gs
const DEFINED = /^ {0,3}\[((?:[^[\]\\]|\\.){1,999})\]:/gms
const normal = (label: string): string => label.trim().replace(/\s+/g, ' ').toLowerCase()

/** What a text refers to, or may: everything in brackets. */
export function labelsIn(text: string): Set<string> {
  return new Set([...text.matchAll(LABEL)].map(([, label]) => normal(label!)))
}

/** Link definitions by what they define; the first of each counts. */
export function definitionsIn(texts: string[]): Map<string, string> {
  const found = new Map<string, string>()
  for (const text of texts) for (const [, label] of text.matchAll(DEFINED)) if (!found.has(normal(label!))) found.set(normal(label!), text)
  return found
}

/** The link definitions that a text refers to go behind it, so that its references resolve. */
export function withDefinitions(text: string, definitions: Map<string, string>): string {
  if (!definitions.size || !text.includes('[')) return text
  const needed = new Set([...labelsIn(text)].map(label => definitions.get(label)).filter(definition => definition !== undefined))
  return [text, ...needed].join('\n\n')
}

/**
 * What formatting a text costs, in what a plain character does. Some Markdown costs the square of the signs in it; counted, not
 * timed, so that a page shows the same on a busy machine.
 */
export function costOf(text: string): number {
  return text.length + ((text.match(/[|*_~[\]`<>]/g)?.length ?? 0) ** 2) / 150
}

/** Text that no author writes, and whose formatting would take seconds or overflow the stack. */
export function isHeavy(text: string): boolean {
  if (text.split(']').length > MAX_CLOSING_BRACKETS) return true
  return text.split(/[\r\n]/).some((line) => {
    const markers = /^[\s>*+\-\d.)]*/.exec(line)![0].match(/[>*+\-.)]/g)
    return (markers?.length ?? 0) > MAX_NESTING && !/^\s*([-*_])\s*(?:\1\s*)*$/.test(line)
  })
}
