import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testDatabase, type TestDatabase } from '../harness.ts'
import { type Member, memberOf } from './members.ts'
import { INTERNAL_VIEWS, MATRIX, type Role, ROLES } from './rights.ts'

const DENIED = '42501'

interface Routine { name: string, call: string, volatility: 'i' | 's' | 'v' }

let db: TestDatabase
let tables: string[]
let views: string[]
let routines: Routine[]

beforeAll(async () => {
  db = await testDatabase()
  const names = async (sql: string) => (await db.pool.query<{ name: string }>(sql)).rows.map(({ name }) => name)
  tables = await names(`SELECT relname AS name FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace AND relkind = 'r' ORDER BY 1`)
  views = await names(`SELECT relname AS name FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace AND relkind = 'v' ORDER BY 1`)
  // Arguments come out of a subquery, or a function that is strict would never be reached.
  routines = (await db.pool.query<Routine>(`
    SELECT p.proname AS name, p.provolatile AS volatility,
      format('SELECT iu_core.%I(%s) FROM (SELECT %s OFFSET 0) AS given', p.proname,
        string_agg(CASE WHEN p.provariadic <> 0 AND a.n = p.pronargs THEN 'VARIADIC ' ELSE '' END || 'a' || a.n, ', ' ORDER BY a.n),
        coalesce(string_agg(format('NULL::%s AS a%s', format_type(a.type, NULL), a.n), ', ' ORDER BY a.n) FILTER (WHERE a.n IS NOT NULL), '1')) AS call
    FROM pg_proc AS p LEFT JOIN unnest(p.proargtypes) WITH ORDINALITY AS a(type, n) ON true
    WHERE p.pronamespace = 'iu_core'::regnamespace GROUP BY p.oid ORDER BY p.oid::regprocedure::text`)).rows
})
afterAll(() => db.drop())

/** What becomes of a statement, which is undone: `done`, or its SQLSTATE. */
async function outcome(client: pg.Client, sql: string): Promise<string> {
  await client.query('BEGIN')
  try {
    await client.query(sql)
    return 'done'
  }
  catch (error) {
    return (error as pg.DatabaseError).code ?? String(error)
  }
  finally {
    await client.query('ROLLBACK')
  }
}

async function outcomes(client: pg.Client, statements: string[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const sql of statements) found[sql] = await outcome(client, sql)
  return found
}

const allDenied = (statements: string[]) => Object.fromEntries(statements.map(sql => [sql, DENIED]))

it('the page has a row for each function that somebody may call, and names only what there is', () => {
  const named = new Set(ROLES.flatMap(role => MATRIX[role].calls))
  expect([...named].filter(name => !routines.some(routine => routine.name === name))).toEqual([])
  expect(INTERNAL_VIEWS.filter(view => !views.includes(view))).toEqual([])
  expect(INTERNAL_VIEWS.length).toBeGreaterThan(0)
  expect(named.size).toBeGreaterThan(10)
})

it('the matrix is about something', () => {
  expect(tables.length).toBeGreaterThan(10)
  expect(views.length).toBeGreaterThan(10)
  expect(routines.filter(({ volatility }) => volatility === 'v').length).toBeGreaterThan(10)
})

describe.each(ROLES.map(role => ({ role, ...MATRIX[role] })))('$role', ({ role, reads, calls }) => {
  // The console logs in as such, the others as members: a session that a superuser opened might leave its role.
  let client: pg.Client
  let member: Member | undefined
  beforeAll(async () => {
    member = role === 'iu_console' ? undefined : memberOf(db, role)
    client = await (member?.login() ?? db.login(role))
  })
  afterAll(async () => {
    await member?.drop()
  })

  it('is who it says it is, and no superuser', async () => {
    const { rows } = await client.query(`SELECT current_user AS "user", rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication AS mighty FROM pg_roles WHERE rolname = current_user`)
    expect(rows).toEqual([{ user: member?.name ?? role, mighty: false }])
  })

  it('can write no table, in no way', async () => {
    const { rows } = await db.pool.query<{ table: string, column: string }>(`
      SELECT attrelid::regclass::text AS table, min(attname) AS column FROM pg_attribute
      WHERE attnum > 0 AND NOT attisdropped AND attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace AND relkind = 'r') GROUP BY 1`)
    expect(rows).toHaveLength(tables.length)
    const statements = rows.flatMap(({ table, column }) => [
      `INSERT INTO ${table} DEFAULT VALUES`,
      `UPDATE ${table} SET ${pg.escapeIdentifier(column)} = DEFAULT`,
      `DELETE FROM ${table}`,
      `TRUNCATE ${table}`,
      `COPY ${table} FROM PROGRAM 'true'`,
      `LOCK TABLE ${table}`,
    ])
    expect(await outcomes(client, statements)).toEqual(allDenied(statements))
  })

  it('can read no table', async () => {
    const statements = tables.map(table => `SELECT FROM iu_core.${table} LIMIT 1`)
    expect(await outcomes(client, statements)).toEqual(allDenied(statements))
  })

  it(`can read ${reads}`, async () => {
    const found = await outcomes(client, views.map(view => `SELECT * FROM iu_core.${view} LIMIT 1`))
    const expected = (view: string) => reads === 'every view' && !INTERNAL_VIEWS.includes(view) ? 'done' : DENIED
    expect(found).toEqual(Object.fromEntries(views.map(view => [`SELECT * FROM iu_core.${view} LIMIT 1`, expected(view)])))
  })

  it('cannot write through a view', async () => {
    // A view that is not simple refuses everybody; none lets this role through.
    const found = await outcomes(client, views.flatMap(view => [`INSERT INTO iu_core.${view} DEFAULT VALUES`, `DELETE FROM iu_core.${view}`]))
    expect(Object.entries(found).filter(([, code]) => ![DENIED, '55000', '42809'].includes(code))).toEqual([])
  })

  it(`can call ${calls.length} functions, and is refused every other`, async () => {
    const callable = new Set<string>()
    for (const { name, call } of routines) {
      const code = await outcome(client, call)
      // A call that is not even understood would tell nothing.
      expect(code, call).not.toMatch(/^42(?!501)/)
      if (code !== DENIED) callable.add(name)
    }
    expect([...callable].sort()).toEqual(calls)
  })

  it('cannot become another, nor make anything', async () => {
    const statements = [
      'SET ROLE iu_owner',
      'SET SESSION AUTHORIZATION iu_owner',
      'CREATE TABLE iu_core.x ()',
      'CREATE FUNCTION iu_core.x() RETURNS integer LANGUAGE sql RETURN 1',
      'CREATE SCHEMA x',
      'CREATE TABLE public.x ()',
      'CREATE OR REPLACE VIEW iu_core.v_iu_gate AS SELECT 1',
      'ALTER TABLE iu_core.dot_config DISABLE TRIGGER ALL',
      'GRANT iu_owner TO CURRENT_USER',
      'CREATE ROLE x',
      'SELECT pg_read_file(\'/etc/passwd\')',
      'SELECT * FROM iu_deploy.applied_unit',
    ]
    expect(await outcomes(client, statements)).toEqual(allDenied(statements))
  })
})

describe('readers', () => {
  const callsOf = (role: Role) => routines.filter(({ name }) => MATRIX[role].calls.includes(name))

  it('call only functions that change nothing', () => {
    // The comparison, and what tells it, are volatile so as to see what was committed when it has its lock; that they write nothing is shown below.
    expect(callsOf('iu_reader').filter(({ volatility }) => volatility === 'v').map(({ name }) => name)).toEqual(['fn_dot_compare', 'fn_dot_drift', 'fn_iu_sync_layers'])
  })

  it('write nothing where the database is read-only: each view and function works in such a transaction', async () => {
    const client = await db.login('iu_console')
    await client.query('SET default_transaction_read_only = on')
    const calls = callsOf('iu_reader').map(({ call }) => call)
    const found = await outcomes(client, [...calls, ...views.filter(view => !INTERNAL_VIEWS.includes(view)).map(view => `SELECT * FROM iu_core.${view} LIMIT 1`)])
    expect(Object.values(found)).not.toContain('25006')
    expect(Object.values(found)).not.toContain(DENIED)
  })

  it('see the same, whoever they are: console, operators and approvers are readers, and members of nothing else', async () => {
    const { rows } = await db.pool.query(`
      SELECT member::regrole::text AS member, roleid::regrole::text AS role FROM pg_auth_members
      WHERE member IN ('iu_console'::regrole, 'iu_reader'::regrole, 'iu_emitter'::regrole, 'iu_worker'::regrole, 'iu_operator'::regrole, 'iu_approver'::regrole) ORDER BY member::regrole::text`)
    expect(rows).toEqual([{ member: 'iu_approver', role: 'iu_reader' }, { member: 'iu_console', role: 'iu_reader' }, { member: 'iu_operator', role: 'iu_reader' }])
  })
})
