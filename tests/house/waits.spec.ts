import { describe, expect, it } from 'vitest'
import { type Code, filesIn, isCode, readCode } from './sources.ts'
import { timedIn, type TimedRule } from './waits.ts'

/** The long tests go on for as long as they are told, and disturb at random; they hold to the other rules. */
const LONG = /^tests\/long\//

const TESTS = [...filesIn('tests').filter(isCode).filter(path => path !== 'tests/run.ts' && path !== 'tests/house/waits.spec.ts'), 'vitest.config.ts', 'playwright.config.ts'].map(readCode)

/** What may stay, and why. */
const MAY_STAY: { path: string, code: RegExp, why: string }[] = [
  { path: 'tests/db/commands/concurrency.spec.ts', code: /lock_timeout/, why: 'that it runs out is what is tried: whoever holds the lock does so until it has' },
  { path: 'tests/db/events/bounds.spec.ts', code: /statement_timeout/, why: 'that it runs out is what is tried: the judgement of that event never ends' },
  { path: 'tests/db/proof/probe.spec.ts', code: /fn_iu_route_deliver/, why: 'a delivery that takes long; the test waits until it has begun, and ends it' },
  { path: 'tests/db/routing/model.spec.ts', code: /lock_timeout|pg_sleep/, why: 'disturbance at random; whatever comes of it, the verdict is on what is kept' },
  { path: 'tests/db/routing/slow-event.spec.ts', code: /statement_timeout/, why: 'that it runs out is what is tried, as above' },
  { path: 'tests/long/counted.ts', code: /deadlock_timeout/, why: 'disturbance at random, as above' },
]

const mayStay = ({ path }: Code, { code, rule }: { code: string, rule: TimedRule }) =>
  (LONG.test(path) && (rule === 'a sleep' || rule === 'a clock in a loop')) || MAY_STAY.some(one => one.path === path && one.code.test(code))

describe('no test is red or green by time alone', () => {
  it('none compares a clock, sleeps, or ends a wait within a minute', () => {
    expect(TESTS.flatMap(code => timedIn(code).filter(found => !mayStay(code, found)).map(({ rule, code: said }) => `${code.path}: ${rule}: ${said}`))).toEqual([])
  })

  it('what may stay is there', () => {
    expect(MAY_STAY.filter(({ path, code }) => !TESTS.some(it => it.path === path && timedIn(it).some(found => code.test(found.code))))).toEqual([])
  })

  it.each<[string, TimedRule]>([
    ['const from = performance.now()', 'a clock'],
    ['const { user } = process.cpuUsage(before)', 'a clock'],
    ['process.hrtime.bigint()', 'a clock'],
    ['expect(Date.now() - from).toBeLessThan(5000)', 'a clock in an expectation'],
    ['expect(at.getTime()).not.toBeGreaterThan(Date.now() + 1000)', 'a clock in an expectation'],
    ['expect(at < new Date()).toBe(true)', 'a clock in an expectation'],
    ['while (Date.now() < until) await act()', 'a clock in a loop'],
    ['for (let i = 0; Date.now() < until; i++) await act()', 'a clock in a loop'],
    ['it(\'x\', async () => {}, 20_000)', 'a limit below a minute'],
    ['test.each([1])(\'x\', () => {}, { timeout: 5 * 1000 })', 'a limit below a minute'],
    ['const MS = 5000\nbeforeAll(() => {}, MS)', 'a limit below a minute'],
    ['await expect.poll(count, { timeout: 10_000, interval: 5 }).toBe(1)', 'a limit below a minute'],
    ['export default { testTimeout: 30_000 }', 'a limit below a minute'],
    ['test.setTimeout(30_000)', 'a limit below a minute'],
    ['await db.query(`SET lock_timeout = \'5s\'`)', 'a limit below a minute'],
    ['await page.waitForTimeout(500)', 'a sleep'],
    ['await vi.waitFor(async () => {})', 'a sleep'],
    ['import { setTimeout as delay } from \'node:timers/promises\'\nawait delay(5)', 'a sleep'],
    ['await Promise.race([late, new Promise(resolve => setTimeout(resolve, 150))])', 'a sleep'],
    ['await db.query(\'SELECT pg_sleep(1)\')', 'a sleep'],
  ])('%s', (text, rule) => {
    expect(timedIn({ path: 'tests/db/x.spec.ts', text }).map(found => found.rule)).toEqual([rule])
  })

  it.each([
    'const soon = new Date(Date.now() + 3_600_000).toISOString()',
    'expect(await run(db, \'x\', { expires_at: new Date(Date.now() + 60_000).toISOString() })).toMatchObject({})',
    'await expect.poll(count, { interval: 5 }).toBe(1)',
    'it(\'x\', async () => {}, 600_000)',
    'await db.query(`SET statement_timeout = \'5min\'`)',
    'const all = { timeout: LIMITS.wait }',
  ])('not %s', (text) => {
    expect(timedIn({ path: 'tests/db/x.spec.ts', text })).toEqual([])
  })
})
