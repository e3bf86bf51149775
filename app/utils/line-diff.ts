import { displayText, plural } from './format'

export interface DiffLine {
  sign: '+' | '−' | ' ' | '…'
  text: string
}

const END_SIGNS: Record<string, string> = { '\r\n': '␍␊', '\r': '␍', '\n': '␊' }

/** Where two texts differ, line by line: what is alike before and after is left out but for a few lines. */
export function lineDiff(before: string, after: string, around = 2): DiffLine[] {
  // Line ends of one kind need no sign; of several, a line may differ in its end alone.
  const isSigned = new Set(`${before}\0${after}`.match(/\r\n|\r|\n/g)).size > 1
  const linesOf = (text: string) => isSigned ? text.replace(/\r\n|\r|\n/g, end => `${END_SIGNS[end]}\n`).split('\n') : displayText(text).split('\n')
  const [old, now] = [linesOf(before), linesOf(after)]
  let head = 0
  while (head < old.length && head < now.length && old[head] === now[head]) head++
  let tail = 0
  while (tail < old.length - head && tail < now.length - head && old.at(-1 - tail) === now.at(-1 - tail)) tail++
  const lines = (sign: DiffLine['sign'], texts: string[]) => texts.map(text => ({ sign, text }))
  const more = (count: number) => count > 0 ? [{ sign: '…' as const, text: plural(count, 'line') }] : []
  return [
    ...more(head - around), ...lines(' ', now.slice(Math.max(0, head - around), head)),
    ...lines('−', old.slice(head, old.length - tail)), ...lines('+', now.slice(head, now.length - tail)),
    ...lines(' ', now.slice(now.length - tail).slice(0, around)), ...more(tail - around),
  ]
}
