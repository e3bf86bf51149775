/** The chain over the ledger: it is made in batches, by whoever comes, and shows every later change. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type pg from 'pg'
import type { TestDatabase } from '../harness.ts'
import { pastTriggers, type Queryable, refusal } from '../world.ts'
import { openDatabase, run } from './world.ts'

let db: TestDatabase
let made = 0
beforeAll(async () => {
  db = await openDatabase()
  await act(5)
})
afterAll(() => db.drop())

/** Some runs, one of them refused. */
async function act(count: number, client: Queryable = db.pool): Promise<number[]> {
  const ids: number[] = []
  for (let i = 0; i < count; i++) {
    const params = { address: i === 1 ? 'Refused' : `p${++made}`, kind: 'paragraph', body: 'A body' }
    ids.push((await run(client, 'dot_iu_create_piece', 'apply', params, { reason: 'a test', key: `k${made}` })).run)
  }
  return ids
}
const seal = async (limit?: number, client: Queryable = db.pool) => (await client.query<{ n: number }>(limit === undefined ? 'SELECT iu_core.fn_dot_ledger_seal() AS n' : `SELECT iu_core.fn_dot_ledger_seal(${limit}) AS n`)).rows[0]!.n
interface Verdict { ok: boolean, problems: string[], rows_sealed: string, rows_unsealed: string, head: string, head_no: string }
const check = async (head?: string, client: Queryable = db.pool) => (await client.query<Verdict>('SELECT * FROM iu_core.fn_dot_ledger_verify($1)', [head ?? null])).rows[0]!
const links = async () => (await db.pool.query<{ no: number, run: number }>('SELECT seal_no::integer AS no, run_id::integer AS run FROM iu_core.dot_iu_command_seal ORDER BY 1')).rows

/** What a verification says after `damage`, which is taken back. */
async function after(damage: (client: pg.Client) => Promise<unknown>, head?: string): Promise<Verdict> {
  return db.as('iu_deployer', async (client) => {
    await client.query('BEGIN')
    await pastTriggers(client, () => damage(client))
    const verdict = await check(head, client)
    await client.query('ROLLBACK')
    return verdict
  })
}

describe('sealing', () => {
  it('takes the oldest first, as many as it may, and numbers them without a gap', async () => {
    await seal(100_000)
    const sealed = (await links()).length
    const ids = await act(7)
    expect(await check()).toMatchObject({ ok: true, rows_unsealed: '7' })
    expect([await seal(3), await seal(3), await seal(3), await seal(3)]).toEqual([3, 3, 1, 0])
    const chain = await links()
    expect(chain.map(link => link.no)).toEqual(chain.map((_, i) => i + 1))
    expect(chain.slice(sealed).map(link => link.run)).toEqual(ids)
    expect(await check()).toMatchObject({ ok: true, problems: [], rows_unsealed: '0', rows_sealed: String(chain.length), head_no: String(chain.length) })
  })

  it.each(['0', '-1', '100001', 'NULL'])('refuses a limit of %s', async (limit) => {
    expect(await refusal(db.pool.query(`SELECT iu_core.fn_dot_ledger_seal(${limit})`))).toEqual({ code: 'IU002', column: 'limit' })
  })

  it('takes a run that is committed late when it comes, behind those that were there', async () => {
    await seal(100_000)
    const slow = await db.connect()
    await slow.query('BEGIN')
    const [late] = await act(1, slow)
    const [early] = await act(1)
    expect(early).toBeGreaterThan(late!)
    expect(await seal()).toBe(1)
    const head = (await check()).head
    await slow.query('COMMIT')
    expect(await check()).toMatchObject({ ok: true, rows_unsealed: '1' })
    expect(await seal()).toBe(1)
    expect((await links()).slice(-2).map(link => link.run)).toEqual([early, late])
    expect(await check(head)).toMatchObject({ ok: true, problems: [] })
  })

  it('by many at once, while runs come in, makes one chain of all of them', async () => {
    const clients = await Promise.all(Array.from({ length: 6 }, () => db.connect()))
    await Promise.all(clients.map(async (client, i) => {
      for (let round = 0; round < 10; round++) await (i < 3 ? act(1, client) : seal(2, client))
    }))
    while (await seal() > 0) { /* until nothing waits */ }
    const [chain, { rows }] = [await links(), await db.pool.query<{ n: number }>('SELECT count(*)::integer AS n FROM iu_core.dot_iu_command_run')]
    expect(chain.map(link => link.no)).toEqual(chain.map((_, i) => i + 1))
    expect(new Set(chain.map(link => link.run)).size).toBe(rows[0]!.n)
    expect(await check()).toMatchObject({ ok: true, problems: [], rows_unsealed: '0' })
  })

  it('a second sealer does not wait for the first, nor does a verifier, who sees the chain as it was', async () => {
    await act(2)
    const [one, other] = [await db.connect(), await db.connect()]
    await one.query('BEGIN')
    expect(await seal(undefined, one)).toBe(2)
    expect(await seal(undefined, other)).toBe(0)
    expect(await check(undefined, other)).toMatchObject({ ok: true, rows_unsealed: '2' })
    await one.query('ROLLBACK')
    expect(await seal(undefined, other)).toBe(2)
    expect(await check()).toMatchObject({ ok: true, rows_unsealed: '0' })
  })
})

describe('a verification', () => {
  let whole: Verdict
  let sealed: { no: number, run: number }[]
  beforeAll(async () => {
    await act(4)
    await seal(100_000)
    whole = await check()
    sealed = await links()
    expect(whole).toMatchObject({ ok: true, problems: [] })
  })
  const last = () => sealed.at(-1)!

  it('holds whatever the session says of times, numbers and bytes', async () => {
    await db.as('iu_deployer', async (client) => {
      for (const setting of ['TimeZone = \'Asia/Kathmandu\'', 'DateStyle = \'German, DMY\'', 'IntervalStyle = sql_standard', 'bytea_output = escape', 'extra_float_digits = -15', 'lc_numeric = \'C\'']) {
        await client.query(`SET ${setting}`)
        expect(await check(whole.head, client), setting).toEqual(whole)
      }
      await act(1, client)
      expect(await seal(undefined, client)).toBe(1)
    })
    expect(await check(whole.head)).toMatchObject({ ok: true, problems: [] })
    whole = await check()
    sealed = await links()
  })

  /** A change of each column of a run, as small as can be. */
  const CHANGES: Record<string, string> = {
    command_code: 'command_code || \'x\'', mode: '\'plan\'', status: '\'verified\'', code: 'code || \'x\'', actor: 'actor || \'x\'', actor_kind: '\'token\'', reason: 'reason || \' \'',
    params: 'params || \'{"x": 1}\'', param_digest: 'param_digest || \'x\'', state_digest: 'state_digest || \'x\'', plan_digest: 'plan_digest || \'x\'', plan_run_id: '1', target_run_id: '1', idempotency_key: 'idempotency_key || \'x\'',
    object_refs: 'array_append(object_refs, \'x\')', event_count: 'event_count + 1', event_from: 'coalesce(event_from, 0) + 1', event_to: 'coalesce(event_to, 0) + 1', xid: '\'1\'', frozen: '\'[]\'', receipt: 'jsonb_set(receipt, \'{actor}\', \'"other"\')',
    head_no: 'head_no + 1', head_digest: 'sha256(head_digest)', outcome: '\'failed_again\'', started_at: 'started_at - interval \'1 microsecond\'', finished_at: 'finished_at + interval \'1 microsecond\'',
  }

  it('knows every column of a run', async () => {
    const { rows } = await db.pool.query<{ name: string }>(`SELECT attname::text AS name FROM pg_attribute WHERE attrelid = 'iu_core.dot_iu_command_run'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'id'`)
    expect(rows.map(row => row.name).sort()).toEqual(Object.keys(CHANGES).sort())
  })

  it.each(Object.keys(CHANGES))('finds a run whose %s was changed', async (column) => {
    const { rows } = await db.pool.query<{ id: number }>(`SELECT max(id)::integer AS id FROM iu_core.dot_iu_command_run WHERE status = $1`, [column === 'code' ? 'refused' : 'succeeded'])
    const link = sealed.find(it => it.run === rows[0]!.id)!
    const verdict = await after(client => client.query(`UPDATE iu_core.dot_iu_command_run SET ${column} = ${CHANGES[column]} WHERE id = $1`, [link.run]), whole.head)
    expect(verdict.ok).toBe(false)
    expect(verdict.problems[0]).toBe(`link ${link.no}: run ${link.run} is not what was sealed`)
    expect(verdict.problems.slice(1)).toEqual(column.startsWith('head_') ? [`run ${link.run} stands on a link that is not in the chain: links were removed or written anew before it`] : [])
  })

  it('finds a run that is gone, and one in another\'s place', async () => {
    expect(await after(client => client.query('DELETE FROM iu_core.dot_iu_command_run WHERE id = $1', [last().run]))).toMatchObject({ ok: false, problems: [`link ${last().no}: run ${last().run} is gone from the ledger`] })
    const swapped = await after(async (client) => {
      await client.query('ALTER TABLE iu_core.dot_iu_command_seal DROP CONSTRAINT dot_iu_command_seal_run_key')
      await client.query('UPDATE iu_core.dot_iu_command_seal SET run_id = $1 + $2 - run_id WHERE run_id IN ($1, $2)', [last().run, sealed.at(-2)!.run])
    })
    expect(swapped.problems).toEqual([`link ${sealed.at(-2)!.no}: run ${last().run} is not what was sealed`])
  })

  it('finds a link that is gone or was changed', async () => {
    expect((await after(client => client.query('DELETE FROM iu_core.dot_iu_command_seal WHERE seal_no = 2'))).problems).toEqual(['link 2 is missing', '1 runs are neither sealed nor waiting for it'])
    expect((await after(client => client.query(`UPDATE iu_core.dot_iu_command_seal SET chain_digest = sha256('x') WHERE seal_no = 2`))).problems).toEqual([`link 2: run ${sealed[1]!.run} is not what was sealed`])
  })

  it('finds a run that slipped past the seal, and one that was smuggled in', async () => {
    const slipped = await after(async (client) => {
      const [id] = await act(1, client)
      await client.query('DELETE FROM iu_core.dot_iu_command_unsealed WHERE run_id = $1', [id])
    })
    expect(slipped.problems).toEqual(['1 runs are neither sealed nor waiting for it'])
  })

  it('finds an end that was cut off by the head that was exported', async () => {
    const cut = async (client: pg.Client) => {
      await client.query('DELETE FROM iu_core.dot_iu_command_seal WHERE seal_no > $1', [last().no - 2])
      await client.query('DELETE FROM iu_core.dot_iu_command_run WHERE id = ANY ($1)', [sealed.slice(-2).map(link => link.run)])
    }
    // Without the head the sealer's own state tells it, and whoever sets that back too is told by the head alone: that is what it is for.
    const newest = `link ${last().no} was the newest that was made, and is not in the chain: its end was cut off or written anew`
    expect((await after(cut)).problems).toEqual([newest])
    const lost = `the head ${whole.head.slice(0, 12)}… is not in this chain: rows were removed or written anew since it was exported`
    expect((await after(cut, whole.head)).problems).toEqual([newest, lost])
    const setBack = async (client: pg.Client) => {
      await cut(client)
      await client.query('UPDATE iu_core.dot_iu_history_state SET (head_no, head_digest) = (SELECT seal_no, chain_digest FROM iu_core.dot_iu_command_seal ORDER BY seal_no DESC LIMIT 1)')
    }
    expect(await after(setBack)).toMatchObject({ ok: true })
    expect((await after(setBack, whole.head)).problems).toEqual([lost])
  })

  it('finds a chain that was made anew over a changed ledger, by the head that was exported', async () => {
    const anew = async (client: pg.Client) => {
      await client.query(`UPDATE iu_core.dot_iu_command_run SET reason = 'other' WHERE id = $1`, [sealed[0]!.run])
      await client.query('DELETE FROM iu_core.dot_iu_command_seal')
      await client.query('INSERT INTO iu_core.dot_iu_command_unsealed SELECT id FROM iu_core.dot_iu_command_run')
      await seal(100_000, client)
    }
    // The runs that came later stand on links that are no more.
    expect((await after(anew)).problems).toEqual([expect.stringMatching(/^run \d+ \(and \d+ more\) stands on a link that is not in the chain/)])
    expect((await after(anew, whole.head)).problems).toContainEqual(expect.stringContaining('is not in this chain: rows were removed'))
  })

  it('holds with any head that there ever was, and refuses what is none', async () => {
    const { rows } = await db.pool.query<{ head: string }>(`SELECT encode(chain_digest, 'hex') AS head FROM iu_core.dot_iu_command_seal`)
    for (const { head } of rows.slice(0, 5)) expect(await check(head)).toMatchObject({ ok: true })
    for (const head of ['', 'x', 'A'.repeat(64), '0'.repeat(63)]) expect(await refusal(check(head))).toEqual({ code: 'IU002', column: 'head' })
    expect(await check('0'.repeat(64))).toMatchObject({ ok: false })
  })
})
