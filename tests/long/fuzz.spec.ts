import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { endChild, freePort, startConsole } from '../../server/cli/console.ts'
import { carry } from '../../server/commands/carry.ts'
import { hashPassword } from '../../server/commands/password.ts'
import { COMMANDS, findCommand } from '../../shared/commands/index.ts'
import { type Receipt, receiptSchema } from '../../shared/commands/receipt.ts'
import { problemSchema } from '../../shared/openapi/problems.ts'
import { EXAMPLES } from '../../shared/openapi/examples.ts'
import type { ReadModelName } from '../../shared/read-models/registry.ts'
import { READ_ROUTES } from '../../shared/read-models/routes.ts'
import { type TestDatabase, testDatabase } from '../db/harness.ts'
import { accounting, expectRollups, setGate } from '../db/world.ts'
import { type Answer, ask, type Asked } from '../e2e/support/ask.ts'
import { WRITTEN_BESIDE } from '../e2e/support/written-beside.ts'
import { type Actor, ACTORS, type Flow, flow, type Fuzzed, fuzzed } from './fuzz.ts'

const REQUESTS = 10_000
/** Requests that are under way at once. */
const SIDE_BY_SIDE = 10
const ROOT = join(import.meta.dirname, '../..')
const PASSWORD = 'a password for the fuzz'
/** Of 503s these are documented: each goes away by itself. */
const AWAY = new Set(['database_busy', 'database_timeout', 'database_unavailable'])

beforeAll(async () => {
  const built = await access(join(ROOT, '.output/server/index.mjs')).then(() => true, () => false)
  if (built) return
  const build = spawn('npx', ['nuxt', 'build'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] })
  expect((await once(build, 'exit'))[0]).toBe(0)
}, 600_000)

/** Everything that is changed in a table of the product, with the transaction that did it; a plan's changes go with the plan. */
async function watchTables(db: TestDatabase): Promise<void> {
  await db.pool.query(`
    CREATE SCHEMA watched;
    CREATE TABLE watched.change (table_name text, op text, xid xid8, was jsonb, it jsonb);
    CREATE FUNCTION watched.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE
      v_was jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) - 'last_used_at' - 'last_sign_in_at' END;
      v_it jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) - 'last_used_at' - 'last_sign_in_at' END;
    BEGIN
      -- When somebody was there last changes with every request.
      IF v_was IS DISTINCT FROM v_it THEN
        INSERT INTO watched.change VALUES (TG_TABLE_NAME, TG_OP, pg_current_xact_id(), v_was, v_it);
      END IF;
      RETURN NULL;
    END $$;
    DO $$ DECLARE t text; BEGIN
      FOR t IN SELECT relname FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace AND relkind = 'r'
               AND relname NOT IN (${[...WRITTEN_BESIDE, 'dot_iu_acting'].map(table => `'${table}'`).join(', ')}) LOOP
        EXECUTE format('CREATE TRIGGER zz_watched AFTER INSERT OR UPDATE OR DELETE ON iu_core.%I FOR EACH ROW EXECUTE FUNCTION watched.note()', t);
      END LOOP;
    END $$;
    SELECT iu_core.fn_dot_inventory_register('a test', NULL);
    TRUNCATE watched.change`)
}

/** A world in which the examples of the commands are about something. */
async function seed(db: TestDatabase): Promise<void> {
  for (const gate of ['operator_runtime_enabled', 'composer_enabled', 'autocut_enabled', 'routes_master_enabled', 'route_worker_enabled']) await setGate(db.pool, gate, true)
  const owner = await db.connect()
  const apply = (code: string, params: Record<string, unknown>) => carry(owner, code, params, { reason: 'a seed' })
  for (const [account, right] of [['admin', 'admin'], ['second', 'approver'], ['operator', 'operator'], ['reviewer', 'reviewer'], ['ada', 'operator']]) await apply('dot_iu_add_account', { account, right, ...await hashPassword(PASSWORD) })
  await apply('dot_iu_create_collection', { address: 'handbook.md', kind: 'file', title: 'Handbook' })
  for (const address of ['handbook/welcome', 'handbook/opening-hours', 'branch/opening-hours']) await apply('dot_iu_create_piece', { address, kind: 'paragraph', body: `${address}\n`, collection: 'handbook.md' })
  const type = EXAMPLES.dot_iu_register_event_type!
  await apply('dot_iu_register_event_type', type)
  await apply('dot_iu_register_route', EXAMPLES.dot_iu_register_route!)
  await db.pool.query(`SELECT iu_core.fn_iu_emit_event('shop.order', 'shop', n::text, '{}') FROM generate_series(1, 40) AS n`)
  await apply('dot_iu_run_worker', {})
  await setGate(db.pool, 'routes_master_enabled', false)
  await db.pool.query(`SELECT iu_core.fn_iu_emit_event('shop.order', 'shop', n::text, '{"order": 1}') FROM generate_series(1, 40) AS n`)
  await setGate(db.pool, 'routes_master_enabled', true)
  await db.pool.query(`SELECT iu_core.fn_iu_emit_event('shop.order', 'shop', n::text, '{"order": 1}') FROM generate_series(1, 40) AS n`)
}

interface Console { origin: string, child: ChildProcess, send: (actor: Actor, path: string, asked: Asked) => Promise<Answer> }

async function openConsole(db: TestDatabase): Promise<Console> {
  const port = await freePort(0)
  const child = await startConsole(db.loginUrl('iu_console'), port, 'a secret of thirty-two characters')
  onTestFinished(() => endChild(child))
  const origin = `http://127.0.0.1:${port}`
  const known = new Map<Actor, Record<string, string>>([['nobody', {}]])
  for (const account of ['admin', 'second', 'operator', 'reviewer'] as const) {
    const answer = await ask(origin, '/api/session', { method: 'POST', headers: { origin }, body: { account, password: PASSWORD } })
    expect(answer.status, answer.text).toBe(200)
    known.set(account, { cookie: answer.headers['set-cookie']![0]!.split(';')[0]!, origin })
  }
  const issue = async (scopes: string[]) => {
    const params = { label: scopes.join(), current_password: PASSWORD, scopes, expires_at: new Date(Date.now() + 86_400_000).toISOString() }
    const answer = await ask(origin, '/api/commands/dot_iu_issue_token', { method: 'POST', headers: known.get('second')!, body: { mode: 'apply', params } })
    expect(answer.status, answer.text).toBe(200)
    return answer.json<Receipt>().secret!.token!
  }
  // The examples name tokens by small numbers: those are nobody's.
  for (let n = 0; n < 5; n++) await issue(['read'])
  for (const [actor, ...scopes] of [['token', '*'], ['reading', 'read'], ['creating', 'dot_iu_create_piece']] as const) known.set(actor, { authorization: `Bearer ${await issue(scopes)}` })
  expect([...known.keys()].sort()).toEqual([...new Set(ACTORS)].sort())
  return { origin, child, send: (actor, path, asked) => ask(origin, path, { ...asked, headers: { ...known.get(actor), ...asked.headers } }) }
}

/** An answer is a receipt, a read's answer or a problem, and no fault of the server. */
function expectAnswer(answer: Answer, method: string, path: string): void {
  const said = `${method} ${path.slice(0, 300)} answered ${answer.status} ${answer.text.slice(0, 400)}`
  if (method === 'HEAD') {
    expect(answer.text).toBe('')
    expect(answer.status, said).toBeLessThan(500)
    return
  }
  const { pathname } = new URL(path, 'http://x')
  // What leads out of the API asks for a page, which is another's to test.
  if (!pathname.startsWith('/api/')) return expect(answer.status, said).toBeLessThan(500)
  if (answer.status === 200) {
    if (pathname === '/api/collections/render') return expect(answer.headers['content-type'], said).toMatch(/^text\/markdown/)
    expect(answer.headers['content-type'], said).toBe('application/json')
    const route = READ_ROUTES[pathname.slice('/api/'.length) as ReadModelName] as (typeof READ_ROUTES)[ReadModelName] | undefined
    const schema = method === 'POST' && pathname.startsWith('/api/commands/') ? receiptSchema : method === 'GET' ? route?.answer : undefined
    if (schema) expect(schema.parse(answer.json()), said).toEqual(answer.json())
    else expect(typeof answer.json(), said).toBe('object')
    return
  }
  expect(answer.headers['content-type'], said).toBe('application/problem+json')
  const problem = problemSchema.parse(answer.json())
  expect(problem, said).toEqual(answer.json())
  expect(problem.status, said).toBe(answer.status)
  expect(answer.status < 500 || (answer.status === 503 && AWAY.has(problem.code)), said).toBe(true)
}

/** Does what can be done with a command, as far as it is allowed. */
async function carryOn(server: Console, { actor, code, params, key, isUndone }: Flow, seen: (answer: Answer) => void): Promise<void> {
  const path = `/api/commands/${code}`
  const post = async (body: string, headers = {}): Promise<Receipt | undefined> => {
    const answer = await server.send(actor, path, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } })
    expectAnswer(answer, 'POST', path)
    seen(answer)
    return answer.status === 200 ? answer.json<Receipt>() : undefined
  }
  const confirm = (named: string, given: Record<string, unknown>) => JSON.stringify(given[findCommand(named)?.confirm ?? ''] ?? '')
  const plan = await post(`{"mode":"plan","params":${params}}`)
  if (!plan) return
  const applied = await post(`{"mode":"apply","params":${params},"reason":"a fuzz","planDigest":"${plan.plan_digest}","confirm":${confirm(code, plan.params)}}`, { 'idempotency-key': key })
  if (!applied) return
  await post(`{"mode":"verify","run":${applied.run}}`)
  if (!applied.inverse || !isUndone) return
  const undo = await post(`{"mode":"plan","run":${applied.run}}`)
  if (undo) await post(`{"mode":"rollback","run":${applied.run},"reason":"a fuzz","planDigest":"${undo.plan_digest}","confirm":${confirm(applied.inverse.command, applied.inverse.params)}}`)
}

test(`${REQUESTS} requests that nobody would send break nothing, and leave nothing that the ledger does not explain`, async () => {
  const db = await testDatabase()
  onTestFinished(() => db.drop())
  await seed(db)
  const server = await openConsole(db)
  await watchTables(db)
  const { rows: [before] } = await db.pool.query<{ run: string, event: string }>('SELECT (SELECT max(id) FROM iu_core.dot_iu_command_run) AS run, (SELECT max(id) FROM iu_core.event_outbox) AS event')

  const statuses = new Map<string, number>()
  let requests = 0
  const seen = ({ status, text }: Answer) => {
    requests++
    const name = status === 200 ? 'ok' : `${status} ${/"code":"(\w+)"/.exec(text)?.[1] ?? ''}`
    statuses.set(name, (statuses.get(name) ?? 0) + 1)
  }
  const one = async (what: Fuzzed | Flow): Promise<void> => {
    if ('code' in what) return carryOn(server, what, seen)
    const { actor, path, method, headers, body, chunked } = what
    const answer = await server.send(actor, path, { method, headers, body, chunked })
    expectAnswer(answer, method, path)
    seen(answer)
  }
  const batch = fc.array(fc.oneof({ weight: 9, arbitrary: fuzzed as fc.Arbitrary<Fuzzed | Flow> }, { weight: 2, arbitrary: flow }), { minLength: SIDE_BY_SIDE, maxLength: SIDE_BY_SIDE })
  await fc.assert(fc.asyncProperty(batch, async (batch) => {
    await Promise.all(batch.map(one))
  }), { numRuns: REQUESTS / SIDE_BY_SIDE, endOnFailure: true })
  console.log(`${requests} requests: ${[...statuses].sort(([, a], [, b]) => b - a).map(([name, n]) => `${name} ${n}`).join(', ')}`)

  // It lives, as the process that it was.
  expect(requests).toBeGreaterThanOrEqual(REQUESTS)
  expect(server.child.exitCode).toBeNull()
  expect((await ask(server.origin, '/api/health/live')).status).toBe(200)
  expect((await server.send('admin', '/api/overview', {})).status).toBe(200)

  // Every change of a row is a run's that succeeded, and so is every event.
  const { rows: unexplained } = await db.pool.query(`
    SELECT c.table_name, c.op, count(*)::int AS rows, min(c.it::text) AS one FROM watched.change AS c
    WHERE NOT EXISTS (SELECT FROM iu_core.dot_iu_command_run AS r WHERE r.xid = c.xid AND r.mode IN ('apply', 'rollback') AND r.status = 'succeeded' AND r.id > $1)
      -- A step of a replay in the background, which a command started.
      AND NOT EXISTS (SELECT FROM watched.change AS s WHERE s.xid = c.xid AND s.table_name = 'iu_replay_job')
    GROUP BY 1, 2`, [before!.run])
  expect(unexplained).toEqual([])
  const { rows: events } = await db.pool.query(`
    SELECT e.id FROM iu_core.event_outbox AS e
    WHERE e.id > $1 AND NOT EXISTS (SELECT FROM iu_core.dot_iu_command_run AS r WHERE r.xid = e.xid AND r.status = 'succeeded' AND e.id BETWEEN r.event_from AND r.event_to) LIMIT 10`, [before!.event])
  expect(events).toEqual([])
  expect(await accounting(db.pool)).toMatchObject({ unexplained: 0 })
  await expectRollups(db.pool)
  const { rows: failed } = await db.pool.query(`SELECT id, command_code, receipt -> 'fault' AS fault FROM iu_core.dot_iu_command_run WHERE status = 'failed'`)
  expect(failed).toEqual([])
  await db.pool.query('SELECT iu_core.fn_dot_ledger_seal(100000)')
  const { rows: [ledger] } = await db.pool.query('SELECT ok, problems, rows_unsealed::int AS unsealed FROM iu_core.fn_dot_ledger_verify(NULL)')
  expect(ledger).toEqual({ ok: true, problems: [], unsealed: 0 })

  // It was no walk along locked doors: nearly every command did something, and much was refused.
  const { rows: succeeded } = await db.pool.query<{ code: string }>(`SELECT DISTINCT command_code AS code FROM iu_core.dot_iu_command_run WHERE id > $1 AND mode = 'apply' AND status = 'succeeded'`, [before!.run])
  console.log(`without a success: ${COMMANDS.map(({ code }) => code as string).filter(code => !succeeded.some(row => row.code === code)).join(', ') || 'none'}`)
  expect(succeeded.length).toBeGreaterThan(COMMANDS.length * 0.75)
  expect([...statuses.keys()]).toEqual(expect.arrayContaining(['ok', '400 malformed_json', '401 unauthenticated', '403 forbidden', '404 not_found', '405 method_not_allowed', '409 nothing_to_do', '422 invalid_parameter']))
})
