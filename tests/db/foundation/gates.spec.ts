import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type TestDatabase, testDatabase } from '../harness.ts'

const GATES = [
  'iu_core.autocut_enabled', 'iu_core.composer_enabled', 'iu_core.execution_enabled', 'iu_core.operator_runtime_enabled',
  'iu_core.route_worker_enabled', 'iu_core.routes_master_enabled', 'iu_core.structure_ops_enabled',
]
const GATE = 'iu_core.composer_enabled'

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

const set = (gate: string | null, open: boolean | null, reason: string | null, expiresAt: string | null = null) =>
  db.pool.query<{ state: string }>('SELECT iu_core.fn_iu_gate_set($1, $2, $3, $4) AS state', [gate, open, reason, expiresAt]).then(({ rows }) => rows[0]!.state)
const state = async (gate: string | null = GATE) =>
  (await db.pool.query<{ state: string, open: boolean }>('SELECT iu_core.fn_iu_gate_state($1) AS state, iu_core.fn_iu_gate_is_open($1) AS open', [gate])).rows[0]!
const row = async (gate = GATE) =>
  (await db.pool.query<Record<string, unknown>>('SELECT * FROM iu_core.v_iu_gate WHERE gate = $1', [gate])).rows[0]

/** Runs `work` and rolls back whatever it did to the gates. */
async function spoiled(sql: string, work: (query: (sql: string, values?: unknown[]) => Promise<Record<string, unknown>[]>) => Promise<void>): Promise<void> {
  const client = await db.connect()
  try {
    await client.query('BEGIN')
    await client.query(sql)
    await work(async (text, values) => (await client.query<Record<string, unknown>>(text, values)).rows)
  }
  finally {
    await client.query('ROLLBACK')
    await client.end()
  }
}

describe('as deployed', () => {
  it('declares seven gates, all closed, each with a description and a reason', async () => {
    const { rows } = await db.pool.query('SELECT gate, state, is_open, description <> \'\' AS described, reason FROM iu_core.v_iu_gate ORDER BY gate')
    expect(rows).toEqual(GATES.map(gate => ({ gate, state: 'closed', is_open: false, described: true, reason: 'seeded closed' })))
  })
})

describe('setting a gate', () => {
  it('opens and closes with a reason, and keeps who, why and when', async () => {
    const before = await row()
    expect(await set(GATE, true, '  first look  ')).toBe('open')
    expect(await state()).toEqual({ state: 'open', open: true })
    expect(await row()).toMatchObject({ reason: 'first look', changed_by: 'db:iu_deployer', is_open: true, expires_at: null })
    expect((await row())!.changed_at as Date > (before!.changed_at as Date)).toBe(true)
    expect(await set(GATE, false, 'enough')).toBe('closed')
    expect(await state()).toEqual({ state: 'closed', open: false })
  })

  it.each([null, '', '   '])('refuses the reason %j and changes nothing', async (reason) => {
    const before = await row()
    await expect(set(GATE, true, reason)).rejects.toMatchObject({ code: 'IU002', column: 'reason' })
    expect(await row()).toEqual(before)
  })

  it('refuses to guess whether to open', async () => {
    await expect(set(GATE, null, 'why not')).rejects.toMatchObject({ code: 'IU002', column: 'open' })
  })

  it.each(['iu_core.no_such_gate', '', null, 'IU_CORE.COMPOSER_ENABLED'])('does not know the gate %j, and names those there are', async (gate) => {
    await expect(set(gate, true, 'open sesame')).rejects.toMatchObject({ code: 'IU003', column: 'gate', hint: `Gates: ${GATES.join(', ')}` })
    expect((await db.pool.query('SELECT FROM iu_core.dot_config')).rowCount).toBe(GATES.length)
  })

  it('opens until a time, and refuses one that is past', async () => {
    await expect(set(GATE, true, 'too late', '2001-01-01T00:00:00Z')).rejects.toMatchObject({ code: 'IU002', column: 'expires_at' })
    expect((await state()).open).toBe(false)
    expect(await set(GATE, true, 'an hour', new Date(Date.now() + 3_600_000).toISOString())).toBe('open')
    expect((await row())!.expires_at).toBeInstanceOf(Date)
    expect(await set(GATE, true, 'for good')).toBe('open')
    expect((await row())!.expires_at).toBeNull()
    await set(GATE, false, 'done', new Date(Date.now() + 3_600_000).toISOString())
    expect((await row())!.expires_at).toBeNull()
  })

  it('repairs a malformed row', async () => {
    await spoiled(`UPDATE iu_core.dot_config SET value = 'yes', value_type = 'text' WHERE key = '${GATE}'`, async (query) => {
      expect(await query('SELECT iu_core.fn_iu_gate_set($1, true, \'repaired\') AS state', [GATE])).toEqual([{ state: 'open' }])
    })
  })
})

describe('a gate that is not exactly open', () => {
  it.each([
    ['malformed', `UPDATE iu_core.dot_config SET value = 'TRUE' WHERE key = '${GATE}'`],
    ['malformed', `UPDATE iu_core.dot_config SET value = ' true' WHERE key = '${GATE}'`],
    ['malformed', `UPDATE iu_core.dot_config SET value = '1' WHERE key = '${GATE}'`],
    ['malformed', `UPDATE iu_core.dot_config SET value = '' WHERE key = '${GATE}'`],
    ['malformed', `UPDATE iu_core.dot_config SET value = 'true', value_type = 'boolean' WHERE key = '${GATE}'`],
    ['expired', `UPDATE iu_core.dot_config SET value = 'true', expires_at = clock_timestamp() - interval '1 microsecond' WHERE key = '${GATE}'`],
    ['missing', `DELETE FROM iu_core.dot_config WHERE key = '${GATE}'`],
    ['closed', `UPDATE iu_core.dot_config SET value = 'false', expires_at = clock_timestamp() + interval '1 hour' WHERE key = '${GATE}'`],
  ])('is closed, says %s, lets nothing through and still shows: %s', async (expected, sql) => {
    await spoiled(sql, async (query) => {
      expect(await query('SELECT iu_core.fn_iu_gate_state($1) AS state, iu_core.fn_iu_gate_is_open($1) AS open', [GATE])).toEqual([{ state: expected, open: false }])
      expect(await query('SELECT state, is_open FROM iu_core.v_iu_gate WHERE gate = $1', [GATE])).toEqual([{ state: expected, is_open: false }])
      await expect(query('SELECT iu_core.fn_iu_gate_require($1)', [GATE])).rejects.toMatchObject({ code: 'IU001', column: GATE, message: `gate ${GATE} is closed (${expected})` })
    })
  })

  it('expires within a transaction that began before', async () => {
    await spoiled(`UPDATE iu_core.dot_config SET value = 'true', expires_at = clock_timestamp() WHERE key = '${GATE}'`, async (query) => {
      expect(await query('SELECT expires_at > now() AS was_to_come, iu_core.fn_iu_gate_is_open($1) AS open FROM iu_core.dot_config WHERE key = $1', [GATE])).toEqual([{ was_to_come: true, open: false }])
    })
  })

  it.each([null, '', 'iu_core.no_such_gate'])('is missing when there is no gate %j', async (gate) => {
    expect(await state(gate)).toEqual({ state: 'missing', open: false })
  })

  it('says who closed it and how to open it', async () => {
    await set(GATE, false, 'stock-taking')
    await expect(db.pool.query('SELECT iu_core.fn_iu_gate_require($1)', [GATE])).rejects.toMatchObject({
      code: 'IU001', detail: expect.stringMatching(/^false by db:iu_deployer at .*: stock-taking$/), hint: expect.stringContaining(`iu gate open ${GATE}`),
    })
  })
})

describe('declaring and retracting', () => {
  it('neither opens nor closes a gate by declaring it again', async () => {
    await set(GATE, true, 'in use')
    await db.pool.query('SELECT iu_core.fn_iu_gate_declare($1)', [JSON.stringify({ [GATE]: 'declared again' })])
    expect(await row()).toMatchObject({ state: 'open', reason: 'in use' })
    await set(GATE, false, 'no longer')
    await db.pool.query('SELECT iu_core.fn_iu_gate_declare($1)', [JSON.stringify({ [GATE]: 'declared again' })])
    expect(await row()).toMatchObject({ state: 'closed', reason: 'no longer' })
  })

  it('declares a gate whose row is gone anew, closed', async () => {
    await spoiled(`DELETE FROM iu_core.dot_config WHERE key = '${GATE}'`, async (query) => {
      await query('SELECT iu_core.fn_iu_gate_declare($1)', [JSON.stringify({ [GATE]: 'back' })])
      expect(await query('SELECT iu_core.fn_iu_gate_state($1) AS state', [GATE])).toEqual([{ state: 'closed' }])
    })
  })

  it('retracts no gates while one is open, and names it', async () => {
    await spoiled(`SELECT iu_core.fn_iu_gate_set('${GATE}', true, 'in use')`, async (query) => {
      await expect(query('SELECT iu_core.fn_iu_gate_retract()')).rejects.toMatchObject({ code: 'IU010', message: expect.stringContaining(GATE) })
    })
    await spoiled(`SELECT iu_core.fn_iu_gate_retract()`, async (query) => {
      expect(await query('SELECT gate FROM iu_core.v_iu_gate')).toEqual([])
    })
  })
})
