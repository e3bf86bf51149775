/** What is sealed beside the ledger: every change that a superuser makes to it, past the functions, is told and named. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type pg from 'pg'
import { sealLedger, verifyHistory, verifyLedger } from '../../../server/db/functions/ledger.ts'
import { archiveOf } from '../archive.ts'
import { carry, imported, openDatabase, run } from '../commands/world.ts'
import type { TestDatabase } from '../harness.ts'
import { audit, drain, emit, furnish, pastTriggers, type Queryable, refusal, setGate } from '../world.ts'

let db: TestDatabase

/** Everything that is sealed, at least twice of each kind; some of it resolved, released, discarded, corrected, archived. */
async function live(): Promise<void> {
  await carry(db.pool, 'dot_iu_import_text', await imported('a.md', '# A\n\none\n\ntwo\n'))
  await carry(db.pool, 'dot_iu_import_text', await imported('a.md', '# A\n\none more\n\ntwo\n'))
  for (let n = 0; n < 6; n++) await emit(db.pool, `plain ${n}`, { n })
  for (let n = 0; n < 7; n++) await emit(db.pool, `bad ${n}`, {}, 'app.strict')
  await emit(db.pool, 'twice', {}, 'app.twice')
  await setGate(db.pool, 'routes_master_enabled', false)
  const held = []
  for (let n = 0; n < 4; n++) held.push(await emit(db.pool, `held ${n}`))
  await setGate(db.pool, 'routes_master_enabled', true)
  await db.pool.query('SELECT iu_core.fn_iu_held_release($1)', [held.slice(0, 2)])
  await carry(db.pool, 'dot_iu_discard_held_events', { through: held[3] })
  await drain(db.pool)
  await audit(db.pool)
  const { rows: letters } = await db.pool.query<{ id: number }>('SELECT id::integer AS id FROM iu_core.iu_route_dead_letter ORDER BY id')
  const [first, second, third] = letters.map(({ id }) => id)
  await carry(db.pool, 'dot_iu_discard_dead_letter', { dead_letter: first })
  await carry(db.pool, 'dot_iu_correct_dead_letter', { dead_letter: second, payload: { n: 1 } })
  await run(db.pool, 'dot_iu_replay_dead_letter', 'apply', { dead_letter: third })
  await db.pool.query(`SELECT iu_core.fn_iu_event_types_register('application', 'delayed', false, '{"app.strict": {"description": "anything"}}')`)
  await run(db.pool, 'dot_iu_replay_dead_letter', 'apply', { dead_letter: third })
  await drain(db.pool)
  await audit(db.pool)
  const { rows: [plain] } = await db.pool.query<{ first: number, last: number }>(`SELECT min(id)::integer AS first, min(id)::integer + 1 AS last FROM iu_core.event_outbox WHERE event_subject_ref LIKE 'plain%'`)
  const { record } = await archiveOf(db.pool, plain!.first, plain!.last)
  const { result } = await carry(db.pool, 'dot_iu_record_archive', record)
  await sealLedger(db.pool)
  await carry(db.pool, 'dot_iu_remove_archived_events', { archive: result.archive })
}

beforeAll(async () => {
  db = await openDatabase()
  await furnish(db.pool)
  await live()
  await sealLedger(db.pool)
})
afterAll(() => db.drop())

const verdict = async (client: Queryable = db.pool) => {
  const [chain, history] = [await verifyLedger(client as pg.Pool), await verifyHistory(client as pg.Pool)]
  return { ok: chain.ok && history.ok, problems: [...chain.problems, ...history.problems], unsealed: chain.unsealed + history.unsealed, sealed: history.sealed }
}

/** What is told after `damage`, which is taken back. */
async function after(damage: string | ((client: pg.Client) => Promise<unknown>), { sealing = false } = {}): Promise<string[]> {
  return db.as('iu_deployer', async (client) => {
    await client.query('BEGIN')
    const problems = await pastTriggers(client, async () => {
      if (typeof damage === 'string') {
        const { rowCount } = await client.query(damage)
        expect(rowCount, damage).toBeGreaterThan(0)
      }
      else {
        await damage(client)
      }
      if (sealing) await sealLedger(client)
      return (await verdict(client)).problems
    })
    await client.query('ROLLBACK')
    return problems
  })
}

const one = async <T>(sql: string): Promise<T> => Object.values((await db.pool.query(sql)).rows[0])[0] as T

describe('a whole history', () => {
  it('is sealed to the last row, and holds', async () => {
    expect(await verdict()).toMatchObject({ ok: true, problems: [], unsealed: 0 })
    const { rows } = await db.pool.query<{ what: string }>('SELECT DISTINCT what FROM iu_core.dot_iu_history_block ORDER BY 1')
    expect(rows.map(({ what }) => what)).toEqual(['archive_moves', 'archives', 'attempts', 'checkpoint_pieces', 'checkpoints', 'dead_letters', 'events', 'held_decisions', 'units', 'versions'])
  })

  it('leaves nothing for a second sealing, which writes nothing', async () => {
    const before = await one<string>('SELECT max(seal_no) FROM iu_core.dot_iu_command_seal')
    expect(await sealLedger(db.pool)).toEqual({ runs: 0, history: 0 })
    expect(await one('SELECT max(seal_no) FROM iu_core.dot_iu_command_seal')).toBe(before)
  })

  it('knows every column of what it seals, or says that it changes', async () => {
    const { rows } = await db.pool.query<{ missing: string }>(`
      SELECT k.relation || '.' || a.attname AS missing FROM iu_core.fn_dot_history_kinds() AS k JOIN pg_attribute AS a ON a.attrelid = ('iu_core.' || k.relation)::regclass AND a.attnum > 0 AND NOT a.attisdropped
      WHERE NOT ('t.' || a.attname = ANY (string_to_array(k.columns, ', '))) ORDER BY 1`)
    expect(rows.map(({ missing }) => missing)).toEqual([
      'event_outbox.bucket', // of the subject
      'information_unit.current_version_seq', 'information_unit.lifecycle_before', 'information_unit.lifecycle_status', 'information_unit.source_path', 'information_unit.title', 'information_unit.title_is_derived', 'information_unit.unit_kind',
      'iu_collection_checkpoint.base_id', // came after the sealer, and is not sealed yet: it never changes, and ought to be
      ...['attempt_no', 'cause', 'corrected_by_event_id', 'failure_code', 'failure_detail', 'replay_job_id', 'resolved_at', 'resolved_attempt_no', 'resolved_by', 'status'].map(name => `iu_route_dead_letter.${name}`),
    ])
  })

  it('holds whatever the session says of times, numbers and bytes', async () => {
    await db.as('iu_deployer', async (client) => {
      for (const setting of ['TimeZone = \'Asia/Kathmandu\'', 'DateStyle = \'German, DMY\'', 'bytea_output = escape', 'extra_float_digits = -15', 'IntervalStyle = sql_standard', 'quote_all_identifiers = on', 'standard_conforming_strings = off']) {
        await client.query(`SET ${setting}`)
        await emit(client, `under ${setting}`, { at: 1.50 })
      }
      await sealLedger(client)
      expect(await verdict(client)).toMatchObject({ ok: true, problems: [] })
    })
    expect(await verdict()).toMatchObject({ ok: true, problems: [], unsealed: 0 })
  })
})

describe('a change past the functions', () => {
  const EVENT = `(SELECT max(id) FROM iu_core.event_outbox WHERE event_subject_ref LIKE 'plain%')`
  it.each(Object.entries({
    payload: `payload || '{"x": 1}'`, actor: `'somebody'`, created_at: `created_at - interval '1 microsecond'`, delivery_lane: `'held'`, event_subject_ref: `'other'`,
    event_subject_table: `'other'`, event_type: `'app.twice'`, event_domain: `'other'`, idempotency_key: `'key'`, xid: `'3'`, released_from: '1',
  }))('of an event: its %s', async (column, value) => {
    const id = await one<string>(`SELECT ${EVENT}`)
    expect(await after(`UPDATE iu_core.event_outbox SET ${column} = ${value} WHERE id = ${id}`)).toContainEqual(expect.stringMatching(new RegExp(`^link \\d+: event ${id} is not what was sealed$`)))
  })

  it('of an attempt: a failed one made a dry run, its code, its words', async () => {
    const key = await one<string>(`SELECT concat_ws('/', event_id, route_id, attempt_no) FROM iu_core.iu_route_attempt WHERE status = 'failed' ORDER BY event_id DESC LIMIT 1`)
    for (const change of [`status = 'dry_run', failure_code = NULL, failure_detail = NULL`, `failure_code = 'worker_process_error'`, `failure_detail = 'other'`]) {
      expect(await after(`UPDATE iu_core.iu_route_attempt SET ${change} WHERE concat_ws('/', event_id, route_id, attempt_no) = '${key}'`)).toContainEqual(expect.stringMatching(new RegExp(`^link \\d+: attempt ${key} is not what was sealed$`)))
    }
  })

  it('of a dead letter: its payload; its state, whichever it is; and that there was one', async () => {
    const open = await one<string>(`SELECT min(id) FROM iu_core.iu_route_dead_letter WHERE status = 'open'`)
    expect(await after(`UPDATE iu_core.iu_route_dead_letter SET payload = '{"n": 1}' WHERE id = ${open}`)).toEqual([expect.stringContaining(`dead letter ${open} is not what was sealed`)])
    for (const status of ['replayed', 'rerouted', 'discarded']) {
      expect(await after(`UPDATE iu_core.iu_route_dead_letter SET status = '${status}', resolved_at = now(), resolved_by = 'iu_deployer' WHERE id = ${open}`), status).toEqual([`dead letter ${open} is ${status}, and no attempt or run made it so`])
    }
    for (const status of ['replayed', 'corrected', 'discarded']) {
      const id = await one<string>(`SELECT min(id) FROM iu_core.iu_route_dead_letter WHERE status = '${status}'`)
      const told = await after(`UPDATE iu_core.iu_route_dead_letter SET status = 'discarded', corrected_by_event_id = NULL, resolved_by = 'somebody' WHERE id = ${id}`)
      expect(told, status).toEqual([`dead letter ${id} is discarded, and no attempt or run made it so`])
      const reopened = await after(`UPDATE iu_core.iu_route_dead_letter SET status = 'open', corrected_by_event_id = NULL, resolved_by = NULL, resolved_at = NULL WHERE id = ${id}`)
      expect(reopened, status).toEqual([`dead letter ${id} is open, and no attempt or run made it so`])
    }
    expect(await after(`UPDATE iu_core.iu_route_dead_letter SET failure_detail = 'other' WHERE id = ${open}`)).toEqual([`dead letter ${open} is open, and no attempt or run made it so`])
    const gone = await after('DELETE FROM iu_core.iu_route_dead_letter')
    expect(gone[0]).toMatch(/^link \d+: dead letter \d+ is gone \(and 6 more\)$/)
    expect(gone[1]).toMatch(/^attempt \d+\/\d+\/1 failed, and its dead letter is gone/)
  })

  it('of a roll-up, by hour and over all time', async () => {
    expect(await after(`UPDATE iu_core.iu_route_attempt_rollup SET attempts = attempts + 1 WHERE status = 'failed' AND worker_code <> 'replay' AND isfinite(span_start)`)).toEqual([expect.stringMatching(/^the roll-up of iu_outbound_default, route \d+, failed, \S+ \S+ counts 8 attempts, and there are 7$/)])
    expect(await after(`DELETE FROM iu_core.iu_route_attempt_rollup WHERE status = 'failed' AND worker_code <> 'replay' AND NOT isfinite(span_start)`)).toEqual([expect.stringMatching(/all time counts 0 attempts, and there are 7$/)])
  })

  it.each([
    ['version', `UPDATE iu_core.unit_version SET body = 'x', byte_length = 1, content_digest = sha256('x') WHERE unit_id = (SELECT max(unit_id) FROM iu_core.unit_version)`],
    ['checkpoint', `UPDATE iu_core.iu_collection_checkpoint SET label = 'x'`],
    ['piece of a checkpoint', 'UPDATE iu_core.iu_collection_checkpoint_piece SET version_seq = 1, is_pinned = true'],
    ['unit', `UPDATE iu_core.information_unit SET canonical_address = canonical_address || 'x' WHERE id = (SELECT max(id) FROM iu_core.information_unit)`],
    ['decision on the held event', `UPDATE iu_core.iu_held_decision SET reason = 'x'`],
    ['archive', `UPDATE iu_core.iu_archive SET content_digest = sha256('x')`],
    ['move of an archive', `UPDATE iu_core.iu_archive_move SET event_ids = '{[1,1000)}'`],
  ])('of a %s', async (called, sql) => {
    expect(await after(sql)).toContainEqual(expect.stringMatching(new RegExp(`^link \\d+: ${called} \\S+ is not what was sealed`)))
  })

  it('of a row by another: two events that change places', async () => {
    const [a, b] = [await one<string>(`SELECT min(id) FROM iu_core.event_outbox WHERE event_subject_ref LIKE 'bad%'`), await one<string>(`SELECT ${EVENT}`)]
    const columns = 'xid, id, event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane, idempotency_key, actor, created_at, released_from'
    const told = await after(client => client.query(`
      CREATE TEMP TABLE swapped ON COMMIT DROP AS SELECT * FROM iu_core.event_outbox WHERE id IN (${a}, ${b});
      DELETE FROM iu_core.event_outbox WHERE id IN (${a}, ${b});
      INSERT INTO iu_core.event_outbox (${columns}) OVERRIDING SYSTEM VALUE SELECT ${columns.replace(' id,', ` ${a} + ${b} - id,`)} FROM swapped`))
    expect(told).toEqual([expect.stringMatching(/^link \d+: event \d+ is not what was sealed \(and 1 more\)$/)])
  })

  it('by deletion: an event, also one between those of an archive; the newest; all of a kind', async () => {
    const told = await after(`DELETE FROM iu_core.event_outbox WHERE id = ${await one<string>(`SELECT ${EVENT}`)}`)
    expect(told[0]).toMatch(/^link \d+: event \d+ is gone$/)
    expect(told[1]).toMatch(/^event \d+ was attempted, and is gone$/)
    for (const [table, called] of [['unit_version', 'version'], ['iu_collection_checkpoint', 'checkpoint'], ['iu_route_attempt', 'attempt'], ['iu_archive_move', 'move of an archive'], ['iu_held_decision', 'decision on the held event']] as const) {
      expect(await after(`DELETE FROM iu_core.${table}`), table).toContainEqual(expect.stringMatching(new RegExp(`^link \\d+: ${called} \\S+ is gone`)))
    }
  })

  it('by insertion: a back-dated event in a gap, one of an old transaction, one that says it is older than it is', async () => {
    const columns = 'xid, id, event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane, actor, created_at'
    const insert = (xid: string, id: string, at: string) => `INSERT INTO iu_core.event_outbox (${columns}) OVERRIDING SYSTEM VALUE
      SELECT ${xid}, ${id}, event_domain, event_type, event_subject_table, 'forged', payload, delivery_lane, actor, ${at} FROM iu_core.event_outbox WHERE id = ${EVENT}`
    const gap = await one<string>('SELECT min(id) - 10 FROM iu_core.event_outbox')
    for (const sealing of [false, true]) {
      expect(await after(insert('xid', gap, 'created_at'), { sealing }), `an old transaction, ${sealing}`).toEqual([`event ${gap} stands in no link: it was put in past the functions`])
      expect(await after(insert('xid', `nextval('iu_core.event_outbox_id_seq')`, 'created_at'), { sealing })).toEqual([expect.stringMatching(/^event \d+ stands in no link/)])
    }
    // As a transaction of its own writes it: what is committed is sealed, and says what it says.
    const own = await db.connect()
    await own.query(insert('pg_current_xact_id()', `nextval('iu_core.event_outbox_id_seq')`, `created_at - interval '1 day'`))
    await sealLedger(db.pool)
    expect((await verdict()).problems).toEqual([expect.stringMatching(/^link \d+: event \d+ says it was written at .*, and was not$/)])
    const forged = await one<string>(`SELECT id FROM iu_core.event_outbox WHERE event_subject_ref = 'forged'`)
    await pastTriggers(own, async () => {
      await own.query(`UPDATE iu_core.event_outbox SET created_at = clock_timestamp() WHERE id = ${forged}`)
      expect((await verdict()).problems).toEqual([expect.stringMatching(new RegExp(`event ${forged} is not what was sealed`))])
      await own.query(`UPDATE iu_core.event_outbox SET created_at = (SELECT created_at - interval '1 day' FROM iu_core.event_outbox WHERE id = ${EVENT}) WHERE id = ${forged}`)
    })
  })
})

describe('the chain itself', () => {
  const withoutForged = (told: string[]) => told.filter(line => !line.includes('says it was written at'))
  it('tells a block that was changed, one that is gone, and one that is gone with its link', async () => {
    const no = await one<string>(`SELECT max(seal_no) FROM iu_core.dot_iu_history_block WHERE what = 'attempts'`)
    expect(await after(`UPDATE iu_core.dot_iu_history_block SET row_digests[1] = decode(repeat('00', 16), 'hex') WHERE seal_no = ${no}`)).toContain(`link ${no}: its block of attempts is not what was sealed`)
    expect(await after(`DELETE FROM iu_core.dot_iu_history_block WHERE seal_no = ${no}`)).toContain(`link ${no}: its block of history is gone`)
    const told = await after(client => client.query(`DELETE FROM iu_core.dot_iu_history_block WHERE seal_no = ${no}; DELETE FROM iu_core.dot_iu_command_seal WHERE seal_no = ${no}`))
    expect(told).toContain(`link ${no} is missing`)
    expect(told).toContainEqual(expect.stringMatching(/^attempt \S+ stands in no link: it was put in past the functions/))
  })

  it('tells an end that was cut off, without a head, by the sealer\'s state, by later runs, and by the rows that were sealed', async () => {
    const cut = (links: string, more = '') => (client: pg.Client) => client.query(`
      DELETE FROM iu_core.dot_iu_history_block WHERE seal_no > ${links};
      DELETE FROM iu_core.dot_iu_command_seal WHERE seal_no > ${links};
      DELETE FROM iu_core.dot_iu_command_run WHERE id NOT IN (SELECT run_id FROM iu_core.dot_iu_command_seal WHERE run_id IS NOT NULL);
      ${more}`)
    const newest = await one<string>('SELECT max(seal_no) FROM iu_core.dot_iu_command_seal')
    expect(await after(cut(`${newest} - 1`))).toContain(`link ${newest} was the newest that was made, and is not in the chain: its end was cut off or written anew`)
    const state = 'UPDATE iu_core.dot_iu_history_state SET (head_no, head_digest) = (SELECT seal_no, chain_digest FROM iu_core.dot_iu_command_seal ORDER BY seal_no DESC LIMIT 1);'
    // The runs of the whole history go, and with them the blocks; what they wrote stays.
    expect((await after(cut('2', state))).join('\n')).toMatch(/event \d+ stands in no link/)
    const run = await one<string>('SELECT max(id) FROM iu_core.dot_iu_command_run WHERE head_no > 3')
    expect(withoutForged(await after(client => client.query(`
      DELETE FROM iu_core.dot_iu_history_block WHERE seal_no > 3; DELETE FROM iu_core.dot_iu_command_seal WHERE seal_no > 3; ${state}
      INSERT INTO iu_core.dot_iu_command_unsealed SELECT id FROM iu_core.dot_iu_command_run WHERE id NOT IN (SELECT run_id FROM iu_core.dot_iu_command_seal WHERE run_id IS NOT NULL)`))).join('\n'))
      .toMatch(new RegExp(`run \\d+ \\(and \\d+ more\\) stands on a link that is not in the chain`))
    expect(Number(run)).toBeGreaterThan(0)
  })

  it('tells a sealer that was set back or whose state is gone', async () => {
    expect(withoutForged(await after('DELETE FROM iu_core.dot_iu_history_state'))).toContain('the sealer\'s state is gone: nobody knows how long the chain was')
    expect(withoutForged(await after('UPDATE iu_core.dot_iu_history_state SET head_no = head_no - 1'))).toContainEqual(expect.stringMatching(/^link \d+ was the newest that was made/))
  })
})

describe('what is allowed to change', () => {
  it('letters that fail again, are replayed, and events that an archive takes and gives back', async () => {
    const { rows: [plain] } = await db.pool.query<{ first: number, last: number }>(`SELECT min(id)::integer AS first, max(id)::integer AS last FROM iu_core.event_outbox WHERE event_subject_ref LIKE 'bad%' AND id NOT IN (SELECT event_id FROM iu_core.iu_route_dead_letter WHERE status = 'open')`)
    const { record, content } = await archiveOf(db.pool, plain!.first, plain!.last)
    const { result } = await carry(db.pool, 'dot_iu_record_archive', record)
    await carry(db.pool, 'dot_iu_remove_archived_events', { archive: result.archive })
    const problems = async () => (await verdict()).problems.filter(line => !line.includes('says it was written at'))
    expect(await problems()).toEqual([])
    await sealLedger(db.pool)
    expect(await problems()).toEqual([])
    await run(db.pool, 'dot_iu_restore_archived_events', 'apply', { archive: result.archive, content }, { reason: 'a test' })
    expect(await problems()).toEqual([])
    await sealLedger(db.pool)
    expect(await problems()).toEqual([])
    // Read anew from the first, nothing is sealed twice.
    await drain(db.pool)
    await audit(db.pool)
    await sealLedger(db.pool)
    const before = await one<string>('SELECT sum(cardinality(row_keys)) FROM iu_core.dot_iu_history_block')
    await db.pool.query(`SELECT iu_core.fn_iu_cursor_reset('iu_outbound_default')`)
    expect(await problems()).toEqual([])
    await drain(db.pool)
    await audit(db.pool)
    await sealLedger(db.pool)
    expect(await one('SELECT sum(cardinality(row_keys)) FROM iu_core.dot_iu_history_block')).toBe(before)
    expect(await problems()).toEqual([])
  })

  it('another cluster: everything is read anew, and nothing is sealed twice', async () => {
    const before = await one<string>('SELECT sum(cardinality(row_keys)) FROM iu_core.dot_iu_history_block')
    await db.pool.query(`UPDATE iu_core.dot_iu_history_state SET system_identifier = 1, snap_from = '1000000000:1000000000:'`)
    await sealLedger(db.pool)
    expect(await one('SELECT sum(cardinality(row_keys)) FROM iu_core.dot_iu_history_block')).toBe(before)
    const late = await db.connect()
    await late.query('BEGIN')
    const id = await emit(late, 'late')
    await emit(db.pool, 'early')
    await sealLedger(db.pool)
    expect((await verdict()).problems).toEqual([expect.stringContaining('says it was written at')])
    await late.query('COMMIT')
    expect((await verdict()).problems).toEqual([expect.stringContaining('says it was written at')])
    await sealLedger(db.pool)
    expect(await one(`SELECT count(*)::integer FROM iu_core.dot_iu_history_block WHERE what = 'events' AND '${id}' = ANY (row_keys)`)).toBe(1)
    expect((await verdict()).problems).toEqual([expect.stringContaining('says it was written at')])
  })
})

it('refuses an isolation in which it would miss what commits late, and a limit that is none', async () => {
  await db.as('iu_deployer', async (client) => {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
    expect(await refusal(client.query('SELECT iu_core.fn_dot_history_seal()'))).toMatchObject({ code: 'IU011' })
    await client.query('ROLLBACK')
  })
  for (const limit of ['0', 'NULL', '100001']) expect(await refusal(db.pool.query(`SELECT iu_core.fn_dot_history_seal(${limit})`))).toEqual({ code: 'IU002', column: 'limit' })
})
