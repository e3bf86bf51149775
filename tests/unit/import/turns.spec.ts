/** Who serves others while a text is cut goes on serving: counted in turns of the event loop, whatever they take. */
import { afterAll, expect, it } from 'vitest'
import { closeCutters, cut } from '../../../server/import/cut.ts'

afterAll(() => closeCutters())

/** How many turns the event loop makes until a promise settles, and what it came to. */
async function turns<T>(work: Promise<T>): Promise<{ count: number, result: T }> {
  let count = 0
  let isDone = false
  const turn = () => {
    count++
    if (!isDone) setImmediate(turn)
  }
  setImmediate(turn)
  const result = await work.finally(() => {
    isDone = true
  })
  return { count, result }
}

const TEXTS: Record<string, string> = {
  'a table of 248 KB': `| a | b | c |\n|---|---|---|\n${'| one | two | three |\n'.repeat(11_800)}`,
  'six thousand paragraphs': 'A paragraph.\n\n'.repeat(6000),
  'a text beyond the parser': '# A heading\n'.repeat(160_000),
}

it.each(Object.entries(TEXTS))('%s is cut while the event loop turns', async (_, text) => {
  await cut(Buffer.from('warm'))
  const { count, result } = await turns(cut(Buffer.from(text)))
  expect(result.pieces.length).toBeGreaterThan(0)
  // In this thread it would make two or three.
  expect(count).toBeGreaterThan(5)
}, 600_000)
