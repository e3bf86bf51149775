import { expect, it, vi } from 'vitest'
import { cut } from '../../../server/import/cut.ts'

const work = vi.hoisted(() => ({ lines: 0 }))
vi.mock(import('../../../server/import/lines.ts'), async (original) => {
  const lines = await original()
  return { ...lines, nextLine: (...of) => (work.lines++, lines.nextLine(...of)) }
})

it('joins tiny blocks where there would be millions, in two passes over the lines at most, and keeps every byte', async () => {
  const content = Buffer.from('a\n\n'.repeat(4_000_000))
  const { how, pieces } = await cut(content)
  expect(how).toBe('plain')
  expect(work.lines).toBeLessThanOrEqual(2 * 8_000_000)
  expect(pieces.length).toBeLessThanOrEqual(400_001)
  expect(pieces.length).toBeGreaterThan(100_000)
  const isBlank = (start: number, end: number) => content.toString('latin1', start, end).trim() === ''
  expect(pieces.filter(({ start }, i) => !isBlank(i === 0 ? 0 : pieces[i - 1]!.start + pieces[i - 1]!.length, start))).toEqual([])
  expect(isBlank(pieces.at(-1)!.start + pieces.at(-1)!.length, content.length)).toBe(true)
})
