/** Who acts: the account behind the token, or the login itself; nothing that a session can set, make or read changes it. */
import { createHash } from 'node:crypto'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { carry, openDatabase, password, run, signedIn, tables } from '../commands/world.ts'
import type { TestDatabase } from '../harness.ts'
import { ALIKE } from '../setup.ts'
import { refusal } from '../world.ts'
import { type Member, memberOf } from './members.ts'
import { INTERNAL_VIEWS } from './rights.ts'

let db: TestDatabase
let server: pg.Client
let operator: Member
let alice: string
let bob: string

beforeAll(async () => {
  db = await openDatabase()
  alice = await signedIn(db.pool, 'alice', 'admin')
  bob = await signedIn(db.pool, 'bob', 'admin')
  operator = memberOf(db, 'iu_operator')
  // What bootstrap has taken away is given back, as if it had been deployed so: it must hold even then.
  await db.pool.query(`GRANT TEMPORARY ON DATABASE ${db.name} TO PUBLIC`)
  await db.pool.query(`SELECT iu_core.fn_dot_inventory_register(NULL, NULL, 'principal', 'rights of PUBLIC on the database')`)
  server = await db.login('iu_console')
})
afterAll(async () => {
  await operator.drop()
  await db.drop()
})

const IN_A_YEAR = new Date(Date.now() + 300 * 86_400_000).toISOString()

/** The columns that say who did something, and how many rows name whom. */
async function named(): Promise<Record<string, Record<string, number>>> {
  const { rows: columns } = await db.pool.query<{ table: string, column: string }>(`
    SELECT c.relname::text AS "table", a.attname::text AS "column" FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'iu_core'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.attname ~ '(^actor$|_by$)' ORDER BY 1, 2`)
  const counts: Record<string, Record<string, number>> = {}
  for (const { table, column } of columns) {
    const { rows } = await db.pool.query<{ name: string, n: number }>(`SELECT ${column} AS name, count(*)::integer AS n FROM iu_core.${table} WHERE ${column} IS NOT NULL GROUP BY 1`)
    counts[`${table}.${column}`] = Object.fromEntries(rows.map(({ name, n }) => [name, n]))
  }
  return counts
}

/** Whom `work` put into the columns that say who did something. */
async function newlyNamed(work: () => Promise<unknown>): Promise<Record<string, string[]>> {
  const before = await named()
  await work()
  const after = await named()
  return Object.fromEntries(Object.entries(after)
    .map(([column, counts]) => [column, Object.keys(counts).filter(name => counts[name]! > (before[column]![name] ?? 0)).sort()] as const)
    .filter(([, names]) => names.length > 0))
}

describe('whoever holds a token, over the server\'s login', () => {
  it('is named in every row that is written, and nobody else', async () => {
    const to = { token: alice, reason: 'a test' }
    const columns = await newlyNamed(async () => {
      await carry(server, 'dot_iu_create_piece', { address: 'p', kind: 'text', body: 'P' }, to)
      await carry(server, 'dot_iu_create_file_from_pieces', { address: 'f', title: 'F', pieces: ['p'] }, to)
      await carry(server, 'dot_iu_create_workflow_from_steps', { address: 'w', title: 'W', steps: [{ piece: 'p' }, { body: 'New.' }] }, to)
      await carry(server, 'dot_iu_revise_piece', { piece: 'p', body: 'P2' }, to)
      await carry(server, 'dot_iu_clone_piece', { piece: 'p', address: 'p2' }, to)
      await carry(server, 'dot_iu_checkpoint_collection', { collection: 'f' }, to)
      await carry(server, 'dot_iu_register_event_type', { event_type: 'app.x', description: 'X', payload_schema: { type: 'object', required: ['n'] } }, to)
      await carry(server, 'dot_iu_register_route', { route: 'app.x.log', event_type: 'app.x', target_kind: 'log', target_ref: 'x', enabled: true }, to)
      await carry(server, 'dot_iu_open_gate', { gate: 'iu_core.structure_ops_enabled' }, to)
      await carry(server, 'dot_iu_add_account', { account: 'carol', right: 'reviewer', ...password().params }, to)
      const token = await carry(server, 'dot_iu_issue_token', { label: 'ci', scopes: ['read'], expires_at: IN_A_YEAR }, to)
      await carry(server, 'dot_iu_revoke_token', token.inverse!.params, to)
    })
    expect(columns).toEqual(Object.fromEntries([
      'dot_config.changed_by', 'dot_inventory.registered_by', 'dot_iu_command_run.actor', 'event_outbox.actor', 'information_unit.created_by', 'iu_account.created_by', 'iu_api_token.created_by', 'iu_api_token.revoked_by',
      'iu_collection.created_by', 'iu_collection_checkpoint.created_by', 'iu_event_type.registered_by', 'iu_outbound_route.registered_by', 'iu_relation.created_by', 'unit_version.created_by',
    ].map(column => [column, ['alice']])))
  })

  it('is named where a dead letter or a held event is decided', async () => {
    // The application's own events are its login's; what is decided about them is the operator's.
    const emit = async (): Promise<void> => { await db.pool.query(`SELECT iu_core.fn_iu_emit_event('app.x', 't', 's', '{}')`) }
    const columns = await newlyNamed(async () => {
      await emit()
      await carry(server, 'dot_iu_run_worker', {}, { token: alice })
      const { rows } = await db.pool.query<{ id: string }>('SELECT id FROM iu_core.iu_route_dead_letter')
      expect(rows).toHaveLength(1)
      await carry(server, 'dot_iu_discard_dead_letter', { dead_letter: Number(rows[0]!.id) }, { token: alice })
      await carry(server, 'dot_iu_close_gate', { gate: 'iu_core.routes_master_enabled' }, { token: alice })
      await emit()
      await carry(server, 'dot_iu_discard_held_events', {}, { token: alice })
      await carry(server, 'dot_iu_open_gate', { gate: 'iu_core.routes_master_enabled' }, { token: bob })
    })
    expect(columns).toEqual({
      'dot_config.changed_by': ['bob'], 'dot_iu_command_run.actor': ['alice', 'bob'], 'event_outbox.actor': ['db:iu_deployer'], 'iu_held_decision.decided_by': ['alice'],
      'iu_route_dead_letter.actor': ['db:iu_deployer'], 'iu_route_dead_letter.resolved_by': ['alice'], 'iu_route_worker_run.run_by': ['alice'],
    })
  })

  it('is told apart from the next one in the same transaction, and after them the login is nobody again', async () => {
    await server.query('BEGIN')
    expect((await run(server, 'dot_iu_create_piece', 'apply', { address: 'of.alice', kind: 'text', body: 'A' }, { token: alice })).actor).toBe('alice')
    expect((await run(server, 'dot_iu_create_piece', 'apply', { address: 'of.bob', kind: 'text', body: 'B' }, { token: bob })).actor).toBe('bob')
    expect(await refusal(run(server, 'dot_iu_create_piece', 'apply', { address: 'of.nobody', kind: 'text', body: 'N' }))).toMatchObject({ code: 'IU012' })
    await server.query('ROLLBACK')
  })
})

describe('a login of the database that is called like an account', () => {
  it('is named as the login that it is, in every row that it writes', async () => {
    const { rows: accounts } = await db.pool.query<{ account: string }>('SELECT account FROM iu_core.iu_account')
    for (const name of ALIKE) {
      const client = await db.login(name)
      const columns = await newlyNamed(async () => {
        await client.query(`SELECT iu_core.fn_iu_emit_event('app.x', 't', 's', '{"n": 1}')`)
        await client.query(`SELECT * FROM iu_core.fn_iu_route_worker_run('iu_outbound_default')`)
        await client.query(`SELECT iu_core.fn_iu_worker_beat(gen_random_uuid(), 'cli', 'iu_outbound_default', 'h', 1, 'idle', 0)`)
        await client.query(`SELECT iu_core.fn_iu_export_begin('h', $1)`, [`/${name}`])
        await carry(client, 'dot_iu_create_collection', { address: `of.${ALIKE.indexOf(name)}`, kind: 'file', title: 'X' })
      })
      await client.end()
      expect(Object.keys(columns).length, name).toBeGreaterThan(4)
      expect(new Set(Object.values(columns).flat()), name).toEqual(new Set([`db:${name}`]))
      expect(accounts.map(({ account }) => account)).not.toContain(`db:${name}`)
    }
  })

  it('has a name that no account can have', async () => {
    for (const account of ['db:alice', 'db:', 'Alice', 'аlice', 'alice ']) {
      // A blank that came along with a name is not of it, so this one is hers.
      const code = account === 'alice ' ? 'taken' : 'invalid_parameter'
      expect(await run(db.pool, 'dot_iu_add_account', 'apply', { account, right: 'admin', ...password().params })).toMatchObject({ status: 'refused', code })
      expect(await refusal(db.pool.query(`INSERT INTO iu_core.iu_account (account, account_right, password_salt, password_verifier, created_by) VALUES ($1, 'admin', '\\x00000000000000000000000000000000', sha256(''), 'x')`, [account]))).toMatchObject({ code: '23514' })
    }
  })

  it('is written by no column\'s default as the bare name', async () => {
    const { rows } = await db.pool.query(`SELECT c.relname, a.attname FROM pg_attrdef AS d JOIN pg_class AS c ON c.oid = d.adrelid JOIN pg_attribute AS a ON (a.attrelid, a.attnum) = (d.adrelid, d.adnum)
      WHERE c.relnamespace = 'iu_core'::regnamespace AND pg_get_expr(d.adbin, d.adrelid) ~* 'session_user|current_user' AND pg_get_expr(d.adbin, d.adrelid) !~ '^\\(''db:''::text \\|\\| '`)
    expect(rows).toEqual([])
  })
})

const NAMES = ['bob', 'iu_owner', 'iu_deployer', 'db:iu_deployer']
const SETTINGS = [
  ...['iu_core.actor', 'iu.actor', 'iu_core.token', 'application_name', 'request.jwt.claims', 'session.user'].flatMap(setting => NAMES.map(name => `SET ${setting.includes('.') ? setting.split('.').map(part => `"${part}"`).join('.') : setting} = '${name}'`)),
  'SET ROLE NONE', 'SET ROLE iu_reader', 'SET SESSION AUTHORIZATION DEFAULT', 'SET search_path = pg_temp, public, iu_core', 'SET row_security = off',
  'CREATE TEMP TABLE dot_iu_acting AS SELECT pg_current_xact_id() AS xid, \'bob\'::text AS actor',
  'CREATE TEMP TABLE iu_account AS SELECT 2::bigint AS id, \'bob\'::text AS account, \'admin\'::text AS account_right, \'active\'::text AS status, \'\'::text AS display_name',
  `CREATE FUNCTION pg_temp.fn_iu_who(text) RETURNS TABLE (actor text) LANGUAGE sql AS $$ SELECT 'bob' $$`,
]
const FORBIDDEN = ['SET ROLE iu_owner', 'SET ROLE iu_deployer', 'SET ROLE iu_approver', 'SET SESSION AUTHORIZATION iu_deployer', 'SET SESSION AUTHORIZATION iu_owner', 'SET SESSION AUTHORIZATION iu_approver', 'SET session_replication_role = replica']

describe('no setting of the session, and nothing that it makes, changes who acts', () => {
  it('for the server\'s login without a token: it stays nobody', async () => {
    const before = await tables(db.pool)
    for (const setting of SETTINGS) {
      const client = await db.login('iu_console')
      await client.query(setting)
      // As another role than its own it may not even call the dispatcher.
      expect((await refusal(run(client, 'dot_iu_create_collection', 'apply', { address: 'x', kind: 'file', title: 'X' }))).code, setting).toMatch(setting === 'SET ROLE iu_reader' ? /^42501$/ : /^IU012$/)
      await client.end()
    }
    expect(await tables(db.pool)).toEqual(before)
  })

  it('for alice\'s token: she stays alice', async () => {
    for (const [i, setting] of SETTINGS.filter(setting => setting !== 'SET ROLE iu_reader').entries()) {
      const client = await db.login('iu_console')
      await client.query(setting)
      expect(await run(client, 'dot_iu_create_collection', 'apply', { address: `set.${i}`, kind: 'file', title: 'X' }, { token: alice }), setting).toMatchObject({ status: 'succeeded', actor: 'alice' })
      await client.end()
    }
    const { rows } = await db.pool.query(`SELECT DISTINCT created_by FROM iu_core.iu_collection WHERE canonical_address LIKE 'set.%'`)
    expect(rows).toEqual([{ created_by: 'alice' }])
    const { rows: actors } = await db.pool.query(`SELECT DISTINCT actor FROM iu_core.event_outbox WHERE event_type = 'collection_created' AND event_subject_ref LIKE 'set.%'`)
    expect(actors).toEqual([{ actor: 'alice' }])
  })

  it('for a member of iu_operator: it stays the login that it is, with an operator\'s right', async () => {
    for (const setting of [...SETTINGS.filter(setting => setting !== 'SET ROLE iu_reader'), 'SET ROLE iu_operator']) {
      const client = await operator.login()
      await client.query(setting)
      expect(await run(client, 'dot_iu_create_collection', 'plan', { address: 'y', kind: 'file', title: 'Y' }), setting).toMatchObject({ status: 'planned', actor: `db:${operator.name}` })
      expect(await refusal(run(client, 'dot_iu_open_gate', 'plan', { gate: 'iu_core.structure_ops_enabled' })), setting).toMatchObject({ code: 'IU013' })
      await client.end()
    }
  })

  it('and to become another login is refused', async () => {
    for (const setting of FORBIDDEN) {
      for (const client of [server, await operator.login()]) expect((await refusal(client.query(setting))).code, setting).toBe('42501')
    }
  })
})

describe('nothing is readable that would let somebody act as another', () => {
  it('no view has a token, a digest of one, a salt or a verifier', async () => {
    const { rows: secrets } = await db.pool.query<{ secret: Buffer }>(`
      SELECT token_digest AS secret FROM iu_core.iu_session UNION ALL SELECT token_digest FROM iu_core.iu_api_token
      UNION ALL SELECT password_salt FROM iu_core.iu_account UNION ALL SELECT password_verifier FROM iu_core.iu_account`)
    expect(secrets.length).toBeGreaterThan(6)
    const needles = [alice, bob, alice.slice(4), bob.slice(4), ...secrets.flatMap(({ secret }) => [secret.toString('hex'), secret.toString('base64')])]
    // They are what is looked for: the digest of a token is what the table has.
    expect(needles).toContain(createHash('sha256').update(alice).digest('hex'))
    const { rows: views } = await db.pool.query<{ name: string }>(`SELECT relname AS name FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace AND relkind = 'v' AND relname <> ALL ($1)`, [INTERNAL_VIEWS])
    expect(views.length).toBeGreaterThan(20)
    for (const { name } of views) {
      const { rows } = await server.query<{ text: string | null }>(`SELECT string_agg(v::text, chr(10)) AS text FROM iu_core.${name} AS v`)
      expect(needles.filter(needle => rows[0]!.text?.includes(needle)), name).toEqual([])
    }
  })

  it('the functions that know are called by nobody but the owner', async () => {
    for (const call of [`fn_iu_who('${alice}')`, 'fn_iu_who(NULL)', 'fn_iu_actor()', 'fn_iu_token()', 'fn_iu_sessions_end(1, \'x\')', `dot_iu_add_account('{}', '{"actor": "alice", "right": "admin"}')`]) {
      for (const client of [server, await operator.login()]) expect((await refusal(client.query(`SELECT * FROM iu_core.${call}`))).code, call).toBe('42501')
    }
  })
})
