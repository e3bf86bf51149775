/** What the specs of the commands share: ways to run one, a cut text, and a picture of everything that an undo must bring back. */
import { createHash, randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import { cut } from '../../../server/import/cut.ts'
import { findCommand } from '../../../shared/commands/index.ts'
import { testDatabase, type TestDatabase } from '../harness.ts'
import { type Queryable, setGate } from '../world.ts'

export type Params = Record<string, unknown>
export type Mode = 'plan' | 'apply' | 'verify' | 'rollback'
export interface Options { reason?: string, plan?: string, run?: number, confirm?: string, key?: string, token?: string }

/** What the dispatcher answers; which fields are there depends on mode and status. */
export interface Receipt {
  run: number
  command: string
  mode: Mode
  status: 'planned' | 'succeeded' | 'verified' | 'unverified' | 'refused' | 'failed'
  actor: string
  reason?: string
  params: Params
  plan_digest: string
  expires_at?: string
  plan_run?: number
  target_run?: number
  objects: { ref: string, change: 'create' | 'update' | 'delete', before?: Params, after?: Params }[]
  counts: { create: number, update: number, delete: number }
  events: { type: string, lane: string, count: number }[]
  before_digest: string
  after_digest: string
  result: Params
  notes: string[]
  checks: (Params & { name: string, kind: string })[]
  inverse: { command: string, params: Params } | null
  irreversible?: string
  results: { name: string, ok: boolean, detail?: string }[]
  code?: string
  field?: string
  detail?: string
  more?: string
  hint?: string
  friction?: string[]
  errors?: { field: string, message: string }[]
  repeated?: true
  secret?: Params
}

export const GATES = ['operator_runtime_enabled', 'composer_enabled', 'autocut_enabled', 'routes_master_enabled', 'route_worker_enabled']

/** A database in which every command may run. */
export async function openDatabase(): Promise<TestDatabase> {
  const db = await testDatabase()
  for (const gate of GATES) await setGate(db.pool, gate, true)
  return db
}

/** The key of the password behind each session that was opened here. */
const keys = new Map<string, string>()

/** One call of the dispatcher. `params` may be anything that JSON can say; who issues a token gives the password with it, unless another is told. */
export async function run(db: Queryable, command: string, mode: string, params: unknown = {}, { reason, plan, run, confirm, key, token }: Options = {}): Promise<Receipt> {
  if (command === 'dot_iu_issue_token' && token && keys.has(token) && !run) params = { current_key: keys.get(token), ...params as Params }
  const { rows } = await db.query<{ receipt: Receipt }>('SELECT iu_core.fn_dot_command_run($1, $2, $3, $4, $5, $6, $7, $8, $9) AS receipt',
    [command, mode, JSON.stringify(params), reason ?? null, plan ?? null, run ?? null, confirm ?? null, key ?? null, token ?? null])
  return rows[0]!.receipt
}

/** What a plan says and its apply must do. */
export const effects = ({ objects, counts, events, before_digest: before, after_digest: after }: Receipt) => ({ objects, counts, events, before, after })

const confirmation = (command: string, params: Params): string | undefined => {
  const confirm = findCommand(command)?.confirm
  return confirm ? String(params[confirm]) : undefined
}

/** Plan, apply and verify, whatever the tier: the apply did what the plan said, and the verification holds. The apply's receipt. */
export async function carry(db: Queryable, command: string, params: Params = {}, options: Options = {}): Promise<Receipt> {
  const plan = await run(db, command, 'plan', params, options)
  expect(plan, JSON.stringify(plan)).toMatchObject({ status: 'planned', command, mode: 'plan' })
  const applied = await run(db, command, 'apply', params, { reason: 'a test', confirm: confirmation(command, params), ...options, plan: plan.plan_digest })
  expect(applied, JSON.stringify(applied)).toMatchObject({ status: 'succeeded', command, mode: 'apply', plan_run: plan.run })
  expect(effects(applied)).toEqual(effects(plan))
  await verify(db, applied, options)
  return applied
}

/** Verifies a run; every check of it holds. */
export async function verify(db: Queryable, receipt: Receipt, { token }: Options = {}): Promise<Receipt> {
  const verified = await run(db, receipt.command, 'verify', {}, { run: receipt.run, token })
  expect(verified, JSON.stringify(verified)).toMatchObject({ status: 'verified', target_run: receipt.run })
  expect(verified.results.length).toBeGreaterThanOrEqual(receipt.checks.length)
  return verified
}

/** Plans the rollback of a run, carries it out and verifies it. The rollback's receipt. */
export async function undo(db: Queryable, receipt: Receipt, options: Options = {}): Promise<Receipt> {
  const { command, params } = receipt.inverse!
  const plan = await run(db, receipt.command, 'plan', {}, { ...options, run: receipt.run })
  expect(plan, JSON.stringify(plan)).toMatchObject({ status: 'planned', command, target_run: receipt.run })
  const undone = await run(db, receipt.command, 'rollback', {}, { reason: 'undone by a test', confirm: confirmation(command, params), ...options, run: receipt.run, plan: plan.plan_digest })
  expect(undone, JSON.stringify(undone)).toMatchObject({ status: 'succeeded', command, mode: 'rollback', target_run: receipt.run })
  expect(effects(undone)).toEqual(effects(plan))
  await verify(db, undone, options)
  return undone
}

/** The parameters of dot_iu_import_text: a source's text, cut as the server cuts it. */
export async function imported(sourcePath: string, text: string): Promise<Params> {
  const { pieces } = await cut(Buffer.from(text))
  return {
    source_path: sourcePath, text,
    cut: { kinds: pieces.map(p => p.kind), starts: pieces.map(p => p.start), lengths: pieces.map(p => p.length), titles: pieces.map(p => p.title), levels: pieces.map(p => p.level) },
  }
}

/** A password's parameters and the key by which its account signs in. */
export function password(): { key: Buffer, params: { password_salt: string, password_verifier: string } } {
  const key = randomBytes(32)
  return { key, params: { password_salt: randomBytes(16).toString('hex'), password_verifier: createHash('sha256').update(key).digest('hex') } }
}

/** Makes an account and signs it in: its session's token. */
export async function signedIn(db: Queryable, account: string, right: string): Promise<string> {
  const { key, params } = password()
  expect(await run(db, 'dot_iu_add_account', 'apply', { account, right, ...params })).toMatchObject({ status: 'succeeded' })
  const { rows } = await db.query<{ status: string, token: string }>(`SELECT * FROM iu_core.fn_iu_sign_in($1, $2, 'a test')`, [account, key])
  expect(rows[0]!.status).toBe('signed_in')
  keys.set(rows[0]!.token, key.toString('hex'))
  return rows[0]!.token
}

/** A collection as it renders. */
export async function rendering(db: Queryable, collection: string): Promise<string> {
  const { rows } = await db.query<{ text: string }>('SELECT iu_core.fn_iu_collection_render(id) AS text FROM iu_core.iu_collection WHERE canonical_address = $1', [collection])
  return rows[0]!.text
}

/** The addresses of a collection's pieces, in order. */
export async function piecesIn(db: Queryable, collection: string): Promise<string[]> {
  const { rows } = await db.query<{ address: string }>('SELECT unit_address AS address FROM iu_core.v_iu_collection_piece WHERE collection_address = $1 ORDER BY position', [collection])
  return rows.map(row => row.address)
}

/** Each kind of thing by its name: as it is, without version numbers and times, so that what was undone is as before. */
export type Snapshot = Record<keyof typeof PICTURE, Record<string, unknown>>
const PICTURE = {
  collections: `SELECT c.canonical_address AS name, jsonb_build_object('kind', c.collection_kind, 'title', c.title, 'joiner', c.joiner, 'status', c.status, 'source', encode(c.source_digest, 'hex'),
      'pieces', c.piece_count, 'bytes', c.byte_length, 'manifest', (
        SELECT jsonb_agg(jsonb_build_array(u.canonical_address, p.position::text, p.separator, p.pinned_version_seq, encode(v.content_digest, 'hex'), t.section_level, h.canonical_address) ORDER BY p.position)
        FROM iu_core.iu_collection_piece AS p JOIN iu_core.information_unit AS u ON u.id = p.unit_id
        LEFT JOIN iu_core.unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
        LEFT JOIN iu_core.iu_tree_path AS t ON t.unit_id = u.id LEFT JOIN iu_core.information_unit AS h ON h.id = t.parent_unit_id
        WHERE p.collection_id = c.id)) AS it
    FROM iu_core.iu_collection AS c`,
  units: `SELECT u.canonical_address AS name, jsonb_build_object('status', u.lifecycle_status, 'before', u.lifecycle_before, 'kind', u.unit_kind, 'title', u.title, 'digest', encode(v.content_digest, 'hex')) AS it
    FROM iu_core.information_unit AS u JOIN iu_core.unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq`,
  gates: `SELECT gate AS name, jsonb_build_object('state', state, 'until', expires_at) AS it FROM iu_core.v_iu_gate`,
  routes: `SELECT route_code AS name, jsonb_build_object('event_type', event_type, 'kind', target_kind, 'target', target_ref, 'enabled', enabled, 'dry_run', dry_run) AS it FROM iu_core.iu_outbound_route`,
  eventTypes: `SELECT event_type AS name, jsonb_build_object('lane', delivery_lane, 'description', description, 'schema', payload_schema) AS it FROM iu_core.iu_event_type`,
  triggers: 'SELECT trigger AS name, to_jsonb(enabled) AS it FROM iu_core.v_iu_emitting_trigger',
  workers: `SELECT worker_code AS name, jsonb_build_object('from', bucket_from, 'to', bucket_to) AS it FROM iu_core.v_iu_worker_cursor`,
  schedule: `SELECT 'console' AS name, to_jsonb(enabled) AS it FROM iu_core.v_iu_worker_schedule`,
  accounts: `SELECT account AS name, jsonb_build_object('status', status, 'right', account_right) AS it FROM iu_core.iu_account`,
}

/** `within` limits it to the collections and units whose addresses begin so. */
export async function snapshot(db: Queryable, within = ''): Promise<Snapshot> {
  const { rows } = await db.query<{ picture: Snapshot }>(`SELECT jsonb_build_object(${
    Object.entries(PICTURE).map(([kind, sql]) => `'${kind}', (SELECT coalesce(jsonb_object_agg(name, it), '{}') FROM (${sql}) AS x WHERE '${kind}' NOT IN ('collections', 'units') OR starts_with(name, $1))`).join(', ')
  }) AS picture`, [within])
  return rows[0]!.picture
}

/** A picture without what was born after another was taken: births stay. */
export function without(born: Snapshot, before: Snapshot): Snapshot {
  return Object.fromEntries(Object.entries(born).map(([kind, things]) =>
    [kind, Object.fromEntries(Object.entries(things).filter(([name]) => name in before[kind as keyof Snapshot]))])) as Snapshot
}

/** The rows of every table, those of `but` left out: a row that was written anew, even with the same content, differs. */
export async function tables(db: Queryable, ...but: string[]): Promise<Record<string, { rows: number, digest: string }>> {
  const { rows: names } = await db.query<{ name: string }>(
    `SELECT c.relname::text AS name FROM pg_class AS c WHERE c.relnamespace = 'iu_core'::regnamespace AND c.relkind = 'r' ORDER BY 1`)
  const asked = names.map(row => row.name).filter(name => !but.includes(name))
  const { rows } = await db.query<{ name: string, rows: number, digest: string }>(asked.map(name =>
    `SELECT '${name}' AS name, count(*)::integer AS rows, md5(coalesce(string_agg(concat_ws(' ', t.xmin, t.ctid, t::text), ',' ORDER BY t.ctid), '')) AS digest FROM iu_core.${name} AS t`).join(' UNION ALL '))
  // So many tables are read by several processes at once, and come as they please.
  return Object.fromEntries(rows.sort((a, b) => asked.indexOf(a.name) - asked.indexOf(b.name)).map(({ name, rows, digest }) => [name, { rows, digest }]))
}

/** The tables that every call of the dispatcher writes. */
export const LEDGER = ['dot_drift_known', 'dot_iu_command_run', 'dot_iu_command_unsealed']
