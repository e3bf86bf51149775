import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Source paths that specs look for. */
export const LARGE = 'large/handbook.md'
export const LARGE_PIECES = 5000
export const REVISED = 'odd/revised.md'

const CHAPTERS = 100

/** Pieces enough for many pages of a manifest: headings and paragraphs. */
function handbook(): string {
  const paragraphs = LARGE_PIECES / CHAPTERS - 1
  return Array.from({ length: CHAPTERS }, (_, chapter) => [
    `# Chapter ${chapter + 1}`,
    ...Array.from({ length: paragraphs }, (_, n) => `Paragraph ${n + 1} of chapter ${chapter + 1} says what the others do not.`),
  ]).flat().join('\n\n') + '\n'
}

/** Files that a page must show as text, whatever they hold and are called. */
const ODD: Record<string, string> = {
  'empty.md': '',
  'no last newline.md': '# Ends\n\nwithout one',
  'it\'s "quoted".md': 'A name with quotes.\n',
  'tiếng Việt/lời nói đầu.md': '# Lời nói đầu\n\nMột đoạn văn.\n',
  '日本語.md': '# 見出し\n\n本文。\n',
  'עברית.md': '# כותרת\n\nטקסט מימין לשמאל.\n',
  'script.md': '# <script>window.broken = 1</script>\n\n<img src=x onerror="window.broken = 1">\n\n[link](javascript:window.broken=1)\n\n<iframe src="https://example.com/"></iframe>\n\n![pixel](https://example.com/pixel.png)\n',
  'line-ends.md': 'CRLF\r\n\r\nlone CR\r\rLF\n\nend\n',
  'mark.md': '\uFEFF# After a byte-order mark\n\ttab\n',
  'front-matter.md': '---\ntitle: Front\n---\n\n# Text\n',
  'unclosed.md': 'Before\n\n```js\nconst never = "closed"\n',
  'long-line.txt': `${'one line without an end '.repeat(5000)}\n`,
}

/** Writes the documents below `folder`. */
export function writeDocuments(folder: string): void {
  const write = (path: string, text: string) => {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  write(LARGE, handbook())
  for (const [name, text] of Object.entries(ODD)) write(`odd/${name}`, text)
  write(REVISED, revised('first'))
}

/** The document that is imported twice, with one changed line. */
export const revised = (wording: string): string => `# Revised\n\nThe ${wording} wording.\n\nA paragraph that stays.\n`
