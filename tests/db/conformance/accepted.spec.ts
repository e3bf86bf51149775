/** A deviation that an approver accepted: exactly that one, until a time, and no longer. */
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { examineGates } from '../../../server/deploy/gates.ts'
import { DRIZZLE, readUnits, verifyUnits } from '../../../server/deploy/index.ts'
import { carry, openDatabase, type Options, type Params, run, undo, verify } from '../commands/world.ts'
import type { TestDatabase } from '../harness.ts'
import { refusal } from '../world.ts'
import { conformance, drift, named } from './drift.ts'

const ACCEPT = 'dot_iu_accept_deviation'
const WITHDRAW = 'dot_iu_withdraw_acceptance'
const PIECE = { address: 'a/b', kind: 'paragraph', body: 'x' }
const DRIFTED = { status: 'refused', code: 'drifted' }

interface Accepted { class: string, identity: string, state: string, digest: string, owner: string, reason: string, accepted_by: string, expires_at: Date }

let db: TestDatabase
let client: pg.Client
beforeAll(async () => {
  db = await openDatabase()
  client = await db.connect()
})
afterAll(() => db.drop())

const until = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString()
const accepted = async () => (await client.query<Accepted>('SELECT * FROM iu_core.v_dot_accepted')).rows
const state = async () => (await client.query<{ state: string, summary: string }>('SELECT state, summary FROM iu_core.v_dot_comparison')).rows[0]!

/** What accepting the one object that has drifted takes. */
async function deviation(more: Params = {}): Promise<Params> {
  const rows = await drift(client)
  expect(rows).toHaveLength(1)
  return { class: rows[0]!.class, object: rows[0]!.identity, digest: rows[0]!.digest, owner: 'the platform team', expires_at: until(30), ...more }
}

/** Does `work` after a change by hand, all of it taken back. */
async function after(sql: string, work: () => Promise<void>): Promise<void> {
  await client.query('BEGIN')
  try {
    await client.query(sql)
    await work()
  }
  finally {
    await client.query('ROLLBACK')
  }
}

/** The clock cannot be moved, so the acceptance and the run of it in the ledger get an end that is past, as they would have by now. */
async function expire(): Promise<void> {
  await client.query(`
    ALTER TABLE iu_core.dot_deviation_decision DISABLE TRIGGER USER; ALTER TABLE iu_core.dot_iu_command_run DISABLE TRIGGER USER;
    UPDATE iu_core.dot_deviation_decision SET decided_at = decided_at - interval '60 days', expires_at = expires_at - interval '60 days';
    UPDATE iu_core.dot_iu_command_run SET receipt = jsonb_set(receipt, '{objects,0,after,expires_at}', to_jsonb((receipt #>> '{objects,0,after,expires_at}')::timestamptz - interval '60 days')) WHERE receipt #> '{objects,0,after}' ? 'expires_at' AND status = 'succeeded';
    ALTER TABLE iu_core.dot_deviation_decision ENABLE ALWAYS TRIGGER trg_dot_deviation_decision_append_only; ALTER TABLE iu_core.dot_iu_command_run ENABLE ALWAYS TRIGGER trg_dot_iu_command_run_append_only;
    ALTER TABLE iu_core.dot_iu_command_run ENABLE TRIGGER USER; ALTER TABLE iu_core.dot_iu_command_run ENABLE ALWAYS TRIGGER trg_dot_iu_command_run_append_only`)
}

const CHANGED = 'ALTER FUNCTION iu_core.fn_iu_create(text, text, text, text, text) COST 7'

describe('an acceptance', () => {
  it('does what its plan says, is told of by whom, for whom, why and until when, and refuses no command', async () => {
    await after(CHANGED, async () => {
      expect(await run(client, 'dot_iu_create_piece', 'plan', PIECE)).toMatchObject(DRIFTED)
      const params = await deviation()
      const done = await carry(client, ACCEPT, params, { reason: 'the vendor needs it' })
      expect(done.notes[0]).toMatch(/^function fn_iu_create\(.*\) is changed\. It refuses no command until 20\d\d-\d\d-\d\d \d\d:\d\d UTC\.$/)
      expect(await drift(client)).toEqual([])
      expect(await accepted()).toMatchObject([{ class: 'function', state: 'changed', digest: params.digest, owner: 'the platform team', reason: 'the vendor needs it', accepted_by: done.actor, expires_at: new Date(params.expires_at as string) }])
      expect(await state()).toMatchObject({ state: 'accepted', summary: expect.stringMatching(/^drift 0; accepted 1; (\d+) of \d+ expected objects are as deployed$/) as string })
      expect(await run(client, 'dot_iu_create_piece', 'plan', PIECE)).toMatchObject({ status: 'planned' })
    })
  })

  it('is counted apart: what matches, was accepted, drifted and is unknown is all that was compared', async () => {
    await after(`${CHANGED}; CREATE VIEW iu_core.v_extra AS SELECT 1 AS one`, async () => {
      const [first] = (await drift(client)).filter(row => row.class === 'function')
      await carry(client, ACCEPT, { class: 'function', object: first!.identity, digest: first!.digest, owner: 'x', expires_at: until(1) })
      const checks = await conformance(client)
      for (const { check_code: code, expected, unexpected, matching, accepted: of, missing, changed, unknown } of checks) {
        expect([code, matching + of + missing + changed + unknown]).toEqual([code, expected])
        expect(unexpected).toBe(code === 'D2' || code === 'D8' ? 1 : 0)
      }
      const check = (code: string) => checks.find(({ check_code: its }) => its === code)!
      expect(check('D3')).toMatchObject({ accepted: 1, changed: 0, ok: false })
      expect(check('D1')).toMatchObject({ accepted: 0, ok: true })
      expect(check('D9')).toMatchObject({ expected: 7, present: 5, accepted: 1, changed: 1, ok: false })
      expect((await state()).summary).toMatch(/^drift 1: 1 unexpected; accepted 1; /)
    })
  })

  it.each([
    ['a missing view', 'DROP VIEW iu_core.v_iu_unit_axis'],
    ['an unexpected table', 'CREATE TABLE iu_core.extra (id bigint); ALTER TABLE iu_core.extra OWNER TO iu_owner'],
    ['a trigger that was switched off', 'ALTER TABLE iu_core.information_unit DISABLE TRIGGER trg_iu_out_unit'],
    ['a gate that was opened by hand', 'UPDATE iu_core.dot_config SET value = \'true\' WHERE key = \'iu_core.execution_enabled\''],
    ['a row of the registry', 'UPDATE iu_core.dot_iu_command SET description = \'x\' WHERE command_code = \'dot_iu_run_probe\''],
    ['a term', 'DELETE FROM iu_core.iu_vocabulary WHERE term_class = \'unit_kind\' AND term = \'quote\''],
    ['the schema', 'GRANT CREATE ON SCHEMA iu_core TO PUBLIC'],
    ['a principal', 'ALTER DATABASE current_database SET work_mem = \'7MB\''],
  ])('may be of %s', async (_, sql) => {
    const { rows: [own] } = await client.query<{ name: string }>('SELECT quote_ident(current_database()) AS name')
    await after(sql.replace('current_database', own!.name), async () => {
      await carry(client, ACCEPT, await deviation())
      expect([await drift(client), (await accepted()).length]).toEqual([[], 1])
      // What differs beside it is drift.
      await client.query('ALTER FUNCTION iu_core.fn_iu_slug(text) COST 7')
      expect(named(await drift(client))).toEqual(['function fn_iu_slug(text) changed'])
    })
  })

  it('is of this deviation alone: the object that changes once more is drift, and what it was before is accepted again', async () => {
    await after(CHANGED, async () => {
      await carry(client, ACCEPT, await deviation())
      await client.query(CHANGED.replace('7', '8'))
      expect(named(await drift(client))).toHaveLength(1)
      expect(await accepted()).toEqual([])
      expect(await run(client, 'dot_iu_create_piece', 'plan', PIECE)).toMatchObject(DRIFTED)
      await client.query(CHANGED)
      expect(await drift(client)).toEqual([])
    })
  })

  it('ends with its time: it is drift then, and commands are refused, whatever was known before', async () => {
    await after('SELECT', async () => {
      await client.query(CHANGED)
      await carry(client, ACCEPT, await deviation())
      expect(await run(client, 'dot_iu_create_piece', 'plan', PIECE)).toMatchObject({ status: 'planned' })
      await expire()
      expect(await accepted()).toEqual([])
      expect(named(await drift(client))).toEqual([expect.stringMatching(/^function fn_iu_create\(.* changed$/)])
      expect(await run(client, 'dot_iu_create_piece', 'plan', PIECE)).toMatchObject(DRIFTED)
      const { class: kind, object } = await deviation()
      expect(await run(client, WITHDRAW, 'plan', { class: kind, object })).toMatchObject({ status: 'refused', code: 'nothing_to_do', field: 'object' })
    })
  })

  it('turns what is known before a command at its very end, without a statement', async () => {
    await after(CHANGED, async () => {
      const params = await deviation({ expires_at: new Date(Date.now() + 4_000).toISOString() })
      await carry(client, ACCEPT, params)
      const stamps = async () => (await client.query<{ part: string, stamp: string }>('SELECT part, stamp FROM iu_core.fn_dot_stamp()')).rows
      const held = await stamps()
      expect(await run(client, 'dot_iu_create_piece', 'plan', PIECE)).toMatchObject({ status: 'planned' })
      await expect.poll(() => run(client, 'dot_iu_create_piece', 'plan', PIECE)).toMatchObject(DRIFTED)
      const now = await stamps()
      expect(now.filter(({ stamp }, at) => stamp !== held[at]!.stamp).map(({ part }) => part)).toEqual(['deployed', 'registered'])
    })
  })

  it('may be given another end and another owner, and an undo brings back what there was', async () => {
    await after(CHANGED, async () => {
      const params = await deviation()
      const first = await carry(client, ACCEPT, params)
      expect(await run(client, ACCEPT, 'plan', params)).toMatchObject({ status: 'refused', code: 'nothing_to_do' })
      const second = await carry(client, ACCEPT, { ...params, owner: 'anna', expires_at: until(90) })
      expect(await accepted()).toMatchObject([{ owner: 'anna' }])
      const undone = await undo(client, second)
      expect(await accepted()).toMatchObject([{ owner: 'the platform team', expires_at: new Date(params.expires_at as string) }])
      await undo(client, undone)
      expect(await accepted()).toMatchObject([{ owner: 'anna' }])
      expect(await run(client, ACCEPT, 'plan', {}, { run: first.run })).toMatchObject({ status: 'refused', code: 'stale_plan' })
    })
  })

  it('is withdrawn, by its undo or by command; that is undone in its turn', async () => {
    await after(CHANGED, async () => {
      const params = await deviation()
      await undo(client, await carry(client, ACCEPT, params))
      expect(await drift(client)).toHaveLength(1)
      await carry(client, ACCEPT, params)
      const withdrawn = await carry(client, WITHDRAW, { class: params.class, object: params.object })
      expect(await run(client, 'dot_iu_create_piece', 'plan', PIECE)).toMatchObject(DRIFTED)
      await verify(client, await undo(client, withdrawn))
      expect(await accepted()).toMatchObject([{ owner: 'the platform team', digest: params.digest }])
    })
  })

  it('is history, and counts only with its run in the ledger', async () => {
    await after(CHANGED, async () => {
      const params = await deviation()
      await client.query(`INSERT INTO iu_core.dot_deviation_decision (class, identity, digest, owner, expires_at, reason, decided_by) VALUES ($1, $2, $3, 'x', $4, 'x', 'x')`, [params.class, params.object, params.digest, params.expires_at])
      expect([(await drift(client)).length, await accepted()]).toEqual([1, []])
      for (const sql of ['UPDATE iu_core.dot_deviation_decision SET owner = owner', 'DELETE FROM iu_core.dot_deviation_decision', 'TRUNCATE iu_core.dot_deviation_decision']) {
        await client.query('SAVEPOINT s')
        expect(await refusal(client.query(sql))).toMatchObject({ code: 'IU005' })
        await client.query('ROLLBACK TO s')
      }
    })
  })
})

describe('is refused', () => {
  const refused = async (params: Params, options: Options = {}) => run(client, ACCEPT, 'plan', params, options)

  it('another digest, which says the one that it is', async () => {
    await after(CHANGED, async () => {
      const params = await deviation()
      const answer = await refused({ ...params, digest: '0'.repeat(64) })
      expect(answer).toMatchObject({ status: 'refused', code: 'stale_plan', field: 'digest' })
      expect(answer.hint).toContain(params.digest)
    })
  })

  it('a plan whose deviation has changed since', async () => {
    await after(CHANGED, async () => {
      const params = await deviation()
      const plan = await refused(params)
      await client.query(CHANGED.replace('7', '8'))
      expect(await run(client, ACCEPT, 'apply', params, { plan: plan.plan_digest, reason: 'a test', confirm: String(params.object) })).toMatchObject({ status: 'refused', code: 'stale_plan' })
    })
  })

  it.each([
    ['an end that is past', { expires_at: until(-1) }, 'invalid_parameter', 'expires_at'],
    ['an end after more than a year', { expires_at: until(367) }, 'invalid_parameter', 'expires_at'],
    ['no end', { expires_at: undefined }, 'invalid_parameter', ''],
    ['no owner', { owner: '' }, 'invalid_parameter', 'owner'],
    ['an object that has not drifted', { object: 'fn_iu_slug(text)' }, 'nothing_to_do', 'object'],
    ['an object that there is not', { class: 'table', object: 'nothing' }, 'nothing_to_do', 'object'],
  ])('%s', async (_, wrong, code, field) => {
    await after(CHANGED, async () => {
      const answer = await refused(await deviation(wrong))
      expect(answer).toMatchObject({ status: 'refused', code })
      if (field) expect(answer.field).toBe(field)
    })
  })

  it('what is unknown, as a whole or by itself', async () => {
    await after(`UPDATE iu_core.dot_inventory SET definition = definition || ' ' WHERE class = 'table' AND identity = 'dot_config'`, async () => {
      expect(await refused({ class: 'table', object: 'dot_config', digest: '0'.repeat(64), owner: 'x', expires_at: until(1) })).toMatchObject({ status: 'refused', code: 'not_found', field: 'object' })
    })
    await after('DELETE FROM iu_core.dot_inventory', async () => {
      expect(await refused({ class: 'table', object: 'dot_config', digest: '0'.repeat(64), owner: 'x', expires_at: until(1) })).toMatchObject({ status: 'refused', code: 'not_found', hint: expect.stringContaining('The inventory is empty') as string })
    })
  })

  it('without the name, and without a reason', async () => {
    await after(CHANGED, async () => {
      const params = await deviation()
      const { plan_digest: plan } = await refused(params)
      expect(await run(client, ACCEPT, 'apply', params, { plan, reason: 'a test', confirm: 'x' })).toMatchObject({ status: 'refused', field: 'confirm' })
      expect(await run(client, ACCEPT, 'apply', params, { plan, confirm: String(params.object) })).toMatchObject({ status: 'refused', field: 'reason' })
    })
  })
})

describe('whose right it is', () => {
  it('an approver\'s to accept and an operator\'s to withdraw; a reader may look', async () => {
    const [reader, operator, approver] = [await db.login('test_reader_1'), await db.login('test_operator_1'), await db.login('test_approver_1')]
    await db.pool.query(CHANGED)
    const params = await deviation()
    expect(await refusal(run(operator, ACCEPT, 'plan', params))).toMatchObject({ code: 'IU013' })
    expect(await refusal(run(reader, ACCEPT, 'plan', params))).toMatchObject({ code: '42501' })
    expect(await refusal(reader.query('SELECT * FROM iu_core.fn_dot_accepted()'))).toMatchObject({ code: '42501' })
    expect((await reader.query('SELECT digest FROM iu_core.v_dot_drift')).rows).toEqual([{ digest: params.digest }])
    await carry(approver, ACCEPT, params)
    expect((await reader.query('SELECT accepted_by, owner FROM iu_core.v_dot_accepted')).rows).toEqual([{ accepted_by: 'db:test_approver_1', owner: 'the platform team' }])
    const withdrawn = await carry(operator, WITHDRAW, { class: params.class, object: params.object })
    expect(await refusal(run(operator, WITHDRAW, 'plan', {}, { run: withdrawn.run }))).toMatchObject({ code: 'IU013' })
    const [found] = await drift(client)
    await client.query(found!.statement!)
    await client.query('RESET search_path')
    expect(await drift(client)).toEqual([])
  })
})

describe('a deploy', () => {
  it('and a verify refuse nothing for what was accepted, and tell of it', async () => {
    const units = readUnits(DRIZZLE)
    const gate = async () => (await examineGates(client, units, { isAlone: true })).find(({ name }) => name === 'as deployed')
    await client.query('GRANT SELECT ON iu_core.v_iu_gate TO iu_emitter')
    await expect(verifyUnits(client, units)).rejects.toThrow('view v_iu_gate')
    expect(await gate()).toMatchObject({ ok: false })
    await carry(client, ACCEPT, await deviation())
    expect(await verifyUnits(client, units)).toHaveLength(units.length)
    expect(await gate()).toMatchObject({ ok: true, detail: expect.stringMatching(/^every unit holds in its verify; drift 0; accepted 1: changed view v_iu_gate, until 20.*Z, accepted by db:\S+, answered for by the platform team$/) as string })
    await client.query('REVOKE SELECT ON iu_core.v_iu_gate FROM iu_emitter')
    expect(await gate()).toMatchObject({ ok: true, detail: 'every unit holds in its verify; drift 0' })
  })
})

describe('is of what it leads to, too:', () => {
  const noop = (what: string, body: string) => `CREATE OR REPLACE FUNCTION app.f() RETURNS ${what} LANGUAGE plpgsql AS $$ BEGIN ${body} END $$`
  const other = (name: string) => `CREATE SCHEMA app; CREATE ROLE ${name}; `
  it.each([
    ['a trigger, to its function', `CREATE SCHEMA app; ${noop('trigger', 'RETURN NULL;')}; CREATE TRIGGER told AFTER INSERT ON iu_core.iu_vocabulary FOR EACH ROW EXECUTE FUNCTION app.f()`, noop('trigger', 'PERFORM 1; RETURN NULL;')],
    ['an event trigger, to its function', `CREATE SCHEMA app; ${noop('event_trigger', '')}; CREATE EVENT TRIGGER told ON ddl_command_end EXECUTE FUNCTION app.f()`, noop('event_trigger', 'PERFORM 1;')],
    ['a trigger of another table that calls one of ours and one of its own', `CREATE SCHEMA app; CREATE TABLE app.t (n integer); ${noop('trigger', 'RETURN NULL;')}; CREATE TRIGGER told AFTER INSERT ON app.t FOR EACH ROW WHEN (iu_core.fn_iu_slug(NEW.n::text) = '') EXECUTE FUNCTION app.f()`, noop('trigger', 'PERFORM 1; RETURN NULL;')],
    ['a child, to who may read it', `${other('iu_test_reads')}CREATE TABLE app.child () INHERITS (iu_core.iu_vocabulary)`, 'GRANT SELECT ON app.child TO iu_test_reads'],
    ['a child, to whom it belongs', `${other('iu_test_owns')}CREATE TABLE app.child () INHERITS (iu_core.iu_vocabulary)`, 'ALTER TABLE app.child OWNER TO iu_test_owns'],
    ['a publication, to the rows that it takes', 'CREATE PUBLICATION told FOR TABLE iu_core.event_outbox WHERE (id > 5)', 'ALTER PUBLICATION told SET TABLE iu_core.event_outbox'],
    ['a publication, to the columns that it takes', 'CREATE PUBLICATION told FOR TABLE iu_core.event_outbox (id)', 'ALTER PUBLICATION told SET TABLE iu_core.event_outbox (id, payload)'],
  ])('%s', async (_, made, changed) => {
    await after(made, async () => {
      await carry(client, ACCEPT, await deviation())
      expect([await drift(client), (await accepted()).length]).toEqual([[], 1])
      await client.query(changed)
      expect([named(await drift(client)).length, await accepted()]).toEqual([1, []])
    })
  })

  it('and a command that knew it as accepted refuses when the function was replaced', async () => {
    await after(`CREATE SCHEMA app; ${noop('trigger', 'RETURN NULL;')}; CREATE TRIGGER told AFTER INSERT ON iu_core.unit_version FOR EACH ROW EXECUTE FUNCTION app.f()`, async () => {
      await carry(client, ACCEPT, await deviation())
      expect(await run(client, 'dot_iu_create_piece', 'plan', PIECE)).toMatchObject({ status: 'planned' })
      // As by another transaction: the stamp goes by who wrote.
      await client.query('SAVEPOINT later')
      await client.query(noop('trigger', 'PERFORM 1; RETURN NULL;'))
      expect(await run(client, 'dot_iu_create_piece', 'plan', PIECE)).toMatchObject(DRIFTED)
    })
  })
})

it('is none of what is compared by its name alone', async () => {
  await after('CREATE MATERIALIZED VIEW iu_core.m AS SELECT 1 AS one', async () => {
    expect(await run(client, ACCEPT, 'plan', await deviation() as never)).toMatchObject({ status: 'refused', code: 'not_found', field: 'object', detail: expect.stringContaining('only the name is compared') as string })
  })
})

it('is none by a row that somebody wrote after it was withdrawn, or whose withdrawal somebody deleted', async () => {
  await after('CREATE VIEW iu_core.extra AS SELECT 1 AS one', async () => {
    const { class: kind, object, ...more } = await deviation()
    await carry(client, ACCEPT, { class: kind, object, ...more })
    await carry(client, 'dot_iu_withdraw_acceptance', { class: kind, object })
    await client.query('SAVEPOINT withdrawn')
    await client.query(`INSERT INTO iu_core.dot_deviation_decision (class, identity, digest, owner, expires_at, reason, decided_by) SELECT class, identity, digest, owner, expires_at, reason, decided_by FROM iu_core.dot_deviation_decision WHERE digest IS NOT NULL`)
    expect([named(await drift(client)), await accepted()]).toEqual([['view extra unexpected'], []])
    await client.query('ROLLBACK TO withdrawn')
    await client.query(`SET LOCAL session_replication_role = 'origin'; ALTER TABLE iu_core.dot_deviation_decision DISABLE TRIGGER ALL; DELETE FROM iu_core.dot_deviation_decision WHERE digest IS NULL; ALTER TABLE iu_core.dot_deviation_decision ENABLE ALWAYS TRIGGER trg_dot_deviation_decision_append_only`)
    expect([named(await drift(client)).filter(name => name.includes('extra')), await accepted()]).toEqual([['view extra unexpected'], []])
  })
})
