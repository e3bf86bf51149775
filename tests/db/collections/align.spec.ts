import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { type TestDatabase, testDatabase } from '../harness.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

interface Pair { newNo: number | null, oldNo: number | null, isSame: boolean, stays: boolean }

const kindOf = (text: string) => text.startsWith('#') ? 'heading' : 'paragraph'
const align = (old: string[], current: string[], kind = kindOf) => db.pool.query<Pair>(
  'SELECT new_no AS "newNo", old_no AS "oldNo", is_same AS "isSame", stays FROM iu_core.fn_iu_align($1, $2, $3, $4) ORDER BY new_no, old_no',
  [old, current, old.map(kind), current.map(kind)],
).then(({ rows }) => rows)

const outcome = (pairs: Pair[]) => ({
  created: pairs.filter(pair => pair.oldNo === null).map(pair => pair.newNo),
  removed: pairs.filter(pair => pair.newNo === null).map(pair => pair.oldNo),
  revised: pairs.filter(pair => pair.oldNo !== null && pair.newNo !== null && !pair.isSame).map(pair => [pair.oldNo, pair.newNo]),
  moved: pairs.filter(pair => pair.oldNo !== null && pair.newNo !== null && !pair.stays).map(pair => [pair.oldNo, pair.newNo]),
})
const NOTHING = { created: [], removed: [], revised: [], moved: [] }

/** What must hold of any alignment. */
function isSound(pairs: Pair[], old: string[], current: string[]): void {
  const numbers = (values: (number | null)[]) => values.filter(value => value !== null).sort((a, b) => a - b)
  expect(numbers(pairs.map(pair => pair.newNo))).toEqual(current.map((_, i) => i + 1))
  expect(numbers(pairs.map(pair => pair.oldNo))).toEqual(old.map((_, i) => i + 1))
  for (const { newNo, oldNo, isSame, stays } of pairs) {
    if (newNo === null || oldNo === null) expect({ isSame, stays }).toEqual({ isSame: false, stays: false })
    else expect(isSame).toBe(old[oldNo - 1] === current[newNo - 1])
  }
  const staying = pairs.filter(pair => pair.stays).sort((a, b) => a.newNo! - b.newNo!)
  staying.forEach(({ oldNo }, i) => i > 0 && expect(oldNo).toBeGreaterThan(staying[i - 1]!.oldNo!))
}

/** Few texts, so that they repeat; headings among them. */
const text = fc.oneof(fc.constantFrom('### Bug Fixes', '### Features', 'a', 'b', 'c'), fc.nat(40).map(n => `text ${n}`))
const list = fc.array(text, { maxLength: 40 })
const counted = (texts: string[]) => texts.reduce((counts, t) => counts.set(t, (counts.get(t) ?? 0) + 1), new Map<string, number>())

describe('any two lists', () => {
  it('align soundly', async () => {
    await fc.assert(fc.asyncProperty(list, list, async (old, current) => {
      isSound(await align(old, current), old, current)
    }), { numRuns: 300 })
  })

  it('keep every text that both have, as often as both have it', async () => {
    await fc.assert(fc.asyncProperty(list, list, async (old, current) => {
      const same = (await align(old, current)).filter(pair => pair.isSame).length
      const [a, b] = [counted(old), counted(current)]
      expect(same).toBe([...a].reduce((sum, [t, times]) => sum + Math.min(times, b.get(t) ?? 0), 0))
    }), { numRuns: 150 })
  })
})

describe('a list and itself', () => {
  it('stays whole', async () => {
    await fc.assert(fc.asyncProperty(list, async (old) => {
      const pairs = await align(old, old)
      expect(pairs).toEqual(old.map((_, i) => ({ newNo: i + 1, oldNo: i + 1, isSame: true, stays: true })))
    }), { numRuns: 60 })
  })

  it('with one edit has exactly one revision', async () => {
    await fc.assert(fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 40 }), fc.nat(), async (old, n) => {
      const at = n % old.length
      const pairs = await align(old, old.with(at, 'edited'), () => 'paragraph')
      expect(outcome(pairs)).toEqual({ ...NOTHING, revised: [[at + 1, at + 1]] })
    }), { numRuns: 100 })
  })

  it('with an edit that changes the kind has exactly one revision', async () => {
    expect(outcome(await align(['a', 'b', 'c'], ['a', '# b', 'c']))).toEqual({ ...NOTHING, revised: [[2, 2]] })
  })

  it('with one insertion has exactly one birth, also of a text that is there already', async () => {
    await fc.assert(fc.asyncProperty(list, fc.nat(), fc.oneof(text, fc.constant('inserted')), async (old, n, inserted) => {
      const current = old.toSpliced(n % (old.length + 1), 0, inserted)
      const pairs = await align(old, current)
      expect(outcome(pairs)).toEqual({ ...NOTHING, created: [expect.any(Number)] })
      expect(current[outcome(pairs).created[0]! - 1]).toBe(inserted)
    }), { numRuns: 100 })
  })

  it('with one deletion has exactly one removal', async () => {
    await fc.assert(fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 40 }), fc.nat(), async (old, n) => {
      const at = n % old.length
      const pairs = await align(old, old.toSpliced(at, 1))
      expect(outcome(pairs)).toEqual({ ...NOTHING, removed: [expect.any(Number)] })
      expect(old[outcome(pairs).removed[0]! - 1]).toBe(old[at])
    }), { numRuns: 100 })
  })

  it('with a block moved has neither births nor removals nor revisions', async () => {
    await fc.assert(fc.asyncProperty(fc.array(text, { minLength: 2, maxLength: 40 }), fc.nat(), fc.nat(), fc.nat(), async (old, from, length, to) => {
      const current = [...old]
      const block = current.splice(from % old.length, 1 + length % 5)
      current.splice(to % (current.length + 1), 0, ...block)
      const { moved: _, ...rest } = outcome(await align(old, current))
      expect(rest).toEqual({ created: [], removed: [], revised: [] })
    }), { numRuns: 100 })
  })

  it('moves the shorter block of two that swapped', async () => {
    const [head, a, b, tail] = [['h1', 'h2'], ['a1', 'a2', 'a3'], ['b1', 'b2'], ['t1']]
    expect(outcome(await align([...head, ...a, ...b, ...tail], [...head, ...b, ...a, ...tail]))).toEqual({ ...NOTHING, moved: [[6, 3], [7, 4]] })
  })
})

describe('lists without one side', () => {
  it('are births only, removals only, or nothing', async () => {
    expect(outcome(await align([], ['a', 'a']))).toEqual({ ...NOTHING, created: [1, 2] })
    expect(outcome(await align(['a', 'a'], []))).toEqual({ ...NOTHING, removed: [1, 2] })
    expect(await align([], [])).toEqual([])
  })
})

describe('a changelog, whose headings repeat', () => {
  const release = (n: number) => [`## ${n}.0.0`, '### Features', `feature of ${n}`, '### Bug Fixes', `fix of ${n}`, '### Bug Fixes', 'Updated dependencies']
  const changelog = ['# Changelog', ...Array.from({ length: 200 }, (_, i) => release(200 - i)).flat()]

  it('with a new release on top has its pieces born and no other touched', async () => {
    const current = changelog.toSpliced(1, 0, ...release(201))
    expect(outcome(await align(changelog, current))).toEqual({ ...NOTHING, created: [2, 3, 4, 5, 6, 7, 8] })
  })

  it('with edits in many releases has exactly those revisions', async () => {
    const current = changelog.map((t, i) => i % 70 === 5 ? `${t} (edited)` : t)
    const edited = changelog.map((_, i) => i).filter(i => i % 70 === 5).map(i => [i + 1, i + 1])
    expect(outcome(await align(changelog, current))).toEqual({ ...NOTHING, revised: edited })
  })

  it('with a release taken out has its pieces removed and no other touched', async () => {
    const current = changelog.toSpliced(1 + 7 * 100, 7)
    const { removed, ...rest } = outcome(await align(changelog, current))
    expect(removed).toHaveLength(7)
    expect(rest).toEqual({ created: [], revised: [], moved: [] })
  })

  it('with an edit, a new release and one taken out has just these, or its headings moved', async () => {
    const current = changelog.with(3, 'feature of 200 (edited)').toSpliced(1 + 7 * 100, 7).toSpliced(1, 0, ...release(201))
    const { created, removed, revised, moved } = outcome(await align(changelog, current))
    expect([...created, ...moved.map(([, newNo]) => newNo)].sort((a, b) => a! - b!)).toEqual([2, 3, 4, 5, 6, 7, 8])
    expect(removed).toHaveLength(7 - moved.length)
    expect(revised).toEqual([[4, 11]])
  })
})

describe('20,000 pieces', () => {
  const base = Array.from({ length: 20_000 }, (_, i) => `text ${i}`)
  it.each<[string, string[], string[], { same: number, stays: number }]>([
    ['unchanged', base, base, { same: 20_000, stays: 20_000 }],
    ['all edited', base, base.map(t => `${t} (edited)`), { same: 0, stays: 20_000 }],
    ['every other edited', base, base.map((t, i) => i % 2 ? t : `${t} (edited)`), { same: 10_000, stays: 20_000 }],
    ['reversed', base, base.toReversed(), { same: 20_000, stays: 1 }],
    ['every other a heading that repeats', base.map((t, i) => i % 2 ? t : '#'), base.map((t, i) => i % 20 === 1 ? `${t} (edited)` : i % 2 ? t : '#'), { same: 19_000, stays: 20_000 }],
    ['of one text', base.map(() => 'a'), ['b', ...base.slice(1).map(() => 'a')], { same: 19_999, stays: 20_000 }],
  ])('%s align without a word on how long it takes', async (_, old, current, expected) => {
    const pairs = await align(old, current)
    expect({ same: pairs.filter(pair => pair.isSame).length, stays: pairs.filter(pair => pair.stays).length }).toEqual(expected)
  })

  it('of five texts in disorder align soundly', async () => {
    const [old, current] = [base.map((_, i) => `${i * 7919 % 5}`), base.map((_, i) => `${i * i % 7}`)]
    const pairs = await align(old, current)
    expect(new Set(pairs.map(pair => pair.newNo).filter(no => no !== null)).size).toBe(20_000)
    expect(new Set(pairs.map(pair => pair.oldNo).filter(no => no !== null)).size).toBe(20_000)
  })
})

describe('the longest increasing run', () => {
  it('is increasing, and as long as can be', async () => {
    const longest = (numbers: number[]) => {
      const best = numbers.map(() => 1)
      numbers.forEach((n, i) => numbers.slice(0, i).forEach((before, j) => { if (before < n) best[i] = Math.max(best[i]!, best[j]! + 1) }))
      return Math.max(0, ...best)
    }
    await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 30 }), async (numbers) => {
      const { rows } = await db.pool.query<{ chosen: boolean[] }>('SELECT iu_core.fn_iu_longest_increasing($1) AS chosen', [numbers])
      const run = numbers.filter((_, i) => rows[0]!.chosen[i])
      run.forEach((n, i) => i > 0 && expect(n).toBeGreaterThan(run[i - 1]!))
      expect(run).toHaveLength(longest(numbers))
    }), { numRuns: 150 })
  })
})
