/** A database and a console of a spec's own, beside the served one: whatever is counted, closed or disabled there is nobody else's. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { OutgoingHttpHeaders } from 'node:http'
import { expect } from '@playwright/test'
import pg from 'pg'
import { endChild, freePort, startConsole } from '../../../server/cli/console.ts'
import { within } from '../../../server/cli/database.ts'
import { bootstrap, deploy } from '../../../server/deploy/index.ts'
import { findCommand } from '../../../shared/commands/index.ts'
import type { Receipt } from '../../../shared/commands/receipt.ts'
import { addPeople, enterLogins, PASSWORD, type Person } from './accounts.ts'
import { type Answer, ask, type Asked } from './ask.ts'
import { WRITTEN_BESIDE } from './written-beside.ts'

export interface Signed {
  /** asks with the session's cookie, and from this origin */
  ask: (path: string, asked?: Asked) => Promise<Answer>
  /** one call of a command; whatever it answers */
  command: (code: string, body: unknown, headers?: OutgoingHttpHeaders) => Promise<Answer>
  /** applies a command that must succeed, from a plan where it takes one; the receipt */
  carry: (code: string, params: Record<string, unknown>) => Promise<Receipt>
  headers: { cookie: string, origin: string }
}

export interface World {
  origin: string
  /** as the superuser */
  db: pg.Pool
  signIn: (person: Person | (string & {}), password?: string) => Promise<Signed>
  /** the rows of every table but those of sessions, failures, the ledger and what the console counts by itself, by content */
  rows: () => Promise<Record<string, string>>
  close: () => Promise<void>
}

const GATES = ['operator_runtime', 'composer', 'autocut', 'routes_master', 'route_worker']
const COUNTED_ELSEWHERE = [...WRITTEN_BESIDE, 'iu_worker_process']

/** A world; `through` is the way by which its console reaches the database. */
export async function makeWorld(through: (login: URL) => URL = login => login): Promise<World> {
  const name = `iu_api_${randomBytes(6).toString('hex')}`
  const admin = process.env.IU_E2E_DATABASE_URL!
  await within(admin, client => client.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`))
  const url = new URL(admin)
  url.pathname = name
  await within(url.href, async (client) => {
    await bootstrap(client)
    await deploy(client)
    for (const gate of GATES) await client.query('SELECT iu_core.fn_iu_gate_set($1, true, $2)', [`iu_core.${gate}_enabled`, 'a spec'])
    // As if they had been deployed open: a gate that is set by hand has drifted.
    await client.query(`UPDATE iu_core.dot_inventory SET switched = switched || '{"value": "true"}' WHERE class = 'config' AND identity = ANY ($1)`, [GATES.map(gate => `iu_core.${gate}_enabled`)])
    await enterLogins(client)
    await addPeople(client)
  })
  const login = Object.assign(new URL(process.env.IU_E2E_CONSOLE_URL!), { pathname: name })
  const port = await freePort(0)
  const server = await startConsole(through(login).href, port, randomBytes(32).toString('hex'))
  const origin = `http://127.0.0.1:${port}`
  const db = new pg.Pool({ connectionString: url.href, max: 4 })
  db.on('error', () => {})
  return {
    origin,
    db,
    signIn: (person, secret = PASSWORD) => signIn(origin, person, secret),
    rows: () => rowsOf(db),
    close: async () => {
      await endChild(server)
      await db.end()
      await within(admin, client => client.query(`DROP DATABASE ${name} WITH (FORCE)`))
    },
  }
}

async function signIn(origin: string, account: string, password: string): Promise<Signed> {
  const answer = await ask(origin, '/api/session', { method: 'POST', headers: { origin }, body: { account, password } })
  expect(answer.status, answer.text).toBe(200)
  const headers = { cookie: answer.headers['set-cookie']![0]!.split(';')[0]!, origin }
  // Who issues a token gives the password with it.
  const complete = (code: string, body?: { params?: object }) => code === 'dot_iu_issue_token' && body?.params ? { ...body, params: { current_password: password, ...body.params } } : body
  const command: Signed['command'] = (code, body, more) => ask(origin, `/api/commands/${code}`, { method: 'POST', body: complete(code, body as { params?: object }), headers: { ...headers, ...more } })
  return {
    headers, command,
    ask: (path, asked) => ask(origin, path, { ...asked, headers: { ...headers, ...asked?.headers } }),
    carry: async (code, params) => {
      const { tier, confirm } = findCommand(code)!
      const plan = tier > 1 ? await command(code, { mode: 'plan', params }) : undefined
      if (plan) expect(plan.status, `${code}: ${plan.text}`).toBe(200)
      const applied = await command(code, { mode: 'apply', params, reason: 'a spec', planDigest: plan?.json<Receipt>().plan_digest, confirm: confirm && params[confirm] }, { 'idempotency-key': randomUUID() })
      expect(applied.status, `${code}: ${applied.text}`).toBe(200)
      return applied.json<Receipt>()
    },
  }
}

async function rowsOf(db: pg.Pool): Promise<Record<string, string>> {
  const { rows: names } = await db.query<{ name: string }>(
    `SELECT relname::text AS name FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace AND relkind = 'r' AND relname <> ALL ($1) ORDER BY 1`, [COUNTED_ELSEWHERE])
  // When somebody was there last changes with every request, a refused one as well.
  const { rows } = await db.query<{ name: string, picture: string }>(names.map(({ name }) =>
    `SELECT '${name}' AS name, count(*) || ' ' || md5(coalesce(string_agg(it, ',' ORDER BY it), '')) AS picture FROM (SELECT (to_jsonb(t) - 'last_used_at' - 'last_sign_in_at')::text AS it FROM iu_core.${name} AS t) AS x`).join(' UNION ALL '))
  return Object.fromEntries(rows.map(({ name, picture }) => [name, picture]))
}
