import pg, { type Client } from 'pg'
import { afterEach, beforeEach, describe, expect, inject, onTestFinished, test } from 'vitest'
import { waiting } from '../commands/beside.ts'
import type { TestDatabase } from '../harness.ts'
import { accounting, drain, emit, expectWhole, openDatabase, ownXid, pass, routed, WORKER } from '../world.ts'

let db: TestDatabase
let worker: Client
beforeEach(async () => {
  db = await openDatabase()
  worker = await db.connect()
})
afterEach(() => db.drop())

/** A connection inside a transaction. */
async function begun(): Promise<Client> {
  const client = await db.connect()
  await client.query('BEGIN')
  return client
}

/** A transaction that does nothing but finish, so that the newest finished one is newer than all before. */
async function stranger(): Promise<void> {
  await db.pool.query('SELECT pg_current_xact_id()')
}

async function emitMany(count: number, subject = 'many'): Promise<void> {
  await db.pool.query(`SELECT iu_core.fn_iu_emit_event('app.plain', 'app_table', $2 || n, '{}') FROM generate_series(1, $1) AS n`, [count, subject])
}

describe('commit order', () => {
  test('transactions that commit in the reverse order of their start lose no event', async () => {
    const [first, second, third] = [await begun(), await begun(), await begun()]
    const ids = [await emit(first, 'a'), await emit(second, 'b'), await emit(third, 'c')]
    for (const client of [third, second, first]) {
      await client.query('COMMIT')
      expect((await pass(worker)).seen).toBe(1)
    }
    expect(await routed(db.pool)).toEqual(ids.reverse())
    await expectWhole(db.pool)
  })

  test.each([['and nothing finishes after it', false], ['and another finishes after it', true]])('the newest transaction, open during a pass, loses nothing (%s)', async (_, withStranger) => {
    const older = await emit(db.pool, 'a')
    const open = await begun()
    const late = await emit(open, 'b')
    if (withStranger) await stranger()
    expect((await pass(worker)).seen).toBe(1)
    await open.query('COMMIT')
    expect((await pass(worker)).seen).toBe(1)
    expect(await routed(db.pool)).toEqual([older, late])
    await expectWhole(db.pool)
  })

  test('several newest transactions, open over several passes and finishing in any order, lose nothing', async () => {
    await drain(worker)
    const open = [await begun(), await begun(), await begun(), await begun()]
    for (const client of open) await emit(client, 'a')
    for (const i of [2, 0, 3, 1]) {
      await emit(db.pool, `between ${i}`)
      await drain(worker)
      await emit(open[i]!, 'b')
      await open[i]!.query(i === 0 ? 'ROLLBACK' : 'COMMIT')
    }
    expect((await drain(worker)).seen).toBe(2)
    expect((await accounting(db.pool)).events).toBe(10)
    await expectWhole(db.pool)
  })

  test('an event is written after its transaction has its id, whoever emits it', async () => {
    await emitMany(50)
    const { rows } = await db.pool.query(`SELECT count(*)::int AS behind FROM iu_core.event_outbox AS a JOIN iu_core.event_outbox AS b ON a.id < b.id AND a.xid > b.xid`)
    expect(rows).toEqual([{ behind: 0 }])
  })
})

describe('a transaction left open', () => {
  test('does not stall the rest, and its events are routed once it commits', async () => {
    const open = await begun()
    const late = await emit(open, 'open')
    for (let round = 0; round < 3; round++) {
      await emit(db.pool, 'other')
      expect((await drain(worker)).seen).toBe(1)
    }
    await open.query('COMMIT')
    expect((await drain(worker)).seen).toBe(1)
    expect((await routed(db.pool)).at(-1)).toBe(late)
    await expectWhole(db.pool)
  })

  test('leaves nothing when it is rolled back', async () => {
    const open = await begun()
    await emit(open, 'open')
    await emit(db.pool, 'other')
    await drain(worker)
    await open.query('ROLLBACK')
    expect((await pass(worker)).status).toBe('idle')
    expect((await accounting(db.pool)).events).toBe(1)
    await expectWhole(db.pool)
  })

  test('in another database of the cluster does not stall either', async () => {
    const elsewhere = new pg.Client(inject('server').adminUrl)
    await elsewhere.connect()
    try {
      await elsewhere.query('BEGIN')
      await elsewhere.query('SELECT pg_current_xact_id()')
      for (let round = 0; round < 3; round++) {
        await emit(db.pool, 'other')
        expect((await drain(worker)).seen).toBe(1)
      }
      await elsewhere.query('COMMIT')
    }
    finally {
      await elsewhere.end()
    }
    await emit(db.pool, 'other')
    expect((await drain(worker)).seen).toBe(1)
    await expectWhole(db.pool)
  })

  test.each(['COMMIT', 'ROLLBACK'])('as a prepared one does not stall; its events follow its end (%s)', async (end) => {
    const gid = `iu ${db.name}`
    const open = await begun()
    await emit(open, 'prepared')
    await open.query(`PREPARE TRANSACTION '${gid}'`)
    // A prepared transaction outlives its connection, and would keep the database from being dropped.
    let ended = false
    onTestFinished(async () => {
      if (!ended) await db.pool.query(`ROLLBACK PREPARED '${gid}'`).catch(() => {})
    })
    await emit(db.pool, 'other')
    expect((await drain(worker)).seen).toBe(1)
    await open.query(`${end} PREPARED '${gid}'`)
    ended = true
    expect((await drain(worker)).seen).toBe(end === 'COMMIT' ? 1 : 0)
    await expectWhole(db.pool)
  })
})

describe('order within a subject', () => {
  test('is the order of writing, also when the transaction that began first wrote last', async () => {
    const elder = await begun()
    const first = await emit(elder, 'elsewhere')
    const younger = await begun()
    const second = await emit(younger, 'subject', { n: 1 })
    await younger.query('COMMIT')
    const third = await emit(elder, 'subject', { n: 2 })
    await elder.query('COMMIT')
    await drain(worker, 1)
    expect(await routed(db.pool)).toEqual([first, second, third])
  })

  test('is kept when the earlier event becomes visible while an older window is still being paged', async () => {
    const elder = await begun()
    await emit(elder, 'elsewhere')
    await emitMany(5)
    expect((await pass(worker, 2)).seen).toBe(2)
    const second = await emit(db.pool, 'subject', { n: 1 })
    const third = await emit(elder, 'subject', { n: 2 })
    await elder.query('COMMIT')
    await drain(worker, 2)
    const order = await routed(db.pool)
    expect(order.indexOf(second)).toBeLessThan(order.indexOf(third))
    await expectWhole(db.pool)
  })

  test('is kept when a transaction routes its own event while an older window is still being paged', async () => {
    await emitMany(5)
    expect((await pass(worker, 2)).seen).toBe(2)
    const before = await emit(db.pool, 'subject', { n: 1 })
    const own = await begun()
    const after = await emit(own, 'subject', { n: 2 })
    await drain(own, 2)
    await own.query('COMMIT')
    const order = await routed(db.pool)
    expect(order.indexOf(before)).toBeLessThan(order.indexOf(after))
    await expectWhole(db.pool)
  })

  test('is kept by a cursor that was reset while transactions come and go between its pages', async () => {
    await emitMany(4)
    await drain(worker)
    const elder = await begun()
    const younger = await begun()
    await emit(younger, 'elsewhere')
    const first = await emit(elder, 'subject', { n: 1 })
    await worker.query('SELECT iu_core.fn_iu_cursor_reset($1)', [WORKER])
    expect((await pass(worker, 3)).seen).toBe(3)
    await elder.query('COMMIT')
    const second = await emit(younger, 'subject', { n: 2 })
    await younger.query('COMMIT')
    await drain(worker, 3)
    const order = await routed(db.pool)
    expect(order.indexOf(first)).toBeLessThan(order.indexOf(second))
    await expectWhole(db.pool)
  })
})

describe('a pass inside a transaction that writes', () => {
  test.each([1, 2, 1000])('loses and doubles nothing while others start and finish in between (batch %i)', async (batch) => {
    const own = await begun()
    for (let round = 0; round < 4; round++) {
      await emit(own, 'own')
      const other = await begun()
      await emit(other, `other ${round}`)
      if (round % 2) await other.query('COMMIT')
      await drain(own, batch)
      await emit(own, 'own')
      await stranger()
      if (!(round % 2)) await other.query(round ? 'COMMIT' : 'ROLLBACK')
      await emit(db.pool, 'another')
      await pass(own, batch)
    }
    await emit(own, 'own')
    await own.query('COMMIT')
    await drain(worker, batch)
    expect((await accounting(db.pool)).attempted).toBe(4 * 2 + 1 + 3 + 4)
    await expectWhole(db.pool)
  })

  test('that began with the pass itself, and emits only then', async () => {
    await emit(db.pool, 'before')
    const own = await begun()
    expect(await ownXid(own)).toBeNull()
    expect((await pass(own)).seen).toBe(1)
    await emit(own, 'own')
    await stranger()
    expect((await pass(own)).seen).toBe(1)
    await emit(own, 'own')
    await emit(db.pool, 'other')
    await own.query('COMMIT')
    expect((await drain(worker)).seen).toBe(2)
    await expectWhole(db.pool)
  })

  test('that rolls back to a savepoint, before and after a pass', async () => {
    const own = await begun()
    await emit(own, 'kept')
    await own.query('SAVEPOINT a')
    await emit(own, 'dropped')
    await drain(own)
    await own.query('ROLLBACK TO a')
    await stranger()
    await emit(own, 'kept')
    await own.query('SAVEPOINT b')
    await emit(own, 'kept')
    await own.query('RELEASE b')
    expect((await drain(own)).seen).toBe(3)
    await own.query('SAVEPOINT c')
    await drain(own)
    await own.query('ROLLBACK TO c')
    await emit(own, 'kept')
    await own.query('COMMIT')
    await drain(worker)
    expect((await accounting(db.pool)).events).toBe(4)
    await expectWhole(db.pool)
  })

  test('that is rolled back as a whole leaves everything to the next', async () => {
    await emit(db.pool, 'before')
    const own = await begun()
    await emit(own, 'own')
    expect((await drain(own)).seen).toBe(2)
    await emit(db.pool, 'after')
    await own.query('ROLLBACK')
    expect((await drain(worker)).seen).toBe(2)
    await expectWhole(db.pool)
  })

  test('that is prepared holds the cursor until its end, and loses nothing', async () => {
    const gid = `iu ${db.name}`
    const own = await begun()
    await emit(own, 'own')
    await drain(own)
    await emit(own, 'own')
    await own.query(`PREPARE TRANSACTION '${gid}'`)
    await emit(db.pool, 'other')
    expect((await pass(worker)).status).toBe('busy')
    await own.query(`COMMIT PREPARED '${gid}'`)
    expect((await drain(worker)).seen).toBe(2)
    await expectWhole(db.pool)
  })

  test('a transaction newer than the one that runs the pass is not lost', async () => {
    const own = await begun()
    await emit(own, 'a')
    const [open, prepared] = [await begun(), await begun()]
    await emit(open, 'b')
    await emit(prepared, 'c')
    await prepared.query(`PREPARE TRANSACTION 'iu ${db.name}'`)
    expect((await pass(own)).seen).toBe(1)
    await own.query('COMMIT')
    await open.query('COMMIT')
    await prepared.query(`COMMIT PREPARED 'iu ${db.name}'`)
    expect((await drain(worker)).seen).toBe(2)
    await expectWhole(db.pool)
  })

  test('and two such transactions after one another, the first committed late for the second', async () => {
    const first = await begun()
    await emit(first, 'first')
    await drain(first)
    await emit(first, 'first')
    await first.query('COMMIT')
    const second = await begun()
    await emit(second, 'second')
    expect((await pass(second, 1)).seen).toBe(1)
    await emit(second, 'second')
    await second.query('COMMIT')
    await drain(worker, 1)
    expect((await accounting(db.pool)).attempted).toBe(4)
    await expectWhole(db.pool)
  })
})

describe('a cursor that is reset', () => {
  test('reads everything once more and writes nothing new', async () => {
    await emitMany(7)
    await emit(db.pool, 'a', { n: 'bad' }, 'app.strict')
    await drain(worker)
    const before = await db.pool.query('SELECT * FROM iu_core.iu_route_attempt ORDER BY 1, 2, 3')
    await worker.query('SELECT iu_core.fn_iu_cursor_reset($1)', [WORKER])
    expect(await accounting(db.pool)).toMatchObject({ attempted: 8, unexplained: 0 })
    const again = await drain(worker, 3)
    expect(again).toMatchObject({ seen: 8, attempts: 0 })
    expect((await db.pool.query('SELECT * FROM iu_core.iu_route_attempt ORDER BY 1, 2, 3')).rows).toEqual(before.rows)
    expect((await db.pool.query('SELECT FROM iu_core.iu_route_dead_letter')).rowCount).toBe(1)
    await expectWhole(db.pool)
  })

  test('loses nothing of the transactions that are open at its pages', async () => {
    await emitMany(3)
    await drain(worker)
    const [first, second] = [await begun(), await begun()]
    await emit(first, 'first')
    await emit(second, 'second')
    await worker.query('SELECT iu_core.fn_iu_cursor_reset($1)', [WORKER])
    expect((await pass(worker, 2)).seen).toBe(2)
    await second.query('COMMIT')
    expect((await pass(worker, 2)).seen).toBe(1)
    await drain(worker, 2)
    await emit(first, 'first')
    await first.query('COMMIT')
    await drain(worker, 2)
    expect((await accounting(db.pool)).attempted).toBe(6)
    await expectWhole(db.pool)
  })

  test('is not undone by a pass that is under way', async () => {
    await emitMany(2)
    const own = await begun()
    expect((await pass(own)).seen).toBe(2)
    const reset = worker.query('SELECT iu_core.fn_iu_cursor_reset($1)', [WORKER])
    await waiting(db, 1)
    await own.query('COMMIT')
    await reset
    expect((await drain(worker)).seen).toBe(2)
  })

  test('is refused for a worker without a cursor', async () => {
    await expect(worker.query(`SELECT iu_core.fn_iu_cursor_reset('nobody')`)).rejects.toMatchObject({ code: 'IU003', column: 'worker_code' })
  })
})

describe('pages', () => {
  test.each([1, 2, 3, 7])('of %i events route all while transactions come and go', async (batch) => {
    await emitMany(7)
    const open = await begun()
    await emit(open, 'late')
    for (let round = 0; round < 6; round++) {
      const other = await begun()
      await emit(other, 'other')
      await pass(worker, batch)
      await other.query(round % 3 ? 'COMMIT' : 'ROLLBACK')
      if (round === 3) {
        await emit(open, 'late')
        await open.query('COMMIT')
      }
      await pass(worker, batch)
      expect(await accounting(db.pool)).toMatchObject({ unexplained: 0 })
    }
    await drain(worker, batch)
    expect((await accounting(db.pool)).attempted).toBe(7 + 2 + 4)
    await expectWhole(db.pool)
  })

  test('are as large as asked for, in the order of writing', async () => {
    await emitMany(10)
    expect((await pass(worker, 4)).seen).toBe(4)
    expect((await pass(worker, 4)).seen).toBe(4)
    expect((await pass(worker, 4)).seen).toBe(2)
    expect((await pass(worker, 4)).status).toBe('idle')
    const order = await routed(db.pool)
    expect(order).toEqual(order.toSorted((a, b) => a - b))
  })
})

describe('a cursor of another cluster', () => {
  /** Rewrites the transaction ids of the outbox, as a dump from elsewhere would bring them. */
  async function rewriteXids(xid: string): Promise<void> {
    await db.pool.query('ALTER TABLE iu_core.event_outbox DISABLE TRIGGER trg_event_outbox_append_only')
    await db.pool.query(`UPDATE iu_core.event_outbox SET xid = (${xid})::text::xid8`)
    await db.pool.query('ALTER TABLE iu_core.event_outbox ENABLE ALWAYS TRIGGER trg_event_outbox_append_only')
  }

  test.each([
    ['far smaller', '3 + id'],
    ['far larger', '900000000000 + id'],
    ['just ahead of the present', 'pg_snapshot_xmax(pg_current_snapshot())::text::bigint + id'],
  ])('strands nothing and loses nothing, its transaction ids being %s', async (_, xid) => {
    await emitMany(6)
    expect((await pass(worker, 4)).seen).toBe(4)
    await rewriteXids(xid)
    // The window that is open, and its ends, are as foreign as the rows.
    await db.pool.query(`UPDATE iu_core.iu_route_worker_cursor SET system_identifier = 42, snap_from = '800000000000:800000000009:800000000003', snap_to = '800000000010:800000000020:800000000012'`)
    expect(await accounting(db.pool)).toMatchObject({ attempted: 4, not_yet_routed: 2, unexplained: 0 })
    expect((await db.pool.query('SELECT sum(pending)::int AS pending FROM iu_core.v_iu_event_backlog')).rows).toEqual([{ pending: 2 }])
    const open = await begun()
    await emit(open, 'late')
    // A row whose foreign id is one that runs in this cluster, by chance, waits until that one is done.
    expect((await pass(worker, 4)).seen).toBeGreaterThan(0)
    await emit(db.pool, 'new')
    await open.query('COMMIT')
    await drain(worker, 4)
    for (let round = 0; round < 10; round++) {
      await emit(db.pool, 'later')
      await stranger()
      await pass(worker, 4)
    }
    await drain(worker, 4)
    expect((await accounting(db.pool)).attempted).toBe(18)
    await expectWhole(db.pool)
  })

  test('is noticed by snapshots ahead of the present, too', async () => {
    await emitMany(3)
    await drain(worker)
    await emitMany(2)
    await db.pool.query(`UPDATE iu_core.iu_route_worker_cursor SET snap_from = '800000000000:800000000009:', floor_id = 1000`)
    expect(await accounting(db.pool)).toMatchObject({ not_yet_routed: 2, unexplained: 0 })
    expect((await db.pool.query('SELECT pending FROM iu_core.v_iu_event_backlog')).rows).toEqual([{ pending: 2 }])
    expect((await drain(worker)).attempts).toBe(2)
    await expectWhole(db.pool)
  })

  test('is taken over once, though there is nothing to route', async () => {
    const { rows: [gate] } = await db.pool.query(`SELECT iu_core.fn_iu_gate_set('iu_core.routes_master_enabled', false, 'a test')`)
    expect(gate).toBeDefined()
    await emit(db.pool, 'held')
    await db.pool.query(`SELECT iu_core.fn_iu_gate_set('iu_core.routes_master_enabled', true, 'a test')`)
    expect((await pass(worker)).status).toBe('idle')
    await worker.query('BEGIN')
    expect((await pass(worker)).status).toBe('idle')
    expect(await ownXid(worker)).toBeNull()
    await worker.query('COMMIT')
  })

  test('and a first pass inside a writing transaction loses nothing', async () => {
    const open = await begun()
    const own = await begun()
    await emit(own, 'own')
    await emit(open, 'late')
    await emitMany(3)
    expect((await pass(own, 2)).seen).toBe(2)
    await emit(open, 'late')
    await open.query('COMMIT')
    await drain(own, 2)
    await emit(own, 'own')
    await own.query('COMMIT')
    await drain(worker, 2)
    expect((await accounting(db.pool)).attempted).toBe(7)
    await expectWhole(db.pool)
  })
})

describe('two cursors', () => {
  const OTHER = 'second'

  test('on ranges of buckets share the work without loss', async () => {
    await emitMany(40)
    await pass(worker, 10)
    await db.pool.query('UPDATE iu_core.iu_route_worker_cursor SET bucket_to = 7')
    await db.pool.query('SELECT iu_core.fn_iu_cursor_declare($1, 8, 15)', [OTHER])
    const second = await db.connect()
    await emitMany(40, 'more')
    await Promise.all([drain(worker, 7), drain(second, 7, OTHER)])
    await expectWhole(db.pool)
    const { rows } = await db.pool.query(`
      SELECT a.worker_code, count(*)::int AS attempts, min(e.bucket) AS first, max(e.bucket) AS last
      FROM iu_core.iu_route_attempt AS a JOIN iu_core.event_outbox AS e ON e.id = a.event_id WHERE e.event_subject_ref LIKE 'more%' GROUP BY 1 ORDER BY 1`)
    expect(rows.map(row => row.worker_code)).toEqual([WORKER, OTHER])
    expect(rows[0].last).toBeLessThan(8)
    expect(rows[1].first).toBeGreaterThan(7)
    expect(rows[0].attempts + rows[1].attempts).toBe(40)
  })

  test('pass at the same time', async () => {
    await db.pool.query('UPDATE iu_core.iu_route_worker_cursor SET bucket_to = 7')
    await db.pool.query('SELECT iu_core.fn_iu_cursor_declare($1, 8, 15)', [OTHER])
    await emitMany(40)
    const own = await begun()
    expect((await pass(own)).status).toBe('routed')
    expect((await pass(worker, 1000, OTHER)).status).toBe('routed')
    await own.query('COMMIT')
    await expectWhole(db.pool)
  })

  test('cannot own the same bucket, and a bucket without a cursor is unexplained', async () => {
    await expect(db.pool.query('SELECT iu_core.fn_iu_cursor_declare($1, 15, 15)', [OTHER])).rejects.toMatchObject({ code: '23P01' })
    await db.pool.query('UPDATE iu_core.iu_route_worker_cursor SET bucket_to = 7')
    await emitMany(40)
    await drain(worker)
    const { attempted, unexplained } = await accounting(db.pool)
    expect(attempted).toBeGreaterThan(0)
    expect(unexplained).toBeGreaterThan(0)
    expect(attempted + unexplained).toBe(40)
  })
})

test('a claimed cursor makes others busy, not wait', async () => {
  await emit(db.pool, 'a')
  const own = await begun()
  await pass(own)
  expect(await pass(worker)).toEqual({ status: 'busy', seen: 0, attempts_written: 0, skipped: 0, dead_lettered: 0 })
  await own.query('ROLLBACK')
  expect((await pass(worker)).seen).toBe(1)
})
