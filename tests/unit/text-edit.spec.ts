import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { displayText } from '../../app/utils/format.ts'
import { editedText, textEditor } from '../../app/utils/text-edit.ts'

const PARTS = ['a', 'b', 'long word', '\r\n', '\r', '\n', '\r\n\r\n', '\uFEFF', '\u2028', '\u2029', 'e\u0301', 'é', '👩‍👧', '\t', ' ', '\u0085', '\u202E']
const text = fc.array(fc.constantFrom(...PARTS), { maxLength: 30 }).map(parts => parts.join(''))
const place = fc.double({ min: 0, max: 1, noNaN: true })
/** What is typed, pasted or nothing; a control shows LF only. */
const typed = text.map(displayText)

/** The text up to a place in what is shown of it. */
function upTo(text: string, shown: number): string {
  const ends = [...text.matchAll(/\r\n|[^]/g)].map(([part]) => part)
  return ends.slice(0, shown).join('')
}

describe('a text that is edited in a control which knows LF only', () => {
  test.each([
    ['a\r\nb\nc\r\n', 'Xa\nb\nc\n', 'Xa\r\nb\nc\r\n'],
    ['a\rb\rc', 'a\rbX\rc'.replaceAll('\r', '\n'), 'a\rbX\rc'],
    ['a\r\nb\r\n', 'a\nb', 'a\r\nb'],
    ['a\r\nb', 'a\nb\n', 'a\r\nb\r\n'],
    ['a\r\nb\nc\rd', 'aX\nb\nc\ndX', 'aX\r\nb\nc\rdX'],
    ['a\r\nb\r\nc', 'a\nnew\nb\nc', 'a\r\nnew\r\nb\r\nc'],
    ['a\r\n', '', ''],
    ['\uFEFFa\r\n\u2028e\u0301', '\uFEFFab\n\u2028e\u0301', '\uFEFFab\r\n\u2028e\u0301'],
  ])('%j shown as %j is %j', (before, shown, after) => {
    expect(editedText(before, shown)).toBe(after)
  })

  test('the cursor tells which of two line ends went', () => {
    expect(editedText('a\r\n\nb', 'a\nb', 1)).toBe('a\nb')
    expect(editedText('a\r\n\nb', 'a\nb', 2)).toBe('a\r\nb')
  })

  test('one edit, wherever it is, keeps every byte before and behind it, and is what is shown', () => {
    fc.assert(fc.property(text, place, place, typed, fc.boolean(), (before, a, b, insert, isTold) => {
      const old = displayText(before)
      const marks = [...old.matchAll(/[^]/g)].map((_, index) => index).concat(old.length)
      const [from, to] = [a, b].map(part => marks[Math.round(part * (marks.length - 1))]!).sort((x, y) => x - y) as [number, number]
      const shown = old.slice(0, from) + insert + old.slice(to)
      const after = editedText(before, shown, isTold ? from + insert.length : undefined)
      expect(displayText(after)).toBe(shown)
      if (!isTold) return
      expect(after.startsWith(upTo(before, from))).toBe(true)
      expect(after.endsWith(before.slice(upTo(before, to).length))).toBe(true)
    }), { numRuns: 5000 })
  })

  test('any text in its place is what is shown, and lines that stay keep their ends', () => {
    fc.assert(fc.property(text, typed, (before, shown) => {
      expect(displayText(editedText(before, shown))).toBe(shown)
    }), { numRuns: 3000 })
    const ends = fc.array(fc.constantFrom('\r\n', '\r', '\n'), { minLength: 1, maxLength: 20 })
    fc.assert(fc.property(ends, fc.infiniteStream(fc.boolean()), (ends, isChanged) => {
      const build = (mark: (line: string) => string) => ends.map((end, index) => mark(`line ${index}`) + end).join('')
      const marks = new Map(ends.map((_, index) => [`line ${index}`, isChanged.next().value as boolean]))
      const changed = build(line => marks.get(line) ? `${line} changed` : line)
      expect(editedText(build(line => line), displayText(changed))).toBe(changed)
    }), { numRuns: 1000 })
  })

  test('what is undone has the bytes that it had', () => {
    fc.assert(fc.property(text, fc.array(fc.tuple(place, typed), { maxLength: 6 }), (before, edits) => {
      const editor = textEditor(before)
      const states = [displayText(before)]
      for (const [at, insert] of edits) {
        const old = states.at(-1)!
        const from = Math.round(at * old.length)
        states.push(old.slice(0, from) + insert + old.slice(from + 1))
        editor.edit(states.at(-1)!, from + insert.length)
      }
      for (const state of states.reverse()) expect(displayText(editor.edit(state))).toBe(state)
      expect(editor.text).toBe(before)
    }), { numRuns: 1000 })
  })

  test('a long text whose every line is another is taken over all the same', () => {
    const lines = (word: string, end: string) => Array.from({ length: 20_000 }, (_, index) => `${word} ${index}`).join(end)
    expect(editedText(lines('old', '\r\n'), lines('new', '\n'))).toBe(lines('new', '\r\n'))
  })
})
