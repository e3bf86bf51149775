import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testDatabase, type TestDatabase } from '../harness.ts'
import { drift, named } from './drift.ts'
import { heaps, MUTATIONS } from './mutations.ts'

let db: TestDatabase
let client: pg.Client
beforeAll(async () => {
  db = await testDatabase()
  client = await db.connect()
})
afterAll(() => db.drop())

it('are many, in every class and of every kind', () => {
  expect(MUTATIONS.length).toBeGreaterThanOrEqual(60)
  for (const kind of ['table', 'view', 'function', 'trigger', 'config', 'event_type', 'route']) {
    expect(new Set(MUTATIONS.filter(mutation => mutation.class === kind).map(({ state }) => state)), kind).toEqual(new Set(['missing', 'unexpected', 'changed']))
  }
})

describe('changes by hand', () => {
  it.each(heaps(MUTATIONS).map(heap => [heap.length, `${heap[0]!.class} ${heap[0]!.what}`, heap] as const))('%i of them, the first is %s: all are found and named, and nothing else', async (_count, _first, heap) => {
    await client.query('BEGIN')
    try {
      for (const { sql } of heap) await client.query(sql)
      const found = await drift(client)
      expect(named(found)).toEqual(heap.flatMap(({ class: kind, identity, state, also = [] }) => [`${kind} ${identity} ${state}`, ...also]).sort())
      for (const row of found) {
        expect(row.expected).not.toBe(row.live)
        expect(row.suggested_action).toMatch(/\.$/)
        expect([row.expected === '', row.live === '']).toEqual([row.state === 'unexpected', row.state === 'missing'])
      }
      for (const { statement } of found) {
        await client.query('SAVEPOINT statement')
        // One that cannot be run says so; what has to be thought about is named below.
        await client.query(statement!).then(() => client.query('RELEASE statement'), () => client.query('ROLLBACK TO statement'))
      }
      const byHand = heap.filter(({ repairs }) => repairs === false).flatMap(({ class: kind, identity, also = [] }) => [`${kind} ${identity}`, ...also.map(name => name.replace(/ \w+$/, ''))])
      expect(named(await drift(client)).map(name => name.replace(/ \w+$/, '')).filter(name => !byHand.includes(name))).toEqual([])
    }
    finally {
      await client.query('ROLLBACK')
    }
  })

  it('leave nothing when they are undone', async () => {
    expect(await drift(client)).toEqual([])
  })
})
