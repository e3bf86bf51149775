import { diffArrays, diffWordsWithSpace } from 'diff'

/** A piece of a line; what the other side has otherwise is marked. */
export interface Part { text: string, isMarked: boolean }
export interface Side { sign: '−' | '+' | ' ', parts: Part[] }
/** Two lines that stand beside each other; a side is absent where it has no such line. `alike`: so many equal lines are left out. */
export interface DiffRow { left?: Side, right?: Side, alike?: number }

/** More of a line, and more lines, are not compared within, and more differences are not looked for: it costs the square, while everybody waits. */
const MOST = { line: 1000, lines: 300, edits: 1000 }
/** Equal lines that stay around one that differs. */
const AROUND = 3

const whole = (sign: Side['sign'], text: string): Side => ({ sign, parts: [{ text, isMarked: false }] })

/** A line that became another: what differs within it is marked on both sides. */
function changed(before: string, after: string, isCompared: boolean): DiffRow {
  if (!isCompared || Math.max(before.length, after.length) > MOST.line) return { left: whole('−', before), right: whole('+', after) }
  const words = diffWordsWithSpace(before, after)
  const side = (sign: Side['sign'], isHere: (part: { added: boolean, removed: boolean }) => boolean): Side =>
    ({ sign, parts: words.filter(isHere).map(({ value, added, removed }) => ({ text: value, isMarked: added || removed })) })
  return { left: side('−', part => !part.added), right: side('+', part => !part.removed) }
}

/** Equal lines, but for those that are far from one that differs; all of them where none does. */
function folded(lines: string[], isFirst: boolean, isLast: boolean): DiffRow[] {
  const same = (line: string): DiffRow => ({ left: whole(' ', line), right: whole(' ', line) })
  const [head, tail] = [isFirst ? 0 : AROUND, isLast ? 0 : AROUND]
  const alike = lines.length - head - tail
  if (alike <= 1 || (isFirst && isLast)) return lines.map(same)
  return [...lines.slice(0, head).map(same), { alike }, ...lines.slice(lines.length - tail).map(same)]
}

/** Two definitions, line beside line. One that is empty has no lines. */
export function definitionDiff(expected: string, live: string): DiffRow[] {
  const lines = (text: string) => text === '' ? [] : text.split('\n')
  const rows: DiffRow[] = []
  let compared = 0
  const [before, after] = [lines(expected), lines(live)]
  const changes = diffArrays(before, after, { maxEditLength: MOST.edits })
    // Nothing alike that would be worth the search: one is gone, and the other is there.
    ?? [{ value: before, added: false, removed: true, count: before.length }, { value: after, added: true, removed: false, count: after.length }]
  for (let at = 0; at < changes.length; at++) {
    const { added, removed, value } = changes[at]!
    if (!added && !removed) {
      rows.push(...folded(value, at === 0, at === changes.length - 1))
      continue
    }
    // What is removed and what is added in its place follow each other, and are one step.
    const next = changes[at + 1]
    const isReplaced = removed && next?.added
    const [old, now] = removed ? [value, isReplaced ? next.value : []] : [[], value]
    if (isReplaced) at++
    for (let line = 0; line < Math.max(old.length, now.length); line++) {
      const [left, right] = [old[line], now[line]]
      if (left !== undefined && right !== undefined) rows.push(changed(left, right, compared++ < MOST.lines))
      else rows.push({ ...(left !== undefined && { left: whole('−', left) }), ...(right !== undefined && { right: whole('+', right) }) })
    }
  }
  return rows
}
