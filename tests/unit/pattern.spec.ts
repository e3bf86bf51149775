import { beforeAll, describe, expect, it } from 'vitest'
import { examplePayload, routingWorld } from '../../app/utils/try-event.ts'
import type { KnownTypeRow } from '../../shared/read-models/routing.ts'
import { decide } from '../../shared/routing/decide.ts'
import { parseJson } from '../../shared/routing/json.ts'
import { isLike, loadPatterns } from '../../shared/routing/pattern.ts'

/** Each keeps an engine that goes back and tries again busy for years; this test ends, or does not. */
const ENDLESS = ['^(\\w?){255}(\\w?){255}!$', '^(a+)+$', '^(a|a)*$', '^(a*)*$', '(a*)*b', '^(\\w+\\s?)*!$', '^(([a-z])+.)+[A-Z]([a-z])+$', '(x+x+)+y', '^(a?){200}a{200}$', '((a{0,9}){0,9}){0,9}!']
const type = (pattern: string, more: Partial<KnownTypeRow> = {}): KnownTypeRow => ({
  eventType: 'app.x', eventDomain: 'application', deliveryLane: 'delayed', isSystem: false, description: 'x', payloadFault: null,
  payloadSchema: JSON.stringify({ type: 'object', required: ['a'], properties: { a: { type: 'string', pattern } } }), ...more,
})
const world = (...types: KnownTypeRow[]) => routingWorld({ asOf: '', types, routes: [{ routeId: 1, routeCode: 'app.x.log', eventType: 'app.x', targetKind: 'log', targetRef: 'x', enabled: true, dryRun: true }], masterGateOpen: true, workerGateOpen: true })

it('until the engine is there nobody tells', () => {
  expect(isLike('a', 'a')).toBeUndefined()
})

describe('a pattern of a user', () => {
  beforeAll(loadPatterns)

  it.each(ENDLESS)('%s is looked for in a text once, or not at all', (pattern) => {
    for (const text of [`${'a'.repeat(5000)}!`, 'a'.repeat(5000), 'x'.repeat(9999), 'a '.repeat(3000)]) expect([true, false, undefined]).toContain(isLike(text, pattern))
  })

  it('and a text are of a length that somebody writes', () => {
    expect(isLike('a'.repeat(10_000), '^a*$')).toBe(true)
    expect(isLike('a'.repeat(10_001), '^a*$')).toBeUndefined()
    expect(isLike('a', 'a'.repeat(1001))).toBeUndefined()
    for (let n = 0; n < 1000; n++) expect(isLike(`${n}`, `^${n}$`)).toBe(true)
  })

  it.each([...ENDLESS, 'a{999999999}', 'a{255}'.repeat(100), '[', '^[A-Z]{3}-\\d{4}$'])('%s draws a page whose first payload is judged like any other', (pattern) => {
    const payload = examplePayload(type(pattern))
    expect(payload.length).toBeLessThan(2000)
    const { routes, unsure } = decide('app.x', parseJson(payload), world(type(pattern)))
    expect(unsure.length > 0 || ['payload_schema', null].includes(routes[0]!.code)).toBe(true)
  })

  it('in a schema that is not taken any more judges nothing', () => {
    const { routes, problems, unsure } = decide('app.x', parseJson('{"a": 1}'), world(type('(a)\\1', { payloadFault: 'it refers back' })))
    expect({ routes, problems, unsure }).toEqual({ routes: [{ routeId: 1, routeCode: 'app.x.log', decision: 'failed', code: 'cannot_be_judged', detail: 'it refers back' }], problems: [], unsure: [] })
  })
})
