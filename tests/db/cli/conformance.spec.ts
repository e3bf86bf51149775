/** `iu conformance`: what it prints, and the exit status by which a pipeline goes on or stops. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { LOOPBACK } from '../../../shared/loopback.ts'
import { NOT_COMPARED } from '../../../shared/not-compared.ts'
import { carry } from '../commands/world.ts'
import { testDatabase, type TestDatabase } from '../harness.ts'

const IU = join(import.meta.dirname, '../../../server/cli/iu.ts')

let db: TestDatabase
let empty: TestDatabase
beforeAll(async () => {
  [db, empty] = [await testDatabase(), await testDatabase({ deployed: false })]
})
afterAll(() => Promise.all([db.drop(), empty.drop()]))

function iu(url: string, ...args: string[]): Promise<{ status: number, out: string, err: string }> {
  return started(url, {}, ...args)
}
function started(url: string, env: NodeJS.ProcessEnv, ...args: string[]): Promise<{ status: number, out: string, err: string }> {
  return new Promise(resolve => execFile(process.execPath, [IU, 'conformance', ...args], { env: { ...process.env, ...env, DATABASE_URL: url } }, (error, out, err) =>
    resolve({ status: error ? Number(error.code) : 0, out, err })))
}
const both = async (url: string) => {
  const [text, json] = await Promise.all([iu(url), iu(url, '--json')])
  return { status: [text.status, json.status], out: text.out, json: JSON.parse(json.out) as Record<string, unknown> & { checks: Record<string, unknown>[], objects: Record<string, unknown>[] } }
}

it('ends with 0 where all matches: each class, and the digest', async () => {
  const { status, out, json } = await both(db.url)
  expect(status).toEqual([0, 0])
  const { rows: [whole] } = await db.pool.query<{ digest: string, expected: number }>('SELECT digest, expected FROM iu_core.v_dot_comparison')
  expect(json).toMatchObject({ state: 'matches', drift: 0, unknown: 0, expected: whole!.expected, matching: whole!.expected, digest: whole!.digest, objects: [], accepted: [], not_compared: NOT_COMPARED })
  expect(json.checks.map(check => [check.code, check.ok])).toEqual(Array.from({ length: 10 }, (_, at) => [`D${at + 1}`, true]))
  expect(out).toMatch(/^CHECK +CLASS +EXPECTED .*\n(D\d+ .* ok\n){10}\n✓ .*\n$/)
  expect(out).toContain(`✓ drift 0; ${whole!.expected} of ${whole!.expected} expected objects are as deployed · catalogue ${whole!.digest}\n`)
})

it('ends with 1 where there is drift: each object with its statement, which puts it right', async () => {
  await db.pool.query(`ALTER FUNCTION iu_core.fn_iu_slug(text) COST 7; DROP VIEW iu_core.v_iu_unit_axis; CREATE VIEW iu_core."v\u001b[31m" AS SELECT 1 AS one`)
  const { status, out, json } = await both(db.url)
  expect(status).toEqual([1, 1])
  expect(json).toMatchObject({ state: 'drift', drift: 3, unknown: 0 })
  expect(json.objects.map(({ state, class: kind, identity }) => [state, kind, identity])).toEqual([
    ['changed', 'function', 'fn_iu_slug(text)'], ['unexpected', 'view', 'v\u001b[31m'], ['missing', 'view', 'v_iu_unit_axis']])
  for (const { state, class: kind, suggestedAction, statement } of json.objects) {
    expect(out).toContain(`\n✗ ${String(state)} ${String(kind)} `)
    expect(out).toContain(`\n  ${String(suggestedAction)}\n`)
    expect(statement).toMatch(/^SET search_path = /)
  }
  expect(out).toContain('\n    DROP VIEW ')
  expect(out).not.toContain('\u001b')
  expect(out).toMatch(/\n✗ drift 3: 1 changed, 1 missing, 1 unexpected; \d+ of \d+ expected objects are as deployed · catalogue [0-9a-f]{64}\n$/)
  for (const { statement } of json.objects) {
    await db.as('iu_deployer', client => client.query(statement as string))
  }
  expect((await iu(db.url)).status).toBe(0)
})

it('ends with 0 where all that remains was accepted: by whom, for whom, why and until when, in yellow where there are colours', async () => {
  await db.pool.query('ALTER FUNCTION iu_core.fn_iu_slug(text) COST 7; CREATE VIEW iu_core.v_extra AS SELECT 1 AS one')
  const { json: { objects } } = await both(db.url)
  const expires = new Date(Date.now() + 86_400_000).toISOString()
  const accept = ({ class: kind, identity: object, digest }: Record<string, unknown>, reason: string) =>
    carry(db.pool, 'dot_iu_accept_deviation', { class: kind, object, digest, owner: 'the team\u009B', expires_at: expires }, { reason })
  await accept(objects[0]!, 'for now\nand not longer')
  const one = await both(db.url)
  expect(one.status).toEqual([1, 1])
  expect(one.json).toMatchObject({ state: 'drift', drift: 1, accepted: [{ class: 'function', identity: 'fn_iu_slug(text)' }], objects: [{ class: 'view', digest: objects[1]!.digest }] })
  expect(one.out).toContain(`\n  digest ${String(objects[1]!.digest)}\n`)
  expect(one.out).toMatch(/\n✗ drift 1: 1 unexpected; accepted 1; /)

  await accept(objects[1]!, 'the other')
  const { status, out, json } = await both(db.url)
  expect(status).toEqual([0, 0])
  expect(json).toMatchObject({ state: 'accepted', drift: 0, objects: [], not_compared: NOT_COMPARED })
  expect(json.accepted).toMatchObject([{ class: 'function', identity: 'fn_iu_slug(text)', state: 'changed', digest: objects[0]!.digest, owner: 'the team\u009B', reason: 'for now\nand not longer', acceptedBy: 'db:iu_deployer', expiresAt: expires }, { class: 'view', identity: 'v_extra', state: 'unexpected' }])
  expect(out).toMatch(/\nD2 +view +(\d+) +\1 +1 +0 +0 +0 +0 +accepted\n/)
  expect(out).toMatch(/\nD9 +class +7 +5 +2 +0 +0 +0 +0 +accepted\n/)
  expect(out).toContain(`\n! accepted: changed function fn_iu_slug(text)\n  until ${expires}; answered for by the team\\u009b; accepted by db:iu_deployer at 20`)
  expect(out).toContain('\n  for now\n  and not longer\n')
  expect(out).toMatch(/\n! drift 0; accepted 2; \d+ of \d+ expected objects are as deployed · catalogue [0-9a-f]{64}\n$/)
  expect(out).not.toContain('\u001B')
  expect((await started(db.url, { FORCE_COLOR: '1', NO_COLOR: '' })).out).toContain('\u001B[33m! accepted: changed function fn_iu_slug(text)\u001B[39m\n')
  await db.as('iu_deployer', client => client.query(`${objects[0]!.statement as string}; DROP VIEW iu_core.v_extra`))
  expect((await both(db.url)).json).toMatchObject({ state: 'matches', accepted: [] })
})

it('ends with 3 where it is unknown, and says why', async () => {
  const deployer = await db.connect()
  await deployer.query(`SELECT pg_advisory_lock(hashtext('iu_core deploy'))`)
  const { status, out, json } = await both(db.url)
  expect(status).toEqual([3, 3])
  expect(json).toMatchObject({ state: 'unknown', digest: null, drift: 0, objects: [], why: 'A deploy is under way. Wait until it has ended.' })
  expect(out).toMatch(/\n\? unknown: \d+ objects are expected, and were not compared\n {2}A deploy is under way\. Wait until it has ended\.\n$/)
  await deployer.query(`SELECT pg_advisory_unlock_all()`)
  // One object of which it cannot be said is enough.
  await deployer.query(`UPDATE iu_core.dot_inventory SET definition = definition || ' ' WHERE class = 'table' AND identity = 'dot_config'`)
  const partly = await both(db.url)
  expect(partly.status).toEqual([3, 3])
  expect(partly.json).toMatchObject({ state: 'unknown', drift: 0, unknown: 1, objects: [{ class: 'table', identity: 'dot_config', state: 'unknown', statement: null }] })
  expect(partly.out).toMatch(/\n\? unknown: drift 0; \d+ of \d+ expected objects are as deployed; 1 cannot be compared · catalogue [0-9a-f]{64}\n {2}1 of \d+ objects cannot be compared\.\n$/)
})

it('ends with 2 where it could not be asked, and never with the 1 of drift', async () => {
  const [unknown, away, undeployed] = await Promise.all([iu(db.url, '--jsn'), iu(`postgres://${LOOPBACK}:1/nowhere`), iu(empty.url, '--json')])
  expect([unknown.status, unknown.err]).toEqual([2, expect.stringContaining('unknown option --jsn')])
  expect([away.status, away.err]).toEqual([2, expect.stringContaining('the database cannot be reached (ECONNREFUSED)')])
  expect([undeployed.status, JSON.parse(undeployed.out)]).toEqual([2, { error: expect.objectContaining({ message: 'this database does not have the schema of this version' }) as unknown }])
})
