import type GithubSlugger from 'github-slugger'
import { slug } from 'github-slugger'
import type { Element, Nodes, Properties } from 'hast'
import { clip } from '../../../shared/clip.ts'

/** What carries over from piece to piece of a window. */
export interface Scope {
  /** keeps ids of one piece apart from those of another */
  prefix: string
  /** the level of the heading before: the outline must not skip one */
  level: number
  /** gives no id twice, as GitHub does */
  slugger: GithubSlugger
}

/** Headings of the text stand below the page's own two. */
const TOP_LEVEL = 3

/** Tables that have their frame already. */
const framed = new WeakSet<Element>()

/** Turns what the formatter made into what may stand on our page: see each case. */
export function makeSafe(node: Nodes, scope: Scope): void {
  if (node.type === 'element') adapt(node, scope)
  if ('children' in node) for (const child of node.children) makeSafe(child, scope)
}

function adapt(node: Element, scope: Scope): void {
  if (/^h[1-6]$/.test(node.tagName)) heading(node, scope)
  else if (node.tagName === 'a') link(node)
  else if (node.tagName === 'input') checkbox(node)
  else if (node.tagName === 'table' && !framed.has(node)) scrollable(node)
  // Its lines are as long as they are: it scrolls, so it is reached by keyboard.
  else if (node.tagName === 'pre') node.properties.tabIndex = 0
  else if (node.tagName === 'th' && !textOf(node).trim()) node.tagName = 'td'
  if (typeof node.properties.id === 'string' && !node.properties.id.startsWith(scope.prefix) && !node.properties.id.startsWith('doc-')) {
    node.properties.id = scope.prefix + node.properties.id
  }
  if (node.properties.ariaDescribedBy) node.properties.ariaDescribedBy = [`${scope.prefix}footnote-label`]
}

/** Keeps the look of its own depth, and takes a level that fits the page's outline. */
function heading(node: Element, scope: Scope): void {
  const depth = Number(node.tagName.slice(1))
  scope.level = Math.min(TOP_LEVEL - 1 + depth, scope.level + 1, 6)
  const words = textOf(node)
  if (!words.trim()) {
    Object.assign(node, { tagName: 'p', properties: {} })
    return
  }
  node.tagName = `h${scope.level}`
  node.properties = { className: [`md-h${depth}`], id: `doc-${scope.slugger.slug(words.trim())}` }
}

/** http, https, mailto and places on the page are links; any other target is only text. */
function link(node: Element): void {
  const href = String(node.properties.href ?? '')
  const label = textOf(node).trim()
  if (!label) node.children.push({ type: 'text', value: href || 'link' })
  if (href.startsWith('#')) {
    const isOurs = node.properties.dataFootnoteRef !== undefined || node.properties.dataFootnoteBackref !== undefined
    if (!isOurs) node.properties.href = `#doc-${slug(decoded(href.slice(1)))}`
    return
  }
  const properties: Properties = { title: node.properties.title }
  if (/^https?:\/\//i.test(href) || /^mailto:/i.test(href)) {
    node.properties = { ...properties, href, target: '_blank', rel: ['noopener', 'noreferrer', 'nofollow'] }
  }
  else {
    node.tagName = 'span'
    node.properties = { className: ['md-dead-link'], title: `links to ${clip(href, 200)}` }
  }
}

/** A task's box is a mark, not a control. */
function checkbox(node: Element): void {
  const done = Boolean(node.properties.checked)
  Object.assign(node, { tagName: 'span', properties: { className: ['md-task'], role: 'img', ariaLabel: done ? 'done' : 'not done' } })
  node.children = [{ type: 'text', value: done ? '☑' : '☐' }]
}

/** A wide table scrolls in a frame of its own, which the keyboard reaches. */
function scrollable(node: Element): void {
  const table: Element = { ...node, children: [...node.children] }
  framed.add(table)
  Object.assign(node, { tagName: 'div', properties: { className: ['md-table'], tabIndex: 0, role: 'group', ariaLabel: 'Table' }, children: [table] })
}

function textOf(node: Nodes): string {
  if (node.type === 'text') return node.value
  return 'children' in node ? node.children.map(textOf).join('') : ''
}

/** A place as it was written: the formatter has percent signs for what is not ASCII. */
function decoded(place: string): string {
  try {
    return decodeURIComponent(place)
  }
  catch {
    // A percent sign that stands for itself.
    return place
  }
}
