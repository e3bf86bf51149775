import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readUnits, verifyUnits, DRIZZLE } from '../../../server/deploy/index.ts'
import type { TestDatabase } from '../harness.ts'
import { drain, emit, openDatabase, type Queryable, setGate } from '../world.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await openDatabase()
})
afterAll(() => db.drop())

interface Work { check_code: string, name: string, ok: boolean, detail: string }
const works = async (client: Queryable): Promise<Work[]> => (await client.query<Work>('SELECT * FROM iu_core.v_iu_works')).rows

describe('W1 to W9', () => {
  it('hold in a database as deployed, and are a reader\'s to read, in a read-only snapshot', async () => {
    await db.as('iu_reader', async (client) => {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
      const rows = await works(client)
      expect(rows.filter(({ ok }) => !ok)).toEqual([])
      expect(rows.map(({ check_code: code, name }) => `${code} ${name}`)).toEqual([
        'W1 substrate', 'W2 functions present', 'W3 views present', 'W4 gates readable', 'W5 cursor present', 'W6 seam fails closed', 'W7 both gates checked', 'W8 health', 'W9 backlog explained'])
      expect(rows.map(({ detail }) => detail)).toEqual(expect.arrayContaining(['16 buckets, 0 to 15 by iu_outbound_default', 'iu_outbound_default: healthy', '0 events, 0 not yet routed, 0 held, 0 unexplained']))
      await client.query('ROLLBACK')
    })
  })

  it('hold while there is work, trouble and a closed gate, and tell of it', async () => {
    await db.as('iu_deployer', async (client) => {
      await client.query('BEGIN')
      await emit(client, 'dead', {}, 'app.strict')
      await drain(client)
      await emit(client, 'waits')
      await setGate(client, 'routes_master_enabled', false)
      await emit(client, 'held')
      const rows = await works(client)
      expect(rows.filter(({ ok }) => !ok)).toEqual([])
      expect(rows.slice(-2).map(({ detail }) => detail)).toEqual([
        expect.stringMatching(/^iu_outbound_default: 1 open dead letter; inert: iu_core\.routes_master_enabled is closed by \S+: /), '3 events, 1 not yet routed, 1 held, 0 unexplained'])
      await client.query('ROLLBACK')
    })
  })

  it.each([
    ['a table is gone', 'W1', 'ALTER TABLE iu_core.iu_route_worker_run RENAME TO gone', 'missing: iu_route_worker_run'],
    ['a function is gone', 'W2', 'ALTER FUNCTION iu_core.fn_iu_route_attempt_one(text, bigint, integer, integer) RENAME TO gone', 'missing, or open to PUBLIC: fn_iu_route_attempt_one'],
    ['anybody may route', 'W2', 'GRANT EXECUTE ON FUNCTION iu_core.fn_iu_route_worker_run(text, integer) TO PUBLIC', 'missing, or open to PUBLIC: fn_iu_route_worker_run'],
    ['a view is gone', 'W3', 'ALTER VIEW iu_core.v_iu_route_attempt RENAME TO gone', 'missing: v_iu_route_attempt'],
    ['a gate has lost its row', 'W4', `DELETE FROM iu_core.dot_config WHERE key = 'iu_core.execution_enabled'`, 'iu_core.execution_enabled is missing'],
    ['a gate says neither', 'W4', `UPDATE iu_core.dot_config SET value = 'yes' WHERE key = 'iu_core.execution_enabled'`, 'iu_core.execution_enabled is malformed'],
    ['buckets have no cursor', 'W5', 'UPDATE iu_core.iu_route_worker_cursor SET bucket_to = 13', 'not exactly one cursor: bucket 14, 15'],
    ['a delivery returns', 'W6', 'CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_deliver(p_event_id bigint, p_route_id integer) RETURNS void LANGUAGE sql AS $$ SELECT $$', 'fn_iu_route_deliver returned, and live delivery is not built'],
    ['a route may be live without approval', 'W6', 'ALTER TABLE iu_core.iu_outbound_route DROP CONSTRAINT iu_outbound_route_safe_chk', 'iu_outbound_route_safe_chk is missing'],
    ['a replay asks no gate', 'W7', 'CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_dead_letter_replay(p_dead_letter_id bigint) RETURNS TABLE (status text, decision text, attempt_no integer) LANGUAGE sql AS $$ SELECT NULL::text, NULL::text, 0 $$',
      'fn_iu_route_dead_letter_replay does not ask for iu_core.route_worker_enabled; fn_iu_route_dead_letter_replay does not ask for iu_core.routes_master_enabled'],
    ['there is no worker', 'W5 W8', 'DELETE FROM iu_core.iu_route_worker_cursor', 'no worker'],
    ['an event is in nobody\'s account', 'W9', `UPDATE iu_core.iu_route_worker_cursor SET bucket_to = 13; SELECT iu_core.fn_iu_outbox_append('app.plain', 'app_table', array_agg('s' || n), array_agg('{}'::jsonb)) FROM generate_series(1, 64) AS n`, /^\d+ of 64 events are unexplained$/],
  ])('where %s, %s says so', async (_, codes, breach, detail) => {
    await db.as('iu_deployer', async (client) => {
      await client.query('BEGIN')
      await client.query(breach)
      const wrong = (await works(client)).filter(({ ok }) => !ok)
      const last = wrong.at(-1)!
      expect(wrong.map(({ check_code: code }) => code)).toEqual(codes === 'W9' ? ['W5', 'W9'] : codes.split(' '))
      expect(last.detail).toEqual(typeof detail === 'string' ? detail : expect.stringMatching(detail))
      await client.query('ROLLBACK')
    })
  })

  it('are part of the install: a unit\'s verify fails where one does', async () => {
    const client = await db.connect()
    // As it was declared, but for what it does: nothing else would notice.
    await client.query(`SET ROLE iu_owner; CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_deliver(p_event_id bigint, p_route_id integer) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER
      SET search_path = pg_catalog, iu_core, pg_temp AS $$ BEGIN END $$; RESET ROLE`)
    await expect(verifyUnits(client, readUnits(DRIZZLE))).rejects.toThrow('not working: W6 seam fails closed: fn_iu_route_deliver returned, and live delivery is not built')
  })
})
