import { expect, it } from 'vitest'
import { cut } from '../../../server/import/cut.ts'

it('joins tiny blocks where there would be millions, and keeps every byte', async () => {
  const content = Buffer.from('a\n\n'.repeat(4_000_000))
  const { how, pieces } = await cut(content)
  expect(how).toBe('plain')
  expect(pieces.length).toBeLessThanOrEqual(400_001)
  expect(pieces.length).toBeGreaterThan(100_000)
  let at = 0
  for (const { start, length } of pieces) {
    expect(content.subarray(at, start).toString().trim()).toBe('')
    at = start + length
  }
  expect(content.subarray(at).toString().trim()).toBe('')
}, 20_000)
