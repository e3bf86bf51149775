import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CatalogueObject, readCatalogue } from '../../server/deploy/catalogue.ts'
import { bootstrap, deployUnits, readUnits, rollbackUnits, standingVerifies, verifyUnits } from '../../server/deploy/index.ts'
import { exclusively, testDatabase, type TestDatabase } from '../db/harness.ts'
import { ROOT } from './sources.ts'

const units = readUnits(join(ROOT, 'drizzle'))
const TAGS = units.map(({ tag }) => tag)
const STANDING = standingVerifies(units)
const upTo = (count: number) => units.slice(0, count)

const databases: TestDatabase[] = []
afterAll(() => Promise.all(databases.map(db => db.drop())))

async function database(deployed: boolean): Promise<TestDatabase> {
  const db = await testDatabase({ deployed })
  databases.push(db)
  return db
}

/** What there is of iu_owner's, whatever it is and wherever it stands, but for the book of units. */
async function belongings(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ object: string }>(`
    SELECT pg_describe_object(classid, objid, objsubid) AS object FROM pg_shdepend
    WHERE refclassid = 'pg_authid'::regclass AND refobjid = 'iu_owner'::regrole AND deptype = 'o'
      AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1`)
  return rows.map(({ object }) => object).filter(object => !object.includes('iu_deploy'))
}

const hasSchema = async (client: pg.Client): Promise<boolean> =>
  (await client.query<{ there: boolean }>(`SELECT to_regnamespace('iu_core') IS NOT NULL AS there`)).rows[0]!.there

/** The database's whole state, as far as units make it. */
interface State { objects: CatalogueObject[], belongings: string[], applied: unknown[] }

async function state(client: pg.Client): Promise<State> {
  const { rows } = await client.query('SELECT number, tag, hash FROM iu_deploy.applied_unit ORDER BY number')
  return { objects: await hasSchema(client) ? await readCatalogue(client) : [], belongings: await belongings(client), applied: rows }
}

/**
 * The standing verifies, after the newest of `count` units, that may say another thing than before it: those that it
 * changed, those that name an object that is not as it was, and those that look at more than objects.
 */
function verifiesTouched(count: number, before: State, after: State): string[] {
  const [were, are] = [standingVerifies(upTo(count - 1)), standingVerifies(upTo(count))]
  const known = (objects: CatalogueObject[]) => new Set(objects.map(object => JSON.stringify(object)))
  const [old, now] = [known(before.objects), known(after.objects)]
  const differ = [...before.objects.filter(object => !now.has(JSON.stringify(object))), ...after.objects.filter(object => !old.has(JSON.stringify(object)))]
  const names = differ.map(nameInVerify)
  const looksFurther = (verify: string) => !verify.startsWith('-- Structure and rights') || verify.split('\nDO $').length > 2
  return are.filter((verify, at) => verify !== were[at] || looksFurther(verify) || names.some(name => verify.includes(name)))
}

/** How a verify names an object. */
const nameInVerify = ({ class: kind, identity }: CatalogueObject): string => `('${kind}', '${identity.replaceAll('\'', '\'\'')}'`

describe('each unit', () => {
  let client: pg.Client
  let before: State
  beforeAll(async () => {
    client = await (await database(false)).connect()
    await deployUnits(client, [])
    before = await state(client)
  })

  it.each(TAGS.map((tag, index) => [tag, index]))('%s goes deploy, verify, rollback, deploy, and leaves no trace of the first time', async (tag, index) => {
    expect(await deployUnits(client, upTo(index + 1))).toEqual([tag])
    const after = await state(client)
    expect(after.objects).not.toEqual(before.objects)
    for (const verify of verifiesTouched(index + 1, before, after)) await client.query(verify)

    expect(await rollbackUnits(client, units, TAGS[index - 1])).toEqual([tag])
    expect(await state(client)).toEqual(before)

    expect(await deployUnits(client, upTo(index + 1))).toEqual([tag])
    expect(await state(client)).toEqual(after)
    before = after
  })

  it('is verified with all the others', async () => {
    expect(await verifyUnits(client, units)).toEqual(TAGS)
  })

  it('is undone with all the others, and nothing of ours is left', async () => {
    expect(await rollbackUnits(client, units)).toEqual(TAGS.toReversed())
    expect(await belongings(client)).toEqual([])
    expect(await hasSchema(client)).toBe(false)
    expect(await deployUnits(client, units)).toEqual(TAGS)
  })

  it('names every object of the schema in its verify, so that none goes unwatched', async () => {
    const verified = units.map(({ verify }) => verify).join('\n')
    const objects = (await readCatalogue(client)).filter(object => ['schema', 'table', 'view', 'function', 'trigger'].includes(object.class))
    expect(objects.filter(object => !verified.includes(nameInVerify(object))).map(({ identity }) => identity)).toEqual([])
  })

  it('that fails in its verify is undone whole', async () => {
    const before = await state(client)
    const failing = { ...units.findLast(({ kind }) => kind === 'schema')!, tag: '9999_failing', number: 9999, migration: 'CREATE TABLE iu_core.x ()', verify: 'DO $$ BEGIN RAISE EXCEPTION \'no\'; END $$' }
    await expect(deployUnits(client, [...units, failing])).rejects.toThrow('unit 9999_failing, verify: no')
    expect(await state(client)).toEqual(before)
  })
})

describe('a rollback', () => {
  it.each([
    ['a unit', `SELECT iu_core.fn_iu_create('a/b', 'paragraph', 'Title', 'Body', NULL)`],
    ['an event', `SELECT iu_core.fn_iu_event_types_register('application', 'immediate', false, '{"app.x": {"description": "x"}}'), iu_core.fn_iu_emit_event('app.x', 't', '1', '{}', 'k')`],
    ['an opened gate', 'SELECT 1'],
  ])('that would destroy %s is refused and changes nothing', async (_, sql) => {
    const client = await (await database(true)).connect()
    for (const gate of ['composer_enabled', 'routes_master_enabled']) await client.query('SELECT iu_core.fn_iu_gate_set($1, true, $2)', [`iu_core.${gate}`, 'a test'])
    await client.query(sql)
    const before = await state(client)
    await expect(rollbackUnits(client, units)).rejects.toMatchObject({ code: 'IU010' })
    expect(await state(client)).toEqual(before)
  })

  it('to a unit that is not applied is refused', async () => {
    const client = await (await database(true)).connect()
    await expect(rollbackUnits(client, units, '0099_none')).rejects.toThrow('not an applied unit')
  })
})

describe('a checkout that disagrees with the database', () => {
  let client: pg.Client
  beforeAll(async () => {
    client = await (await database(true)).connect()
  })
  const late = { ...units[1]!, tag: '0002_late' }

  it.each([
    ['changed an applied file', [...upTo(1), { ...units[1]!, hash: 'other' }, ...units.slice(2)], 'unit 0002_units was changed after it was applied'],
    ['lacks an applied unit', upTo(units.length - 1), 'which this checkout does not have'],
    ['inserted a unit late', [...upTo(1), late, ...units.slice(1)], 'which this checkout does not have at number 2'],
    ['renamed a unit', [...upTo(1), late, ...units.slice(2)], 'which this checkout does not have at number 2'],
  ])('because it %s is refused by deploy, verify and rollback', async (_, other, message) => {
    const before = await state(client)
    for (const act of [deployUnits, verifyUnits]) await expect(act(client, other)).rejects.toThrow(message)
    await expect(rollbackUnits(client, other)).rejects.toThrow(message)
    expect(await state(client)).toEqual(before)
  })

  it('is told by the bytes of the file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'iu-units-'))
    try {
      cpSync(join(ROOT, 'drizzle'), folder, { recursive: true })
      writeFileSync(join(folder, 'migrations', `${TAGS[0]}.sql`), `${units[0]!.migration}\n`)
      expect(readUnits(folder)[0]!.hash).not.toBe(units[0]!.hash)
    }
    finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('two deploys at once', () => {
  it('end well: one does the work', async () => {
    const db = await database(false)
    const clients = await Promise.all([db.connect(), db.connect()])
    const done = await Promise.all(clients.map(client => deployUnits(client, units)))
    expect(done.sort((a, b) => a.length - b.length)).toEqual([[], TAGS])
    expect(await verifyUnits(clients[0]!, units)).toEqual(TAGS)
  })

  it('of two databases of one cluster do not trip over the roles', async () => {
    const pair = await Promise.all([database(false), database(false)])
    const clients = await Promise.all(pair.map(db => db.connect()))
    await exclusively(async (admin) => {
      for (let round = 0; round < 20; round++) {
        await admin.query('REVOKE iu_reader FROM iu_console, iu_operator, iu_approver; REVOKE pg_read_all_stats FROM iu_owner')
        await Promise.all(clients.map(client => bootstrap(client)))
      }
    })
  })
})

describe('verify raises', () => {
  let client: pg.Client
  beforeAll(async () => {
    client = await (await database(true)).connect()
  })

  it.each([
    ['a function is granted to PUBLIC', 'GRANT EXECUTE ON FUNCTION iu_core.fn_iu_gate_set(text, boolean, text, timestamptz) TO PUBLIC'],
    ['a function is granted to the console', 'GRANT EXECUTE ON FUNCTION iu_core.fn_iu_gate_set(text, boolean, text, timestamptz) TO iu_console'],
    ['a right is taken away', 'REVOKE EXECUTE ON FUNCTION iu_core.fn_iu_emit_event(text, text, text, jsonb, text) FROM iu_emitter'],
    ['a view is dropped', 'DROP VIEW iu_core.v_iu_gate CASCADE'],
    ['a view is not granted any more', 'REVOKE SELECT ON iu_core.v_iu_gate FROM iu_reader'],
    ['a table is granted', 'GRANT INSERT ON iu_core.event_outbox TO iu_emitter'],
    ['a table has a column more', 'ALTER TABLE iu_core.dot_config ADD COLUMN more text'],
    ['a table has another owner', 'ALTER TABLE iu_core.dot_config OWNER TO CURRENT_USER'],
    ['a trigger is dropped', 'DROP TRIGGER trg_event_outbox_append_only ON iu_core.event_outbox'],
    ['a function runs with its caller\'s rights', 'ALTER FUNCTION iu_core.fn_iu_gate_set(text, boolean, text, timestamptz) SECURITY INVOKER'],
    ['a function has another search_path', 'ALTER FUNCTION iu_core.fn_iu_gate_set(text, boolean, text, timestamptz) SET search_path = public'],
    ['a function has another volatility', 'ALTER FUNCTION iu_core.fn_iu_gate_is_open(text) VOLATILE'],
    ['a function is dropped', 'DROP FUNCTION iu_core.fn_iu_emit_event(text, text, text, jsonb, text)'],
    ['the schema is granted to PUBLIC', 'GRANT CREATE ON SCHEMA iu_core TO PUBLIC'],
    ['an event type is gone', 'DELETE FROM iu_core.iu_outbound_route WHERE event_type = \'iu.split\'; DELETE FROM iu_core.iu_event_type WHERE event_type = \'iu.split\''],
    ['a route is gone', 'DELETE FROM iu_core.iu_outbound_route WHERE route_code = \'iu.sql_link_changed.log\''],
    ['a gate is gone', 'DELETE FROM iu_core.dot_config WHERE key = \'iu_core.autocut_enabled\''],
  ])('when %s', async (_, alteration) => {
    await client.query('BEGIN')
    try {
      await client.query(alteration)
      // One after the other, until one of them does.
      const verifyAll = async () => {
        for (const verify of STANDING) await client.query(verify)
      }
      await expect(verifyAll()).rejects.toThrow(/not as deployed|not registered|not working/)
    }
    finally {
      await client.query('ROLLBACK')
    }
  })

  it('through the runner too, naming the unit', async () => {
    await client.query('REVOKE SELECT ON iu_core.v_iu_gate FROM iu_reader')
    await expect(verifyUnits(client, units)).rejects.toThrow(/^unit 0001_foundation, verify: not as deployed: view v_iu_gate: /)
    await client.query('GRANT SELECT ON iu_core.v_iu_gate TO iu_reader')
    expect(await verifyUnits(client, units)).toEqual(TAGS)
  })
})
