/** Every formatter of durations, sizes and counts: what is read back is what was given, down to the unit that is shown. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatAge, formatBounded, formatBytes, formatCount, formatLeft, plural } from '../../app/utils/format.ts'

const SECONDS = { s: 1, min: 60, h: 3600, d: 86_400 } as const
/** The seconds that a text says, and of how many its last unit is made. */
function read(text: string): { seconds: number, unit: number } {
  const parts = [...text.matchAll(/(\d+) (s|min|h|d)(?: |$)/g)].map(([, number, unit]) => ({ number: Number(number), unit: SECONDS[unit as keyof typeof SECONDS] }))
  expect(parts.map(({ number, unit }) => `${number} ${Object.keys(SECONDS)[Object.values(SECONDS).indexOf(unit as 1)]}`).join(' ')).toBe(text)
  return { seconds: parts.reduce((sum, { number, unit }) => sum + number * unit, 0), unit: parts[0]!.unit === 86_400 ? 3600 : parts[0]!.unit === 3600 ? 60 : parts[0]!.unit }
}

describe('a time that is left', () => {
  it.each([[0, '0 s'], [1, '1 s'], [59_001, '1 min'], [60_000, '1 min'], [899_500, '15 min'], [3_600_000, '60 min'], [3_601_000, '60 min'], [7_199_000, '119 min'], [7_200_000, '2 h'], [7_260_000, '2 h 1 min'], [86_400_000, '24 h'], [90_000_000, '25 h'], [172_800_000, '2 d'], [180_000_000, '2 d 2 h']])('%i ms is %s', (ms, text) => {
    expect(formatLeft(ms)).toBe(text)
  })

  it('is never more than there is, but for the second that has begun, nor less by a unit', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 1e11 }), (ms) => {
      const { seconds, unit } = read(formatLeft(ms))
      expect(seconds).toBeLessThanOrEqual(Math.ceil(ms / 1000))
      expect(Math.ceil(ms / 1000) - seconds).toBeLessThan(unit)
    }))
  })
})

it('an age is never more than it is, nor less by a unit, and none is below zero', () => {
  fc.assert(fc.property(fc.integer({ min: -1e6, max: 1e11 }), (ms) => {
    const { seconds, unit } = read(formatAge(ms))
    const real = Math.max(0, ms / 1000)
    expect(seconds).toBeLessThanOrEqual(real)
    expect(real - seconds).toBeLessThan(unit === 1 ? 1 : unit)
  }))
})

describe('a size', () => {
  it.each([[0, '0 B'], [9_999, '9,999 B'], [10_000, '10.0 kB'], [999_949, '999.9 kB'], [999_950, '1.0 MB'], [999_950_000, '1.0 GB'], [5e12, '5.0 TB']])('%i bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })

  it('is read back within what is not shown, and has three digits before the point at most', () => {
    const UNITS = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 }
    fc.assert(fc.property(fc.integer({ min: 0, max: 9e14 }), (bytes) => {
      const [, number, unit] = /^([\d,.]+) (B|kB|MB|GB|TB)$/.exec(formatBytes(bytes))!
      const size = UNITS[unit as keyof typeof UNITS]
      expect(Math.abs(Number(number!.replaceAll(',', '')) * size - bytes)).toBeLessThanOrEqual(size === 1 ? 0 : size * 0.0501)
      if (size > 1) expect(Number(number)).toBeLessThan(1000)
    }))
  })
})

it('a count is read back, and one that is bounded says so', () => {
  fc.assert(fc.property(fc.nat(1e9), (n) => {
    expect(Number(formatCount(n).replaceAll(',', ''))).toBe(n)
    expect(formatBounded(n)).toBe(n > 10_000 ? '10,000+' : formatCount(n))
    expect(plural(n, 'event')).toBe(`${formatBounded(n)} ${n === 1 ? 'event' : 'events'}`)
  }))
})
