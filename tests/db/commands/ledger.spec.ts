/** The ledger: append-only, found by object, without bodies and secrets. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { COMMANDS } from '../../../shared/commands/index.ts'
import { refusal } from '../world.ts'
import { casesOf, nameOf, type Stage } from './cases.ts'
import { carry, imported, openDatabase, password, run, signedIn } from './world.ts'

const stage = {} as Stage
const CASES = casesOf(stage)
beforeAll(async () => {
  const db = await openDatabase()
  Object.assign(stage, { db, admin: await signedIn(db.pool, 'keeper', 'admin') })
  await carry(db.pool, 'dot_iu_create_piece', { address: 'p', kind: 'paragraph', body: 'A body' })
})
afterAll(() => stage.db.drop())

describe('the ledger', () => {
  it.each(['dot_iu_command_run', 'dot_iu_command_seal'])('cannot be changed in %s, not even by the superuser', async (table) => {
    await stage.db.pool.query('SELECT iu_core.fn_dot_ledger_seal()')
    for (const sql of [`UPDATE iu_core.${table} SET ${table === 'dot_iu_command_run' ? 'reason = \'other\'' : 'sealed_at = now()'}`, `DELETE FROM iu_core.${table}`, `TRUNCATE iu_core.${table} CASCADE`]) {
      expect((await refusal(stage.db.pool.query(sql))).code, sql).toBe('IU005')
    }
  })

  it.each(['iu_console', 'iu_reader', 'iu_worker', 'iu_operator', 'iu_approver'])('cannot be written by %s at all', async (role) => {
    await stage.db.as(role, async (client) => {
      for (const sql of ['UPDATE iu_core.dot_iu_command_run SET reason = \'x\'', 'DELETE FROM iu_core.dot_iu_command_seal', 'DELETE FROM iu_core.dot_iu_command_unsealed', 'INSERT INTO iu_core.dot_iu_acting VALUES (pg_current_xact_id(), \'ada\')']) {
        expect((await refusal(client.query(sql))).code, sql).toBe('42501')
      }
    })
  })

  it('is searched by object, through an index', async () => {
    const receipt = await carry(stage.db.pool, 'dot_iu_create_piece', { address: 'q', kind: 'paragraph', body: 'Another body' })
    const cloned = await carry(stage.db.pool, 'dot_iu_clone_piece', { piece: 'q', address: 'q/clone' })
    const sql = `SELECT run_id::integer AS run, mode, status FROM iu_core.v_dot_iu_command_run WHERE object_refs @> ARRAY['unit:q'] ORDER BY run_id`
    expect((await stage.db.pool.query<{ run: number, mode: string, status: string }>(sql)).rows.filter(row => row.status === 'succeeded')).toEqual([{ run: receipt.run, mode: 'apply', status: 'succeeded' }, { run: cloned.run, mode: 'apply', status: 'succeeded' }])
    await stage.db.as('iu_reader', async (client) => {
      await client.query('SET enable_seqscan = off')
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${sql}`)
      expect(rows.map(row => row['QUERY PLAN']).join('\n')).toContain('dot_iu_command_run_object_idx')
    })
  })

  it('shows a run with its latest verification and with what undid it', async () => {
    const applied = await carry(stage.db.pool, 'dot_iu_enact_piece', { piece: 'p' })
    const seen = async () => (await stage.db.pool.query('SELECT verify_status, undone_by_run_id::integer AS undone_by FROM iu_core.v_dot_iu_command_run WHERE run_id = $1', [applied.run])).rows[0]
    expect(await seen()).toEqual({ verify_status: 'verified', undone_by: null })
    const plan = await run(stage.db.pool, 'dot_iu_enact_piece', 'plan', {}, { run: applied.run })
    const undone = await run(stage.db.pool, 'dot_iu_enact_piece', 'rollback', {}, { run: applied.run, plan: plan.plan_digest, reason: 'a test' })
    expect(await run(stage.db.pool, 'dot_iu_enact_piece', 'verify', {}, { run: applied.run })).toMatchObject({ status: 'unverified' })
    expect(await seen()).toEqual({ verify_status: 'unverified', undone_by: undone.run })
  })

  it('says who acted, when and why, of everything that was done and refused', async () => {
    const before = await stage.db.pool.query<{ now: Date }>('SELECT clock_timestamp() AS now')
    await run(stage.db.pool, 'dot_iu_enact_piece', 'apply', { piece: 'p' }, { reason: ' the reason ', token: stage.admin })
    const { rows } = await stage.db.pool.query(`SELECT command_code, mode, status, code, actor, actor_kind, reason, params, started_at >= $1 AND finished_at >= started_at AS timed FROM iu_core.v_dot_iu_command_run ORDER BY run_id DESC LIMIT 1`, [before.rows[0]!.now])
    expect(rows).toEqual([{ command_code: 'dot_iu_enact_piece', mode: 'apply', status: 'refused', code: 'invalid_parameter', actor: 'keeper', actor_kind: 'session', reason: 'the reason', params: { piece: 'p' }, timed: true }])
  })
})

describe('bodies and secrets', () => {
  const MARK = 'SECRET-MARK-7f3a'
  /** The tables in whose text a mark occurs. */
  async function marked(mark: string): Promise<string[]> {
    const { rows: names } = await stage.db.pool.query<{ name: string }>(`SELECT relname::text AS name FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace AND relkind = 'r' ORDER BY 1`)
    const { rows } = await stage.db.pool.query<{ name: string }>(names.map(({ name }) => `SELECT '${name}' AS name WHERE EXISTS (SELECT FROM iu_core.${name} AS t WHERE position($1 IN t::text) > 0)`).join(' UNION ALL '), [mark])
    return rows.map(row => row.name)
  }
  const both = async (command: string, params: unknown, token?: string) => [await run(stage.db.pool, command, 'plan', params, { token }), await run(stage.db.pool, command, 'apply', params, { token, key: `${command} ${JSON.stringify(params).length}` })]

  it('are in no row of the ledger after every command in every mode, though the bodies are in their versions', async () => {
    for (const { code } of COMMANDS) {
      for (const [title, make] of Object.entries(CASES[code] ?? {})) {
        const { params, token } = await make(nameOf(code, title))
        const applied = await carry(stage.db.pool, code, params, { token })
        if (!applied.inverse) continue
        const { plan_digest: plan } = await run(stage.db.pool, code, 'plan', {}, { run: applied.run, token })
        await run(stage.db.pool, code, 'rollback', {}, { run: applied.run, plan, reason: 'a test', confirm: String(params.gate), token })
      }
    }
    const { rows } = await stage.db.pool.query(`
      SELECT r.id, r.command_code, left(v.body, 60) AS body FROM iu_core.unit_version AS v JOIN iu_core.information_unit AS u ON u.id = v.unit_id JOIN iu_core.dot_iu_command_run AS r ON position(v.body IN r::text) > 0
      WHERE length(v.body) >= 6 AND NOT EXISTS (SELECT FROM iu_core.information_unit AS t WHERE position(v.body IN t.title) > 0 OR position(v.body IN t.canonical_address) > 0) LIMIT 5`)
    expect(rows).toEqual([])
    const { rows: searched } = await stage.db.pool.query<{ n: number }>(`SELECT count(*)::integer AS n FROM iu_core.unit_version AS v JOIN iu_core.information_unit AS u ON u.id = v.unit_id
      WHERE length(v.body) >= 6 AND NOT EXISTS (SELECT FROM iu_core.information_unit AS t WHERE position(v.body IN t.title) > 0 OR position(v.body IN t.canonical_address) > 0)`)
    expect(searched[0]!.n).toBeGreaterThan(20)
  })

  it('a body is kept as its digest and its size, wherever a command takes one', async () => {
    const text = `# Heading\n\n${MARK}\n`
    for (const [command, params] of [
      ['dot_iu_create_piece', { address: 'marked', kind: 'paragraph', body: MARK }],
      ['dot_iu_revise_piece', { piece: 'marked', body: `${MARK} again` }],
      ['dot_iu_create_workflow_from_steps', { address: 'flow', title: 'Flow', steps: [{ body: MARK, title: 'A step' }] }],
      ['dot_iu_import_text', { ...await imported('marked.md', text), cut: { ...(await imported('marked.md', text)).cut as object, titles: ['Heading', 'Paragraph'] } }],
    ] as const) {
      const receipts = await both(command, params)
      expect(receipts.map(receipt => receipt.status)).toEqual(['planned', 'succeeded'])
      expect(await run(stage.db.pool, command, 'verify', {}, { run: receipts[1]!.run })).toMatchObject({ status: 'verified' })
      // The same key for another body is refused, and that row does not hold it either.
      expect(JSON.stringify(receipts)).not.toContain(MARK)
    }
    expect((await run(stage.db.pool, 'dot_iu_revise_piece', 'plan', { piece: 'marked', body: MARK })).params).toMatchObject({ body: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/), bytes: MARK.length } })
    expect(await marked(MARK)).toEqual(['unit_version'])
  })

  it('a body in the wrong place, or of the wrong type, is not kept either', async () => {
    for (const [command, params] of [
      ['dot_iu_create_piece', { address: 'wrong', kind: 'paragraph', body: { text: MARK } }],
      ['dot_iu_create_piece', { address: 'wrong', kind: 'paragraph', body: 'x', text: MARK }],
      ['dot_iu_create_piece', [MARK]],
      ['dot_iu_create_piece', MARK],
      ['dot_iu_create_workflow_from_steps', { address: 'wrong', title: 'Flow', steps: [{ body: MARK, piece: 'nowhere' }] }],
      ['dot_iu_import_text', { source_path: 'wrong', text: MARK, cut: { kinds: [MARK] } }],
      ['dot_iu_add_piece', { collection: 'nowhere', piece: 'nowhere', separator: MARK.repeat(1000) }],
      ['dot_iu_set_password', { account: 'keeper', password: MARK }],
      ['dot_iu_add_account', { account: 'wrong', right: 'operator', password_salt: MARK, password_verifier: [MARK] }],
    ] as const) {
      for (const receipt of await both(command, params)) {
        expect(receipt, command).toMatchObject({ status: 'refused' })
        expect(JSON.stringify(receipt)).not.toContain(MARK)
      }
    }
    expect(await marked(MARK)).toEqual(['unit_version'])
  })

  it('a password\'s salt, verifier and key, a session\'s and an API token are kept nowhere but where they are looked up', async () => {
    const [first, next] = [password(), password()]
    await both('dot_iu_add_account', { account: 'secretive', right: 'operator', ...first.params })
    const { rows } = await stage.db.pool.query<{ token: string }>(`SELECT token FROM iu_core.fn_iu_sign_in('secretive', $1, 'a test')`, [first.key])
    const session = rows[0]!.token
    const issued = await both('dot_iu_issue_token', { label: 'A label', scopes: ['read'], expires_at: new Date(Date.now() + 86_400_000).toISOString(), current_key: first.key.toString('hex') }, session)
    expect(issued[0]).not.toHaveProperty('secret')
    const token = String(issued[1]!.secret!.token)
    const changed = await both('dot_iu_set_password', { account: 'secretive', ...next.params, current_key: first.key.toString('hex') }, session)
    expect(changed[1]).toMatchObject({ status: 'succeeded', params: { account: 'secretive', password_salt: '(secret)', password_verifier: '(secret)', current_key: '(secret)' } })
    for (const secret of [session, token, first.key.toString('hex'), first.params.password_salt, first.params.password_verifier]) expect(await marked(secret), secret).toEqual([])
    for (const secret of Object.values(next.params)) expect(await marked(secret)).toEqual(['iu_account'])
  })
})
