import type { RE2JS } from 're2js'

/**
 * A `pattern` is a regular expression of PostgreSQL's, which is not JavaScript's. Here are read those parts
 * that mean the same in both, once written a little otherwise; of any other only the database can tell.
 * Where they differ: a dot and a negated set never match a line feed there; classes such as \d follow the
 * database's locale beyond ASCII.
 *
 * A pattern is somebody's, and this runs where everybody waits: in the server that draws a page, and in the page. An engine that
 * goes back and tries again may need longer than there is time, so none of JavaScript's is used; this one goes through the text once.
 */
const CLASSES: Record<string, string> = { d: '0-9', w: 'A-Za-z0-9_', s: ' \\t\\n\\v\\f\\r' }
const CONTROLS = new Set(['n', 't', 'r', 'f', 'v'])
const PUNCTUATION = /^[!-/:-@[-`{-~]$/

interface Translated { source: string, isAscii: boolean }

/** An escape, outside a set or in one; undefined for one that is not shared. */
function escaped(character: string | undefined, inSet: boolean): Translated | undefined {
  if (character === undefined) return undefined
  if (Object.hasOwn(CLASSES, character)) return { source: inSet ? CLASSES[character]! : `[${CLASSES[character]!}]`, isAscii: true }
  if (CONTROLS.has(character)) return { source: `\\${character}`, isAscii: false }
  return PUNCTUATION.test(character) ? { source: literal(character), isAscii: false } : undefined
}

const literal = (character: string) => /^[\^$\\.*+?()[\]{}|/-]$/.test(character) ? `\\${character === '-' ? 'x2d' : character}` : character

/** A set from behind its bracket: what it is here, and where it ends. */
function set(characters: string[], from: number): Translated & { end: number } | undefined {
  const isNegated = characters[from] === '^'
  let source = isNegated ? '\\n' : ''
  let isAscii = false
  let at = isNegated ? from + 1 : from
  // A bracket that stands first, and classes such as [:alpha:], are PostgreSQL's own.
  if (characters[at] === ']') return undefined
  for (; at < characters.length && characters[at] !== ']'; at++) {
    const character = characters[at]!
    if (character === '[') return undefined
    if (character === '\\') {
      const found = escaped(characters[++at], true)
      if (!found) return undefined
      source += found.source
      isAscii ||= found.isAscii
    }
    else {
      const isRange = character === '-' && source !== '' && source !== '\\n' && characters[at + 1] !== ']'
      source += isRange ? '-' : literal(character)
    }
  }
  return at < characters.length && source !== '' ? { source: `[${isNegated ? '^' : ''}${source}]`, isAscii, end: at } : undefined
}

function translate(pattern: string): Translated | undefined {
  const characters = Array.from(pattern)
  let source = ''
  let isAscii = false
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!
    if (character === '\\' || character === '[') {
      const found = character === '[' ? set(characters, at + 1) : escaped(characters[at + 1], false)
      if (!found) return undefined
      source += found.source
      isAscii ||= found.isAscii
      at = 'end' in found ? found.end as number : at + 1
    }
    else if (character === '.') source += '[^\\n]'
    else if (character === '(') {
      // Of what may follow a bracket and a question mark only the group without a number is shared.
      const next = characters.slice(at + 1, at + 3).join('')
      if (next.startsWith('?') && next !== '?:') return undefined
      source += next === '?:' ? '(?:' : '('
      at += next === '?:' ? 2 : 0
    }
    else if (character === '{') {
      const bounds = /^\{\d{1,3}(?:,\d{0,3})?\}/.exec(characters.slice(at, at + 9).join(''))?.[0]
      if (!bounds) return undefined
      source += bounds
      at += bounds.length - 1
    }
    else if (character === ']' || character === '}') source += `\\${character}`
    else source += character === '/' ? '\\/' : character
  }
  return { source, isAscii }
}

/** What is longer is not looked at: the database takes no such pattern, and nobody writes such a text to try one. */
const MOST = { pattern: 1000, text: 10_000, known: 200 }
const translated = new Map<string, { expression: RE2JS, isAscii: boolean } | undefined>()

let engine: typeof RE2JS | undefined

/** Fetches the engine, which is as large as a page's own scripts: a page asks for it when somebody wants an answer. Until then none is told. */
export async function loadPatterns(): Promise<void> {
  engine ??= (await import('re2js')).RE2JS
}

function read(pattern: string, by: typeof RE2JS) {
  if (pattern.startsWith('***') || pattern.length > MOST.pattern) return undefined
  const found = translate(pattern)
  if (!found) return undefined
  try {
    return { expression: by.compile(found.source), isAscii: found.isAscii }
  }
  catch {
    // Not an expression here, or too large a one, whatever it is there.
    return undefined
  }
}

/** Whether the database would find the text like the pattern; undefined where only the database can tell, or the engine is not loaded. */
export function isLike(text: string, pattern: string): boolean | undefined {
  if (!engine) return undefined
  if (!translated.has(pattern)) {
    if (translated.size >= MOST.known) translated.clear()
    translated.set(pattern, read(pattern, engine))
  }
  const known = translated.get(pattern)
  if (!known || text.length > MOST.text) return undefined
  // eslint-disable-next-line no-control-regex
  if (known.isAscii && /[^\u0000-\u007f]/.test(text)) return undefined
  return known.expression.matcher(text).find()
}
