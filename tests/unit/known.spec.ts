import { describe, expect, it } from 'vitest'
import { knownAt, lastKnown, STALE_MS } from '../../app/utils/known.ts'
import type { Problem } from '../../shared/problem.ts'

const READ = '2026-11-30T12:00:00.000Z'
const after = (ms: number) => Date.parse(READ) + ms
const AWAY: Problem = { type: 'urn:iu:problem:database_unavailable', title: 'The database cannot be reached', status: 503, code: 'database_unavailable' }

describe('a state is known', () => {
  it('while its answer is new, and nothing has gone wrong since', () => {
    expect(knownAt({ newest: { asOf: READ } }, after(0))).toEqual({ isKnown: true, lastRead: '0 s ago' })
    expect(knownAt({ newest: { asOf: READ } }, after(STALE_MS - 1))).toEqual({ isKnown: true, lastRead: '34 s ago' })
  })

  it('also where the page\'s clock is behind the answer', () => {
    expect(knownAt({ newest: { asOf: READ } }, after(-900))).toEqual({ isKnown: true, lastRead: '0 s ago' })
  })

  it('for ever where the answer has no clock: it is not of the database', () => {
    expect(knownAt({ newest: {} }, after(0))).toEqual({ isKnown: true })
  })
})

describe('a state is unknown', () => {
  it('from the first refusal on, however new the answer is', () => {
    expect(knownAt({ newest: { asOf: READ }, problem: AWAY }, after(2000))).toEqual({ isKnown: false, lastRead: '2 s ago' })
  })

  it('once no answer has come for some refreshes, though none was refused', () => {
    expect(knownAt({ newest: { asOf: READ } }, after(STALE_MS))).toEqual({ isKnown: false, lastRead: '35 s ago' })
    expect(knownAt({ newest: { asOf: READ } }, after(200_000))).toEqual({ isKnown: false, lastRead: '3 min ago' })
  })

  it('before the first answer, and then nothing is told of the past', () => {
    expect(knownAt({}, after(0))).toEqual({ isKnown: false })
    expect(knownAt({ problem: AWAY }, after(0))).toEqual({ isKnown: false })
    expect(knownAt({ newest: {}, problem: AWAY }, after(0))).toEqual({ isKnown: false })
  })
})

it('what it last was is told with its age', () => {
  expect(lastKnown('DRY RUN', knownAt({ newest: { asOf: READ }, problem: AWAY }, after(125_000)))).toBe('last known DRY RUN, 2 min ago')
  expect(lastKnown('open', { isKnown: false })).toBe('last known open')
})
