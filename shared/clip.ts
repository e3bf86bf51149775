const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' })

/** The beginning of a text, `most` UTF-16 units at most, cut between two characters as a reader sees them. */
export function clip(text: string, most: number): string {
  if (text.length <= most) return text
  // One that is longer than all that may be shown is cut between its code points.
  const end = graphemes.segment(text.slice(0, most + 64)).containing(most)?.index || most
  const head = text.slice(0, end)
  return head.isWellFormed() ? head : head.slice(0, -1)
}
