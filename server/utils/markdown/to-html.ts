import type { Element, ElementContent } from 'hast'
import type { Root } from 'mdast'
import { toHtml } from 'hast-util-to-html'
import { type Handlers, toHast } from 'mdast-util-to-hast'
import { visible } from '../../../shared/visible.ts'
import { type Scope, makeSafe } from './safe.ts'

const element = (tagName: string, className: string, children: ElementContent[]): Element =>
  ({ type: 'element', tagName, properties: { className: [className] }, children })
const text = (value: string): ElementContent => ({ type: 'text', value })

/** No image is loaded from a page: its place is marked, with what it would show. */
const placeholder = (node: { alt?: string | null }) => element('span', 'md-image', [text(node.alt || 'no description')])

const handlers: Handlers = {
  image: (_state, node) => placeholder(node),
  imageReference: (_state, node) => placeholder(node),
  // Tags between words go, the words stay; an HTML block shows as the text that it is.
  html: (_state, node, parent) => parent?.type === 'paragraph' || parent?.type === 'heading' || parent?.type === 'tableCell'
    ? undefined
    : plainBlock(node.value, 'md-html'),
}

export function plainBlock(value: string, className: string): Element {
  const block = element('pre', className, [element('code', 'md-plain', [text(value)])])
  block.properties.tabIndex = 0
  return block
}

/** Formatted, safe HTML of one piece. */
export function toSafeHtml(tree: Root, scope: Scope): string {
  const hast = toHast(tree, {
    handlers,
    clobberPrefix: scope.prefix,
    footnoteLabelTagName: 'p',
    footnoteLabelProperties: { className: ['md-footnotes'] },
  })
  makeSafe(hast, scope)
  return visible(toHtml(hast))
}
