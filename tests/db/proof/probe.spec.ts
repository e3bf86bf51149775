import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testDatabase, type TestDatabase } from '../harness.ts'
import { run } from '../commands/world.ts'
import { asDeployed, drain, emit, expectWhole, furnish, openDatabase, type Queryable, setGate } from '../world.ts'

const LEDGER = ['dot_iu_command_run', 'dot_iu_command_unsealed', 'dot_drift_known']
const LETTERS = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H']

interface Scenario { scenario: string, status: string, ms: number, detail: string | null }

/** The rows of every table there is, by content; the ledger's own apart. */
async function picture(db: Queryable): Promise<Record<string, string>> {
  const { rows: names } = await db.query<{ name: string }>(`SELECT relname::text AS name FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace AND relkind = 'r' AND relname <> ALL ($1) ORDER BY 1`, [LEDGER])
  const { rows } = await db.query<{ name: string, content: string }>(names.map(({ name }) =>
    `SELECT '${name}' AS name, count(*) || ' ' || md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) AS content FROM iu_core.${name} AS t`).join(' UNION ALL '))
  return Object.fromEntries(rows.map(({ name, content }) => [name, content]))
}

async function probe(db: Queryable): Promise<Scenario[]> {
  const { rows } = await db.query<Scenario>('SELECT scenario, status, ms::float AS ms, detail FROM iu_core.fn_iu_probe()')
  expect(rows.map(row => row.scenario)).toEqual(LETTERS)
  return rows
}
const statuses = (rows: Scenario[]) => Object.fromEntries(rows.map(({ scenario, status }) => [scenario, status]))
const all = (status: string) => Object.fromEntries(LETTERS.map(letter => [letter, status]))

/** Waits until something is so; what it was then. */
async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  let seen: T | undefined
  await expect.poll(async () => seen = await look(), { interval: 5 }).not.toBeUndefined()
  return seen!
}

describe('the probe', () => {
  let db: TestDatabase
  beforeAll(async () => {
    db = await testDatabase()
  })
  afterAll(() => db.drop())

  it('passes with every gate as it is seeded, closed, and leaves nothing but the ledger\'s rows', async () => {
    const before = await picture(db.pool)
    const ran = await run(db.pool, 'dot_iu_run_probe', 'apply')
    expect(ran).toMatchObject({ status: 'succeeded', result: { passed: 8 }, notes: [], events: [], objects: [] })
    const verified = await run(db.pool, 'dot_iu_run_probe', 'verify', {}, { run: ran.run })
    expect(verified).toMatchObject({ status: 'verified', results: [...ran.checks.slice(0, 8).map(({ name }) => ({ name, ok: true })), { name: 'nothing_is_left', ok: true }] })
    expect(verified.results).toHaveLength(9)
    expect(await picture(db.pool)).toEqual(before)
    expect((await db.pool.query('SELECT count(*)::int AS n FROM iu_core.dot_iu_command_run')).rows).toEqual([{ n: 2 }])
  })

  it('passes in a world with routed, waiting, held and dead events, and leaves it as it was', async () => {
    await furnish(db.pool)
    for (const type of ['app.plain', 'app.twice', 'app.unwanted', 'app.disabled', 'app.strict']) await emit(db.pool, 'a', {}, type)
    await drain(db.pool)
    await setGate(db.pool, 'routes_master_enabled', false)
    await emit(db.pool, 'held')
    await setGate(db.pool, 'routes_master_enabled', true)
    await emit(db.pool, 'waiting')
    const before = await picture(db.pool)
    const rows = await probe(db.pool)
    expect(statuses(rows)).toEqual(all('passed'))
    expect(await picture(db.pool)).toEqual(before)
    const { rows: locks } = await db.pool.query(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
    expect(locks).toEqual([])
  })

  it('has taken back every row and lock of a scenario before the next, inside one transaction', async () => {
    const client = await db.connect()
    await client.query('BEGIN')
    await emit(client, 'own')
    expect(statuses(await probe(client))).toEqual(all('passed'))
    // Nothing is locked against others: not a gate, not a cursor, not a route.
    await db.as('iu_deployer', async (other) => {
      await other.query('BEGIN')
      for (const table of ['dot_config', 'iu_route_worker_cursor', 'iu_outbound_route', 'iu_event_type', 'information_unit']) await other.query(`SELECT FROM iu_core.${table} FOR UPDATE NOWAIT`)
      await other.query('ROLLBACK')
    })
    const { rows } = await client.query('SELECT event_subject_ref AS subject FROM iu_core.event_outbox WHERE xid = pg_current_xact_id()')
    expect(rows).toEqual([{ subject: 'own' }])
    await client.query('ROLLBACK')
  })

  it.each([
    ['a trigger of the unit family is off', 'ALTER TABLE iu_core.unit_version DISABLE TRIGGER trg_iu_out_version', 'A'],
    ['the outbox can be rewritten', 'ALTER TABLE iu_core.event_outbox DISABLE TRIGGER trg_event_outbox_append_only', 'A'],
    ['first attempts can be doubled', 'ALTER TABLE iu_core.iu_route_attempt DROP CONSTRAINT iu_route_attempt_pkey', 'D'],
    ['roll-ups are not kept', `CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_rollup_add(p_worker_code text, p_at timestamptz, p_route_ids integer[], p_statuses text[], p_counts integer[]) RETURNS void LANGUAGE sql AS $$ SELECT $$`, 'BG'],
    ['a delivery goes through', `CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_deliver(p_event_id bigint, p_route_id integer) RETURNS void LANGUAGE sql AS $$ SELECT $$`, 'EF'],
    ['a route goes live without approval', 'ALTER TABLE iu_core.iu_outbound_route DROP CONSTRAINT iu_outbound_route_safe_chk', 'E'],
    ['a replay does nothing', `CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_attempt_one(p_worker_code text, p_event_id bigint, p_route_id integer, p_attempt_no integer) RETURNS text LANGUAGE sql AS $$ SELECT 'dry_run' $$`, 'EF'],
    ['dead letters are not shown', 'CREATE OR REPLACE VIEW iu_core.v_iu_route_dead_letter_open AS SELECT id AS dead_letter_id, event_id, route_id, \'\'::text COLLATE "C" AS route_code, attempt_no, failure_code, failure_detail, event_domain, event_type, event_subject_table, event_subject_ref, payload, actor, event_created_at, created_at, cause, NULL::boolean AS route_enabled FROM iu_core.iu_route_dead_letter WHERE false', 'EG'],
    ['a gate that is missing is open', `CREATE OR REPLACE FUNCTION iu_core.fn_iu_gate_is_open(p_gate text) RETURNS boolean LANGUAGE sql AS $$ SELECT iu_core.fn_iu_gate_state(p_gate) IN ('open', 'missing') $$`, 'H'],
  ])('fails where %s, and only there', async (_, breach, failing) => {
    await db.as('iu_deployer', async (client) => {
      await client.query('BEGIN')
      await client.query(breach)
      expect(statuses(await probe(client))).toEqual({ ...all('passed'), ...Object.fromEntries([...failing].map(letter => [letter, 'failed'])) })
      await client.query('ROLLBACK')
    })
  })

  it('would see what it left: each table that its scenarios write to', async () => {
    const client = await db.connect()
    const numbers = async (): Promise<Record<string, number>> => Object.fromEntries(await Promise.all(['event_outbox', 'iu_route_dead_letter', 'iu_route_worker_run'].map(async (table) => {
      const { rows } = await db.pool.query<{ n: string | null }>(`SELECT pg_sequence_last_value('iu_core.${table}_id_seq') AS n`)
      return [table, Number(rows[0]!.n ?? 0)]
    })))
    const seen = new Set<string>()
    for (const letter of LETTERS) {
      await client.query('BEGIN')
      const from = await numbers()
      await client.query('SELECT iu_core.fn_iu_probe_scenario($1)', [letter])
      const to = await numbers()
      const drawn = Object.fromEntries(Object.keys(from).map(table => [table, [from[table], to[table]]]))
      const { rows } = await client.query<{ relation: string, left_rows: string }>('SELECT * FROM iu_core.fn_iu_probe_left($1)', [drawn])
      for (const { relation, left_rows: left } of rows) if (Number(left) > 0) seen.add(relation)
      await client.query('ROLLBACK')
    }
    expect([...seen].sort()).toEqual(['dot_config', 'event_outbox', 'information_unit', 'iu_event_type', 'iu_outbound_route', 'iu_route_attempt', 'iu_route_attempt_rollup', 'iu_route_dead_letter', 'unit_version'])
    await client.end()
  })

  it('finds nothing to run, and waits for nobody, while somebody is at a gate that it needs', async () => {
    await db.as('iu_deployer', async (other) => {
      await other.query('BEGIN')
      await other.query(`SELECT FROM iu_core.dot_config WHERE key = 'iu_core.route_worker_enabled' FOR UPDATE`)
      const rows = await probe(db.pool)
      expect(statuses(rows)).toEqual({ ...all('passed'), H: 'not_run' })
      expect(rows.at(-1)!.detail).toMatch(/^busy/)
      const ran = await run(db.pool, 'dot_iu_run_probe', 'apply')
      expect(ran.notes).toEqual(['H: A gate that is closed or missing stops; what is held is released (not run)'])
      const verified = await run(db.pool, 'dot_iu_run_probe', 'verify', {}, { run: ran.run })
      expect(verified.status).toBe('unverified')
      expect(verified.results.filter(({ ok }) => !ok)).toEqual([{ name: expect.stringMatching(/^H: /), ok: false, detail: 'status: want "passed", have "not_run: busy: somebody else is at a row that it needs"' }])
    })
  })

  it('is refused under a snapshot of its own', async () => {
    await db.as('iu_deployer', async (client) => {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
      await expect(client.query('SELECT * FROM iu_core.fn_iu_probe()')).rejects.toMatchObject({ code: 'IU011' })
    })
  })
})

describe('a probe in the middle', () => {
  let db: TestDatabase
  beforeAll(async () => {
    db = await openDatabase()
    await setGate(db.pool, 'operator_runtime_enabled', true)
    // Scenario E delivers: there it is held.
    await asDeployed(db.pool, `CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_deliver(p_event_id bigint, p_route_id integer) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(3600); END $$`)
  })
  afterAll(() => db.drop())

  /** The process of a probe that has come to its delivery. */
  const inTheMiddle = () => until(async () => (await db.pool.query<{ pid: number }>(`SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`)).rows[0]?.pid)
  const gone = (pid: number) => until(async () => (await db.pool.query('SELECT FROM pg_stat_activity WHERE pid = $1', [pid])).rowCount === 0 ? true : undefined)

  it('holds back no command and no worker, and leaves nothing when it is terminated', async () => {
    await emit(db.pool, 'before')
    const client = await db.connect()
    const probing = run(client, 'dot_iu_run_probe', 'apply').catch((error: { code?: string }) => error.code)
    const pid = await inTheMiddle()
    await db.as('iu_deployer', async (other) => {
      // Whoever had to wait would do so until the probe is over, which it is not before this.
      for (const [command, params] of [
        ['dot_iu_close_gate', { gate: 'iu_core.route_worker_enabled' }], ['dot_iu_create_piece', { address: 'a/piece', kind: 'text', body: 'x' }],
        ['dot_iu_register_event_type', { event_type: 'app.beside', description: 'beside' }], ['dot_iu_disable_route', { route: 'app.plain.log' }],
      ] as const) {
        const plan = await run(other, command, 'plan', params)
        expect(await run(other, command, 'apply', params, { reason: 'meanwhile', plan: plan.plan_digest })).toMatchObject({ status: 'succeeded' })
      }
      await setGate(other, 'route_worker_enabled', true)
      await emit(other, 'meanwhile')
      expect(await drain(other)).toMatchObject({ seen: 3 })
    })
    const before = await picture(db.pool)
    await db.pool.query('SELECT pg_terminate_backend($1)', [pid])
    expect(await probing).not.toHaveProperty('status')
    await gone(pid)
    expect(await picture(db.pool)).toEqual(before)
    expect((await db.pool.query(`SELECT FROM iu_core.dot_iu_command_run WHERE command_code = 'dot_iu_run_probe'`)).rowCount).toBe(0)
    await expectWhole(db.pool)
  })

  it('leaves nothing when `iu probe` is killed: what nobody waits for any more takes itself back', async () => {
    await asDeployed(db.pool, `CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_deliver(p_event_id bigint, p_route_id integer) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(3); END $$`)
    const before = await picture(db.pool)
    const child = spawn(process.execPath, [join(import.meta.dirname, '../../../server/cli/iu.ts'), 'probe'], { env: { ...process.env, DATABASE_URL: db.url }, stdio: 'ignore' })
    const pid = await inTheMiddle()
    child.kill('SIGKILL')
    await once(child, 'exit')
    await gone(pid)
    expect(await picture(db.pool)).toEqual(before)
  })
})

describe('a probe beside others', () => {
  let db: TestDatabase
  beforeAll(async () => {
    db = await openDatabase()
  })
  afterAll(() => db.drop())

  it('disturbs neither writers nor workers nor another probe, nor they it', async () => {
    let going = true
    let written = 0
    const write = async (number: number) => {
      const client = await db.connect()
      for (let i = 0; going; i++) {
        await client.query('BEGIN')
        await emit(client, `s${i % 5}`, {}, ['app.plain', 'app.twice', 'app.unwanted', 'app.disabled', 'app.strict'][(i + number) % 5])
        if (i % 7 === 0) await client.query('ROLLBACK')
        else await client.query('COMMIT').then(() => written++)
      }
      await client.end()
    }
    const work = async () => {
      while (going) await db.pool.query('SELECT FROM iu_core.fn_iu_route_worker_run($1, 50)', ['iu_outbound_default'])
    }
    const others = [write(0), write(1), write(2), work()]
    const probing = async () => {
      for (let i = 0; i < 6; i++) {
        const ran = await run(db.pool, 'dot_iu_run_probe', 'apply')
        // Two probes may meet at a gate, in scenario H: the second says so and does not wait.
        const scenarios = ran.checks.filter(({ kind }) => kind === 'probe') as unknown as Scenario[]
        expect(scenarios.filter(({ scenario, status }) => status !== 'passed' && !(scenario === 'H' && status === 'not_run')), JSON.stringify(scenarios)).toEqual([])
        const verified = await run(db.pool, 'dot_iu_run_probe', 'verify', {}, { run: ran.run })
        expect(verified.results.at(-1)).toEqual({ name: 'nothing_is_left', ok: true })
      }
    }
    await Promise.all([probing(), probing(), expect.poll(() => written).toBeGreaterThan(20)]).finally(() => { going = false })
    await Promise.all(others)
    await drain(db.pool)
    await expectWhole(db.pool)
    const { rows } = await db.pool.query<{ n: number, types: string[] }>('SELECT count(*)::int AS n, array_agg(DISTINCT split_part(event_type, \'.\', 1)) AS types FROM iu_core.event_outbox')
    expect(rows).toEqual([{ n: written, types: ['app'] }])
  })
})
