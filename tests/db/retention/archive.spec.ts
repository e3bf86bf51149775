import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { Client } from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { archiveEvents, checkArchive, restoreArchive } from '../../../server/cli/archive.ts'
import { listArchives } from '../../../server/db/functions/archive.ts'
import { waiting } from '../commands/beside.ts'
import { archiveOf } from '../archive.ts'
import { run } from '../commands/world.ts'
import type { TestDatabase } from '../harness.ts'
import { accounting, audit, drain, emit, expectBlocks, openDatabase, pass, refusal, setGate } from '../world.ts'

let db: TestDatabase
let client: Client
let folder: string
beforeEach(async () => {
  db = await openDatabase()
  await setGate(db.pool, 'operator_runtime_enabled', true)
  client = await db.connect()
  folder = mkdtempSync(join(tmpdir(), 'iu-archive-'))
})
afterEach(async () => {
  rmSync(folder, { recursive: true })
  await db.drop()
})

const archive = async (options: Partial<Parameters<typeof archiveEvents>[1]> = {}) => {
  const { rows: [now] } = await db.pool.query<{ at: string }>(`SELECT to_json(clock_timestamp()) #>> '{}' AS at`)
  return archiveEvents(client, { folder, olderThan: now!.at, batch: 3, reason: 'a test', ...options })
}

/** Every row of the outbox and of the attempts, as its bytes are. */
async function everything(): Promise<string[]> {
  const { rows } = await db.pool.query<{ row: string }>('SELECT e::text AS row FROM iu_core.event_outbox AS e UNION ALL SELECT a::text FROM iu_core.iu_route_attempt AS a ORDER BY 1')
  return rows.map(({ row }) => row)
}

const files = () => readdirSync(folder).filter(name => name.endsWith('.gz')).sort().map(name => join(folder, name))

/** Events of all kinds, routed and audited: some that may go, and one of each kind that must stay. */
async function history(): Promise<void> {
  await emit(db.pool, 'a "quoted" \\ subject\n', null)
  await emit(db.pool, 'ü€😀', { text: 'line\nline', n: 1.50, big: 1.5e300 }, 'app.twice')
  await emit(db.pool, 'c', [], 'app.unwanted')
  await emit(db.pool, 'd', {}, 'app.disabled')
  await emit(db.pool, 'e', { n: 1 }, 'app.once', 'key')
  await emit(db.pool, 'failed', 'bad', 'app.strict')
  await emit(db.pool, 'replayed', 'bad', 'app.strict')
  await setGate(db.pool, 'routes_master_enabled', false)
  const held = await emit(db.pool, 'held')
  const released = await emit(db.pool, 'released')
  await setGate(db.pool, 'routes_master_enabled', true)
  expect(held).toBeLessThan(released)
  await db.pool.query('SELECT iu_core.fn_iu_held_release($1)', [[released]])
  await drain(db.pool)
  await db.pool.query(`SELECT iu_core.fn_iu_event_types_register('application', 'delayed', false, '{"app.strict": {"description": "anything"}}')`)
  await db.pool.query(`SELECT iu_core.fn_iu_route_dead_letter_replay(dead_letter_id) FROM iu_core.v_iu_route_dead_letter_open WHERE event_subject_ref = 'replayed'`)
  await audit(db.pool)
  await emit(db.pool, 'waiting')
}

const left = async () => (await db.pool.query<{ s: string }>('SELECT event_subject_ref AS s FROM iu_core.event_outbox ORDER BY id')).rows.map(({ s }) => s)

test('takes what is settled and leaves the rest, and a restore brings back every row as it was', async () => {
  await history()
  const [before, account] = [await everything(), await accounting(db.pool)]
  const { rows: forecast } = await db.pool.query('SELECT verdict, events::int FROM iu_core.fn_iu_archive_forecast(clock_timestamp()) ORDER BY verdict')
  expect(forecast).toEqual(Object.entries({ archivable: 6, held: 2, not_attempted: 1, open_dead_letter: 1, releases_a_held_event: 1 }).map(([verdict, events]) => ({ verdict, events })))

  const batches: number[] = []
  expect(await archive({ onBatch: ({ events }) => batches.push(events) })).toMatchObject({ files: 2, events: 6, attempts: 8 })
  expect(batches).toEqual([3, 3])
  expect(await left()).toEqual(['failed', 'held', 'released', 'released', 'waiting'])
  expect(await accounting(db.pool)).toEqual({ ...account, attempted: account.attempted - 6, archived: 6 })
  await expectBlocks(db.pool)
  expect(await archive()).toMatchObject({ files: 0 })
  for (const known of await listArchives(client)) expect(await checkArchive(folder, known)).toBeUndefined()

  for (const file of files()) await restoreArchive(client, file, 'a test')
  expect(await everything()).toEqual(before)
  expect(await accounting(db.pool)).toEqual(account)
  await expectBlocks(db.pool)
  // What came back is nobody's work: no pass takes it up, and an archive takes it again, into the same files.
  expect((await drain(db.pool)).seen).toBe(1)
  const [names, contents] = [files(), files().map(file => readFileSync(file))]
  expect(await archive()).toMatchObject({ files: 2, events: 6 })
  expect([files(), files().map(file => readFileSync(file))]).toEqual([names, contents])
  expect((await listArchives(client)).map(({ isRemoved }) => isRemoved)).toEqual([true, true])
  expect(await refusal(restoreArchive(client, join(folder, 'none'), 'a test'))).toBeDefined()
})

test('the audit that begins anew knows what is archived, and so does the verification of an old run', async () => {
  await history()
  const account = await accounting(db.pool)
  await archive()
  await db.pool.query('SELECT iu_core.fn_iu_event_audit_restart()')
  expect(await accounting(db.pool)).toEqual({ ...account, attempted: account.attempted - 6, archived: 6 })
  await audit(db.pool)
  expect(await accounting(db.pool)).toEqual({ ...account, attempted: account.attempted - 6, archived: 6 })
})

describe('a run that ends in the middle', () => {
  test.each(['read', 'written', 'recorded', 'removed'] as const)('when a batch is %s loses nothing, and the next comes to the same', async (at) => {
    await history()
    const before = await everything()
    let steps = 0
    await expect(archive({ onStep: (step) => {
      if (step === at && ++steps === 2) throw new Error('killed')
    } })).rejects.toThrow('killed')
    await accounting(db.pool)
    await archive()
    const removed = (await listArchives(client)).filter(({ isRemoved }) => isRemoved)
    expect(removed.reduce((sum, { events }) => sum + events, 0)).toBe(6)
    expect(new Set(removed.map(({ fileName }) => fileName)).size).toBe(2)
    for (const file of files()) await restoreArchive(client, file, 'a test')
    expect(await everything()).toEqual(before)
  })

  test('in the middle of a file leaves no file that could be taken for whole', async () => {
    await history()
    await expect(archive({ folder: join(folder, 'missing') })).rejects.toThrow('ENOENT')
    expect(await listArchives(client)).toEqual([])
    expect(files()).toEqual([])
  })
})

test('nothing is removed that is not exactly what the file holds', async () => {
  await history()
  const before = await everything()
  // Between record and removal one of them is attempted once more.
  const changed = archive({ onStep: (step) => {
    if (step === 'recorded') throw new Error('later')
  } })
  await expect(changed).rejects.toThrow('later')
  await db.pool.query(`SELECT iu_core.fn_iu_route_attempt_one('replay', min(id), 17, 2) FROM iu_core.event_outbox`)
  const { rows: [plan] } = await db.pool.query<{ receipt: object }>(`SELECT iu_core.fn_dot_command_run('dot_iu_remove_archived_events', 'plan', '{"archive": 1}') AS receipt`)
  expect(plan!.receipt).toMatchObject({ code: 'stale_plan', field: 'archive' })
  expect(await everything()).toHaveLength(before.length + 1)
  // A file that says something else is not recorded.
  const content = gunzipSync(readFileSync(files()[0]!)).toString()
  const { rows: [other] } = await db.pool.query(`SELECT iu_core.fn_dot_command_run('dot_iu_record_archive', 'apply', jsonb_build_object('file', 'x', 'file_bytes', 1, 'file_sha256', repeat('0', 64),
    'content_sha256', encode(sha256('x'), 'hex'), 'older_than', to_json(clock_timestamp()), 'first_event', 1, 'last_event', 5)) ->> 'code' AS code`)
  expect(other).toEqual({ code: 'stale_plan' })
  expect(content).toContain('app.twice')
})

test('what a replay in the background has yet to attempt stays, also while it is stopped, and is replayed in the end', async () => {
  const start = { what: 'skipped', route: 'app.disabled.log' }
  const command = async (code: string, params: Record<string, unknown>, plan?: string) => {
    const receipt = await run(db.pool, code, 'apply', params, { plan, reason: 'a test' })
    expect(receipt).toMatchObject({ status: 'succeeded' })
    return receipt
  }
  const forecast = async () => Object.fromEntries((await db.pool.query<{ verdict: string, events: number }>('SELECT verdict, events::int FROM iu_core.fn_iu_archive_forecast(clock_timestamp())')).rows.map(({ verdict, events }) => [verdict, events]))
  const step = (limit: number) => db.pool.query('SELECT iu_core.fn_iu_replay_step($1)', [limit])
  for (const subject of ['a', 'b', 'c', 'd']) await emit(db.pool, subject, {}, 'app.disabled')
  await emit(db.pool, 'plain')
  await drain(db.pool)
  await audit(db.pool)
  await db.pool.query(`UPDATE iu_core.iu_outbound_route SET enabled = true WHERE route_code = 'app.disabled.log'`)
  const started = await command('dot_iu_start_replay', start, (await run(db.pool, 'dot_iu_start_replay', 'plan', start)).plan_digest)
  const replay = started.result.replay as number
  expect(await forecast()).toEqual({ to_be_replayed: 4, archivable: 1 })
  expect(await archive()).toMatchObject({ events: 1 })
  await step(1)
  expect(await forecast()).toEqual({ to_be_replayed: 3, archivable: 1 })
  await command('dot_iu_stop_replay', { replay })
  expect(await archive()).toMatchObject({ events: 1, attempts: 2 })
  expect(await left()).toEqual(['b', 'c', 'd'])
  await command('dot_iu_resume_replay', { replay })
  await step(1000)
  const { rows: [job] } = await db.pool.query('SELECT status, done, replayed, left_alone FROM iu_core.v_iu_replay_job')
  expect(job).toEqual({ status: 'done', done: 4, replayed: 4, left_alone: 0 })
  expect(await archive()).toMatchObject({ events: 3, attempts: 6 })
  expect(await left()).toEqual([])
})

test('a replay that begins while an archive is made leaves out what went, and keeps what it froze', async () => {
  for (const subject of ['a', 'b', 'c']) await emit(db.pool, subject, {}, 'app.disabled')
  await drain(db.pool)
  await audit(db.pool)
  await db.pool.query(`UPDATE iu_core.iu_outbound_route SET enabled = true WHERE route_code = 'app.disabled.log'`)
  const start = { what: 'skipped', route: 'app.disabled.log' }
  const plan = await run(db.pool, 'dot_iu_start_replay', 'plan', start)
  expect(plan.result).toMatchObject({ events: 3 })
  const { record } = await archiveOf(db.pool, 1, 1)
  const { result: { archive: id } } = await run(db.pool, 'dot_iu_record_archive', 'apply', record, { reason: 'a test' })
  const removal = await run(db.pool, 'dot_iu_remove_archived_events', 'plan', { archive: id })
  const removing = await db.connect()
  await removing.query('BEGIN')
  expect(await run(removing, 'dot_iu_remove_archived_events', 'apply', { archive: id }, { plan: removal.plan_digest, reason: 'a test' })).toMatchObject({ status: 'succeeded' })
  const starting = run(db.pool, 'dot_iu_start_replay', 'apply', start, { plan: plan.plan_digest, reason: 'a test' })
  await waiting(db, 1)
  await removing.query('COMMIT')
  expect(await starting).toMatchObject({ status: 'succeeded', objects: [{ after: { total: 2 } }] })
  expect(await left()).toEqual(['b', 'c'])
  expect(await archive()).toMatchObject({ files: 0 })
})

test('only the very content comes back, and only once', async () => {
  await history()
  await archive()
  const [first] = files() as [string]
  const content = gunzipSync(readFileSync(first)).toString()
  const { archiveId, fileName } = (await listArchives(client))[0]!
  const restore = async (params: object) => (await db.pool.query<{ code: string }>(`SELECT iu_core.fn_dot_command_run('dot_iu_restore_archived_events', 'plan', $1) ->> 'code' AS code`, [params])).rows[0]!.code
  expect(await restore({ archive: archiveId, content: content.replace('quoted', 'forged') })).toBe('invalid_parameter')
  expect(await restore({ archive: 99, content })).toBe('not_found')

  writeFileSync(first, gzipSync(content.replace('quoted', 'forged')))
  await expect(restoreArchive(client, first, 'a test')).rejects.toThrow('does not hold what was recorded')
  expect(await checkArchive(folder, (await listArchives(client))[0]!)).toMatch(/its SHA-256 is/)
  writeFileSync(first, 'no gzip')
  await expect(restoreArchive(client, first, 'a test')).rejects.toThrow('is damaged')
  writeFileSync(join(folder, fileName), gzipSync(content))
  await restoreArchive(client, first, 'a test')
  expect(await restore({ archive: archiveId, content })).toBe('nothing_to_do')
  await expect(restoreArchive(client, first, 'a test')).rejects.toThrow('are in the outbox')

  // The key of an archived event is free; when another has taken it, the archive keeps its own.
  const keyed = files()[1]!
  await emit(db.pool, 'e', {}, 'app.once', 'key')
  await expect(restoreArchive(client, keyed, 'a test')).rejects.toMatchObject({ receipt: { code: 'taken', field: 'content' } })

  await audit(db.pool)
  await archive({ batch: 1 })
  await expect(restoreArchive(client, first, 'a test')).rejects.toThrow('in another archive by now')
})

test('the removal holds up neither who emits nor who routes, and outside of it history stays', async () => {
  await history()
  await expect(archive({ onStep: (step) => {
    if (step === 'recorded') throw new Error('later')
  } })).rejects.toThrow('later')
  await client.query('BEGIN')
  const { rows: [plan] } = await client.query<{ digest: string }>(`SELECT iu_core.fn_dot_command_run('dot_iu_remove_archived_events', 'plan', '{"archive": 1}') ->> 'plan_digest' AS digest`)
  const { rows: [done] } = await client.query(`SELECT iu_core.fn_dot_command_run('dot_iu_remove_archived_events', 'apply', '{"archive": 1}', 'a test', $1) ->> 'status' AS status`, [plan!.digest])
  expect(done).toEqual({ status: 'succeeded' })
  const worker = await db.connect()
  await emit(worker, 'meanwhile')
  expect(await pass(worker)).toMatchObject({ status: 'routed', seen: 2 })
  expect(await accounting(worker)).toMatchObject({ archived: 0, unexplained: 0 })
  // A replay of an event that is going waits, and then there is nothing to replay.
  const replayed = refusal(worker.query('SELECT iu_core.fn_iu_route_attempt_one($1, 1, 17, 2)', ['replay']))
  await waiting(db, 1)
  await client.query('COMMIT')
  expect(await replayed).toEqual({ code: 'IU003', column: 'event_id' })
  expect(await accounting(worker)).toMatchObject({ archived: 3, unexplained: 0 })
  for (const statement of ['DELETE FROM iu_core.event_outbox', 'DELETE FROM iu_core.iu_route_attempt', 'UPDATE iu_core.event_outbox SET actor = actor', 'TRUNCATE iu_core.iu_route_attempt', 'DELETE FROM iu_core.iu_archive', 'UPDATE iu_core.iu_archive_move SET move = move']) {
    expect(await refusal(worker.query(statement)), statement).toMatchObject({ code: 'IU005' })
  }
})
