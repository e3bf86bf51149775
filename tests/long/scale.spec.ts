import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeHistory } from '../../bench/history.ts'
import { archiveEvents, restoreArchive } from '../../server/cli/archive.ts'
import { auditEvents } from '../../server/db/functions/archive.ts'
import { accounting, drain, emit, expectBlocks, expectRollups, openDatabase, setGate } from '../db/world.ts'

/** A tenth of the size that the benchmark makes: all that is kept in sums is held against a recount of every row. */
test('half a million events are accounted for, archived under load and brought back', async () => {
  const db = await openDatabase()
  const folder = mkdtempSync(join(tmpdir(), 'iu-long-archive-'))
  try {
    await setGate(db.pool, 'operator_runtime_enabled', true)
    const client = await db.connect()
    await makeHistory(client, { events: 500_000, routed: 480_000, days: 30 })
    expect(await auditEvents(client)).toBe(480_000)
    await expectBlocks(db.pool)
    await expectRollups(db.pool)
    await drain(client, 5000)
    expect(await auditEvents(client)).toBe(20_000)
    expect(await accounting(db.pool)).toMatchObject({ events: 500_000, attempted: 500_000, unexplained: 0 })

    const { rows: [time] } = await db.pool.query<{ at: string }>(`SELECT to_json(now() - interval '10 days') #>> '{}' AS at`)
    const { rows: [before] } = await db.pool.query<{ digest: string }>('SELECT md5(string_agg(md5(e::text), \'\' ORDER BY id)) AS digest FROM iu_core.event_outbox AS e')
    const files: string[] = []
    let emitted = 0
    const isDone = { yet: false }
    const writer = async () => {
      const own = await db.connect()
      while (!isDone.yet) {
        await emit(own, `subject ${emitted}`)
        emitted += 1
        if (emitted % 50 === 0) await drain(own)
      }
    }
    const writing = writer()
    const total = await archiveEvents(client, { folder, olderThan: time!.at, batch: 10_000, reason: 'a test', onBatch: ({ file }) => files.push(file.name) })
    isDone.yet = true
    await writing
    expect(total.events).toBeGreaterThan(300_000)
    expect(emitted).toBeGreaterThan(0)
    await drain(client)
    await auditEvents(client)
    expect(await accounting(db.pool)).toMatchObject({ events: 500_000 + emitted, archived: total.events, not_yet_routed: 0, unexplained: 0 })
    await expectBlocks(db.pool)

    for (const name of files) await restoreArchive(client, join(folder, name), 'a test')
    expect(await accounting(db.pool)).toMatchObject({ events: 500_000 + emitted, attempted: 500_000 + emitted, archived: 0, unexplained: 0 })
    const { rows: [after] } = await db.pool.query<{ digest: string }>('SELECT md5(string_agg(md5(e::text), \'\' ORDER BY id)) AS digest FROM iu_core.event_outbox AS e WHERE id <= 500000')
    expect(after).toEqual(before)
  }
  finally {
    rmSync(folder, { recursive: true })
    await db.drop()
  }
})
