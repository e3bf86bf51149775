import { diffArrays } from 'diff'
import { displayText } from './format'

/** Changed lines up to which two texts are compared line by line; beyond that their ends are paired in order. */
const MOST_CHANGED = 1000
/** What is remembered for the browser's undo, in characters. */
const MOST_REMEMBERED = 4_000_000

/** Where a place in the shown text stands in the text itself, in which a line end may have two characters. */
function placeIn(text: string, shown: number): number {
  let place = 0
  for (let passed = 0; passed < shown; passed++) place += text.startsWith('\r\n', place) ? 2 : 1
  return place
}

/** Puts parts together. A CR before an LF would be read as one line end where the parts have two: the first becomes CR LF. */
function join(parts: string[]): string {
  const filled = parts.filter(part => part !== '')
  return filled.map((part, index) => part.endsWith('\r') && filled[index + 1]?.startsWith('\n') ? `${part}\n` : part).join('')
}

const LINE_END = /\r\n|\r|\n/
const endsOf = (text: string): string[] => text.match(/\r\n|\r|\n/g) ?? []

/** The ends of new lines: a line that was there keeps its own, one in its place takes it, and a further one that of the line it splits. */
function endsFor(before: string[], ends: string[], after: string[]): string[] {
  const changes = diffArrays(before, after, { maxEditLength: MOST_CHANGED }) ?? [{ value: before, removed: true, added: false }, { value: after, removed: false, added: true }]
  let at = 0
  let replaced = 0
  return changes.flatMap(({ value, added, removed }) => {
    const from = added ? at - replaced : at
    if (!added) at += value.length
    const last = added && replaced === 0 ? at : at - 1
    replaced = removed ? value.length : 0
    return removed ? [] : value.map((_, index) => ends[Math.min(from + index, last, ends.length - 1)]!)
  })
}

/**
 * What a text has become when a control shows it as `shown`. A control for text knows one line end only, so an edit is taken over as
 * a splice: what stands outside of it keeps every byte. `caret` is where the cursor stands after the edit; it tells which of two equal
 * line ends was meant.
 */
export function editedText(text: string, shown: string, caret?: number): string {
  if (!text.includes('\r')) return shown
  const before = displayText(text)
  if (before === shown) return text
  const least = Math.min(before.length, shown.length)
  const isKnown = caret !== undefined && shown.length - caret <= before.length && before.endsWith(shown.slice(caret))
  let tail = isKnown ? shown.length - caret : 0
  let head = 0
  while (head < least - tail && before[head] === shown[head]) head++
  while (!isKnown && tail < least - head && before.at(-1 - tail) === shown.at(-1 - tail)) tail++
  const [from, to] = [placeIn(text, head), placeIn(text, before.length - tail)]
  const lines = shown.slice(head, shown.length - tail).split('\n')
  if (lines.length === 1) return join([text.slice(0, from), lines[0]!, text.slice(to)])
  const old = text.slice(from, to)
  const own = LINE_END.exec(text.slice(to))?.[0] ?? endsOf(text.slice(0, to)).at(-1)!
  const ends = endsFor(old.split(LINE_END), [...endsOf(old), own], lines)
  return join([text.slice(0, from), ...lines.flatMap((line, index) => index < lines.length - 1 ? [line, ends[index]!] : [line]), text.slice(to)])
}

/** A text while it is edited. What was shown before is remembered, so that the browser's undo brings back its very bytes. */
export function textEditor(first: string) {
  let text = first
  let known = new Map([[displayText(first), first]])
  let size = first.length
  return {
    get text() { return text },
    /** Another text in its place: from a file, or from the server. */
    replace(by: string): void {
      text = by
      known = new Map([[displayText(by), by]])
      size = by.length
    },
    edit(shown: string, caret?: number): string {
      text = known.get(shown) ?? editedText(text, shown, caret)
      if (text === shown || known.has(shown)) return text
      known.set(shown, text)
      size += text.length
      for (const [old, { length }] of known) {
        if (size <= MOST_REMEMBERED || known.size === 1) break
        known.delete(old)
        size -= length
      }
      return text
    },
  }
}
