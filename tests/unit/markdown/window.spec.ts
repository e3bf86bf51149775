/** The rendered view of a window of pieces. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clip } from '../../../shared/clip.ts'
import { cutHere } from '../../../server/import/inline.ts'
import { renderWindow } from '../../../server/utils/markdown/window.ts'

/** The pieces of a document, as an import cuts it. */
function piecesOf(text: string) {
  const content = Buffer.from(text)
  const pieces = cutHere(content, true).pieces
  return pieces.map(({ kind, start, length }, i) => ({
    ordinal: i + 1, unitAddress: `d/${i}`, unitKind: kind, byteLength: length,
    body: content.toString('utf8', start, start + length), separator: content.toString('utf8', start + length, pieces[i + 1]?.start ?? content.length),
  }))
}
const definitionsOf = (pieces: ReturnType<typeof piecesOf>) => pieces.filter(({ unitKind }) => unitKind === 'definition').map(({ body }) => body)
const html = (text: string) => {
  const pieces = piecesOf(text)
  return renderWindow(pieces, false, definitionsOf(pieces)).map(row => row.html).join('\n')
}
const ids = (page: string) => [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id!)
const places = (page: string) => [...page.matchAll(/ href="#([^"]*)"/g)].map(([, place]) => place!.replaceAll('&#x26;', '&'))

describe('headings', () => {
  it.each([
    ['# Über uns', '#über-uns', 'doc-über-uns'],
    ['# Über uns', '#%C3%BCber-uns', 'doc-über-uns'],
    ['# Über uns', '#Über-Uns', 'doc-über-uns'],
    ['# 見出し 一', '#見出し-一', 'doc-見出し-一'],
    ['# Lời nói đầu', '#lời-nói-đầu', 'doc-lời-nói-đầu'],
    ['# כותרת', '#כותרת', 'doc-כותרת'],
    ['# C++ & C#', '#c--c', 'doc-c--c'],
    ['# 100% done', '#100%-done', 'doc-100-done'],
    ['# p1 notes', '#p1-notes', 'doc-p1-notes'],
    ['# 🚀 Start', '#-start', 'doc--start'],
    ['# `iu` — *it*', '#iu--it', 'doc-iu--it'],
  ])('%s is where %s leads', (heading, place, id) => {
    const page = html(`${heading}\n\n[there](${place})\n`)
    expect([ids(page), places(page)]).toEqual([[id], [id]])
  })

  it('never have an id twice, and have those that GitHub gives', () => {
    expect(ids(html('# Foo\n\n# Foo\n\n# Foo 1\n\n# foo\n\n# Foo-1\n'))).toEqual(['doc-foo', 'doc-foo-1', 'doc-foo-1-1', 'doc-foo-2', 'doc-foo-1-2'])
    fc.assert(fc.property(fc.array(fc.stringMatching(/^[Fo1 -]{1,6}$/)), (titles) => {
      const all = ids(html(titles.map(title => `# ${title}`).join('\n\n')))
      expect(new Set(all).size).toBe(all.length)
    }))
  })

  it('and footnotes do not take each other\'s place', () => {
    const page = html('# fn 1\n\nText[^1].\n\n[^1]: note\n')
    expect(new Set(ids(page)).size).toBe(ids(page).length)
    for (const place of places(page)) expect(ids(page)).toContain(place)
  })
})

describe('references', () => {
  const link = (page: string, to: string) => page.includes(`href="https://example.com/${to}"`)

  it('are resolved wherever in a document their definition stands, however many there are', () => {
    const releases = Array.from({ length: 2000 }, (_, i) => `1.0.${i}`)
    const pieces = piecesOf(`${releases.map(release => `## [${release}] - 2026-01-01\n\nSomething of [it][${release}].\n`).join('\n')}\n${releases.map(release => `[${release}]: https://example.com/${release}`).join('\n')}\n`)
    const window = pieces.slice(396, 446)
    const page = renderWindow(window, false, definitionsOf(pieces)).map(({ html }) => html).join('\n')
    expect([link(page, '1.0.200'), page.includes('[1.0.'), page.includes('][')]).toEqual([true, false, false])
  })

  it.each([
    ['in another case', 'See [Foo  Bar].', '[fOO bar]: https://example.com/x'],
    ['collapsed', 'See [foo][].', '[foo]: https://example.com/x "title"'],
    ['around an image', '[![badge][img]][foo]', '[foo]: https://example.com/x\n[img]: https://example.com/y'],
    ['with an escape', 'See [a\\]b].', '[a\\]b]: https://example.com/x'],
    ['not ASCII', 'See [Straße 一].', '[straße 一]: https://example.com/x'],
    ['the first of two', 'See [foo].', '[foo]: https://example.com/x\n[foo]: https://example.com/z'],
  ])('are resolved %s', (_, text, definitions) => {
    expect(link(html(`${text}\n\n${definitions}\n`), 'x')).toBe(true)
  })
})

describe('what a page holds of a text', () => {
  it('is cut between characters as a reader sees them', () => {
    for (const character of ['😀', '👩‍👩‍👧', 'é', '🇻🇳', 'ế', '각']) {
      for (let lead = 0; lead < 12; lead++) {
        const [row] = renderWindow([{ ...piecesOf('x')[0]!, body: 'x'.repeat(lead) + character.repeat(13_000) }], false, [])
        expect(row!.truncated).toBe(true)
        expect(row!.text!.length).toBeLessThanOrEqual(4_000)
        expect(row!.text!.slice(lead).replaceAll(character, '')).toBe('')
      }
    }
  })

  it('is the beginning of it, well-formed, and all of it where it fits', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), fc.nat(40), (text, most) => {
      const cut = clip(text, most)
      expect(text.startsWith(cut) && cut.length <= most && (cut.isWellFormed() || !text.isWellFormed())).toBe(true)
      if (text.length <= most) expect(cut).toBe(text)
    }))
    expect(clip(`e${'\u0301'.repeat(500)}`, 100)).toHaveLength(100)
  })

  it('is formatted within a budget that is counted: a window of hostile pieces shows some of them as text', () => {
    const pieces = Array.from({ length: 50 }, (_, i) => ({ ordinal: i + 1, unitAddress: `d/${i}`, unitKind: 'table', byteLength: 12_000, body: '|a'.repeat(6_000), separator: '' }))
    const rows = renderWindow(pieces, false, [])
    expect(rows.filter(({ plain }) => plain === null)).toHaveLength(1)
    const ordinary = piecesOf(Array.from({ length: 50 }, (_, i) => `Paragraph ${i} with *some* \`marks\` and [a link](https://example.com/). ${'Words and words. '.repeat(200)}`).join('\n\n'))
    expect(renderWindow(ordinary, false, []).every(({ plain }) => plain === null)).toBe(true)
  })
})
