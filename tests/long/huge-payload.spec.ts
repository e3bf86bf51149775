/** A payload of 10 kB that is 1.1 GB when it is written out: from before numbers were bounded, or put in past the functions. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sealLedger, verifyHistory } from '../../server/db/functions/ledger.ts'
import { type TestDatabase, testDatabase } from '../db/harness.ts'
import { pastTriggers } from '../db/world.ts'

let db: TestDatabase
beforeAll(async () => void (db = await testDatabase()))
afterAll(() => db.drop())

it('is sealed by its hash, what stands beside it as ever, and a change of it is told', async () => {
  await db.pool.query(`
    INSERT INTO iu_core.event_outbox (event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane)
    VALUES ('system', 'iu.created', 'unit', 'before', '{}', 'delayed'),
           ('system', 'iu.created', 'unit', 'huge', (SELECT jsonb_agg(1e131071::numeric) FROM generate_series(1, 8400)), 'delayed'),
           ('system', 'iu.created', 'unit', 'after', '{}', 'delayed')`)
  expect((await sealLedger(db.pool)).history).toBe(3)
  expect(await verifyHistory(db.pool)).toMatchObject({ ok: true })
  await db.as('iu_deployer', async (client) => {
    await pastTriggers(client, () => client.query(`UPDATE iu_core.event_outbox SET payload = '1' WHERE event_subject_ref = 'huge'`))
    expect((await verifyHistory(client)).problems).toEqual([expect.stringMatching(/event \d+ is not what was sealed$/)])
  })
})
