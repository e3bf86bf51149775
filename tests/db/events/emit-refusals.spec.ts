import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestDatabase } from '../harness.ts'
import { openDatabase, refusal } from '../world.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await openDatabase()
})
afterAll(() => db.drop())

describe('a refusal', () => {
  const call = (args: readonly (string | null)[]): Promise<unknown> => db.pool.query('SELECT iu_core.fn_iu_emit_event($1, $2, $3, $4, $5)', [...args])
  const events = async (): Promise<number | null> => (await db.pool.query('SELECT FROM iu_core.event_outbox')).rowCount

  test.each([
    ['an unknown type', ['app.unknown', 't', 'r', '{}', null], 'IU007', 'event_type'],
    ['no type', [null, 't', 'r', '{}', null], 'IU007', 'event_type'],
    ['a system type', ['iu.created', 't', 'r', '{}', null], 'IU008', 'event_type'],
    ['another system type', ['collection_created', 't', 'r', '{}', null], 'IU008', 'event_type'],
    ['no table', ['app.plain', null, 'r', '{}', null], 'IU002', 'event_subject_table'],
    ['an empty table', ['app.plain', '', 'r', '{}', null], 'IU002', 'event_subject_table'],
    ['a table too long', ['app.plain', 'é'.repeat(129), 'r', '{}', null], 'IU002', 'event_subject_table'],
    ['no subject', ['app.plain', 't', null, '{}', null], 'IU002', 'event_subject_ref'],
    ['an empty subject', ['app.plain', 't', '', '{}', null], 'IU002', 'event_subject_ref'],
    ['a subject too long', ['app.plain', 't', 'x'.repeat(1025), '{}', null], 'IU002', 'event_subject_ref'],
    ['no payload', ['app.plain', 't', 'r', null, null], 'IU002', 'payload'],
    ['no key on lane immediate', ['app.once', 't', 'r', '{}', null], 'IU002', 'idempotency_key'],
    ['an empty key', ['app.once', 't', 'r', '{}', ''], 'IU002', 'idempotency_key'],
    ['a key too long', ['app.once', 't', 'r', '{}', 'x'.repeat(513)], 'IU002', 'idempotency_key'],
  ] as const)('of %s says so', async (_, args, code, column) => {
    const before = await events()
    expect(await refusal(call(args))).toEqual({ code, column })
    expect(await events()).toBe(before)
  })

  test.each([
    ['the longest of each', ['app.once', 'x'.repeat(256), 'x'.repeat(1024), '{}', 'x'.repeat(512)]],
    ['any JSON as payload', ['app.plain', 't', 'r', 'null', null]],
    ['a payload that breaks its schema', ['app.strict', 't', 'r', '[]', null]],
    ['a subject in any script', ['app.plain', 'tabelle', 'ключ/日本\n', '{}', null]],
    ['the longest of each, hard to compress', ['app.once', 't', randomBytes(512).toString('hex'), '{}', randomBytes(256).toString('hex')]],
  ] as const)('is not made of %s', async (_, args) => {
    const before = await events()
    await call(args)
    expect(await events()).toBe(before! + 1)
  })
})
