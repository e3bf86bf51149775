import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EVENT_TYPES, ROUTES } from '../../server/demo/shop.ts'
import { EXAMPLES } from '../../shared/openapi/examples.ts'
import { testDatabase, type TestDatabase } from '../db/harness.ts'
import { namesInCode, namesInSql, type Name, TERM_COLUMNS } from './names.ts'
import { filesIn, isCode, readCode } from './sources.ts'
import { readSql } from './sql.ts'

/** Names that are made at run time, and why; none may outlive its reason. */
const COMPOSED: Record<string, { names: string[], why: string }> = {
  'drizzle/definitions/proof/functions/fn_iu_probe_scenario.sql': { names: ['.once'], why: 'the probe names its types after its transaction, registers them itself and takes them back' },
}

/** The class of the vocabulary that each column with terms draws from. */
const TERMS: Record<string, string> = {
  'dot_config.value_type': 'value_type',
  'dot_iu_command.required_right': 'account_right',
  'dot_iu_command_run.actor_kind': 'actor_kind',
  'dot_iu_command_run.mode': 'run_mode',
  'dot_iu_command_run.status': 'run_status',
  'event_outbox.delivery_lane': 'delivery_lane',
  'event_outbox.event_domain': 'event_domain',
  'information_unit.lifecycle_status': 'lifecycle_status',
  'information_unit.unit_kind': 'unit_kind',
  'iu_account.account_right': 'account_right',
  'iu_account.status': 'account_status',
  'iu_archive_move.move': 'archive_move',
  'iu_backup_evidence.kind': 'backup_kind',
  'iu_collection.collection_kind': 'collection_kind',
  'iu_collection.status': 'collection_status',
  'iu_collection_checkpoint_piece.unit_kind': 'unit_kind',
  'iu_event_type.delivery_lane': 'delivery_lane',
  'iu_event_type.event_domain': 'event_domain',
  'iu_held_decision.decision': 'held_decision',
  'iu_outbound_route.target_kind': 'target_kind',
  'iu_relation.relation_kind': 'relation_kind',
  'iu_replay_job.status': 'replay_status',
  'iu_replay_job.what': 'replay_kind',
  'iu_route_attempt.failure_code': 'failure_code',
  'iu_route_attempt.status': 'attempt_status',
  'iu_route_attempt.target_kind': 'target_kind',
  'iu_route_attempt_block.status': 'attempt_status',
  'iu_route_attempt_rollup.status': 'attempt_status',
  'iu_route_dead_letter.event_domain': 'event_domain',
  'iu_route_dead_letter.failure_code': 'failure_code',
  'iu_route_dead_letter.status': 'dead_letter_status',
  'iu_worker_process.kind': 'worker_process_kind',
  'iu_worker_process.status': 'pass_status',
}
/** Columns that are named as if they held a term, and hold none. */
const NO_TERMS: Record<string, string> = {
  'dot_iu_command.area': 'where the menus show a command: a word of the contracts, which the registry is compared with',
  'dot_iu_history_block.what': 'which rows it seals: fn_dot_history_kinds lists them, and a spec holds them against the tables',
  'dot_iu_history_unsealed.what': 'the same',
  'dot_iu_command_run.code': 'a refusal\'s code: the catalogue of errors has them, and a fault has the database\'s own',
}
const TERM_COLUMN = '(^|_)(kind|status|lane|domain|right|mode|move|decision|what|area|state|value_type|failure_code)$|^code$'

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

const columnOf = async (sql: string, values: unknown[] = []): Promise<string[]> => (await db.pool.query<string[]>({ text: sql, values, rowMode: 'array' })).rows.map(row => row[0]!)
const termsOf = (termClass: string) => columnOf('SELECT term FROM iu_core.iu_vocabulary WHERE term_class = $1', [termClass])

/** What is registered: by the units, by the demo's application, and by the examples, which register what they use. */
async function registered(): Promise<Record<Name['of'], string[]>> {
  const example = (command: string, param: string) => EXAMPLES[command]![param] as string
  return {
    event_type: [...await columnOf('SELECT event_type FROM iu_core.iu_event_type'), ...Object.keys(EVENT_TYPES), example('dot_iu_register_event_type', 'event_type')],
    route: [...await columnOf('SELECT route_code FROM iu_core.iu_outbound_route'), ...Object.keys(ROUTES), example('dot_iu_register_route', 'route')],
    gate: await columnOf('SELECT key FROM iu_core.dot_config'),
    ...Object.fromEntries(await Promise.all(TERM_COLUMNS.map(async column => [column, await termsOf(column)]))) as Record<typeof TERM_COLUMNS[number], string[]>,
  }
}

const unknown = (names: Name[], registry: Record<Name['of'], string[]>): string[] => [...new Set(names.filter(({ of, name }) => !registry[of].includes(name)).map(({ name }) => name))]

describe('every event type, route, gate and term that is named', () => {
  it('in SQL and in TypeScript is registered', async () => {
    const registry = await registered()
    const sql = readSql('definitions').map(({ path, text }) => ({ path, names: namesInSql(text) }))
    const code = filesIn('app', 'server', 'shared').filter(isCode).map(readCode).map(file => ({ path: file.path, names: namesInCode(file) }))
    const offences = [...sql, ...code].map(({ path, names }) => [path, unknown(names, registry)] as const).filter(([, names]) => names.length > 0)
    expect(Object.fromEntries(offences)).toEqual(Object.fromEntries(Object.entries(COMPOSED).map(([path, { names }]) => [path, names])))
    // The rule reads names of each sort, or it would hold for nothing.
    const seen = new Set([...sql, ...code].flatMap(({ names }) => names.map(({ of }) => of)))
    expect(['event_type', 'route', 'gate', 'failure_code', 'delivery_lane', 'lifecycle_status'].filter(of => !seen.has(of as Name['of']))).toEqual([])
  })

  it.each<[string, string]>([
    ['an emitted type', `PERFORM fn_iu_outbox_append('collection_burnt', 'iu_collection', ARRAY[a], ARRAY[b]);`],
    ['a type that a CASE may come out as', `PERFORM fn_iu_outbox_append(CASE s WHEN 'retired' THEN 'iu.retired' ELSE 'iu.burnt' END, 'information_unit', a, b);`],
    ['a type of an application', `SELECT iu_core.fn_iu_emit_event('shop.order_burnt', 'x', 'y', '{}')`],
    ['a type that is compared', `SELECT FROM event_outbox WHERE event_type IN ('iu.created', 'collection_burnt')`],
    ['a type in a route', `SELECT iu_core.fn_iu_routes_register('{"a.log": {"event_type": "collection_burnt"}}')`],
    ['a type by its shape', `v_type := 'iu.burnt';`],
    ['a route', `SELECT FROM iu_outbound_route WHERE route_code = 'collection_burnt.log'`],
    ['a gate', `PERFORM fn_iu_gate_require('iu_core.burning_enabled');`],
    ['a lane', `SELECT FROM event_outbox WHERE delivery_lane <> 'burnt'`],
    ['a failure', `SELECT CASE WHEN a THEN 'payload_schema' WHEN b THEN 'burnt' END AS fault`],
    ['a failure that is assigned', `v_decision.failure_code := 'burnt';`],
    ['a kind of target', `SELECT iu_core.fn_iu_routes_register('{"a.log": {"target_kind": "burner"}}')`],
  ])('is found when it is not: %s in SQL', async (_, sql) => {
    expect(unknown(namesInSql(sql), await registered())).toHaveLength(1)
  })

  it.each<[string, string]>([
    ['a type as a value', `const route = { event_type: 'shop.order_burnt', target_kind: 'log' }`],
    ['a type by its shape', `const BURNT = 'iu.burnt'`],
    ['a type in SQL', 'client.query(`SELECT iu_core.fn_iu_emit_event(\'shop.burnt\', ${table})`)'],
    ['a route', `const params = { route: 'shop.order_burnt.log' }`],
    ['a gate', `const needed = ['iu_core.burning_enabled']`],
    ['a lane', `const type = { delivery_lane: 'burnt' }`],
  ])('is found when it is not: %s in TypeScript', async (_, text) => {
    expect(unknown(namesInCode({ path: 'x.ts', text }), await registered())).toHaveLength(1)
  })

  it('is not looked for in comments and in what a CASE compares with', async () => {
    const sql = `-- event_type = 'burnt'\nPERFORM fn_iu_outbox_append(CASE s WHEN 'burnt' THEN 'iu.retired' ELSE 'iu.soft_deleted' END, 'information_unit', a, b); SELECT coalesce(route_code, '(no route)')`
    expect(unknown(namesInSql(sql), await registered())).toEqual([])
  })
})

/** The words that a column's CHECKs allow it, whichever way they say so. */
async function checkedWords(client: Pick<TestDatabase['pool'], 'query'>): Promise<Record<string, string[]>> {
  const { rows } = await client.query<{ column: string, words: string[] }>(`
    SELECT c.relname || '.' || a.attname AS column, array_agg(DISTINCT m[1]) AS words
    FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY (k.conkey)
    CROSS JOIN LATERAL regexp_matches(pg_get_constraintdef(k.oid),
      CASE WHEN pg_get_constraintdef(k.oid) ~ ('CASE ' || a.attname) THEN 'WHEN ''(\\w+)''::text' ELSE '''(\\w+)''::text' END, 'g') AS m
    WHERE c.relnamespace = 'iu_core'::regnamespace AND k.contype = 'c'
      AND pg_get_constraintdef(k.oid) ~ ('\\m' || a.attname || ' (= ANY|=|<>) \\(?(ARRAY\\[)?''|CASE ' || a.attname)
    GROUP BY 1`)
  return Object.fromEntries(rows.map(({ column, words }) => [column, words]))
}

describe('every term is classified', () => {
  it('each column that holds terms names its class, or says why it has none', async () => {
    const columns = await columnOf(`
      SELECT c.relname || '.' || a.attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
      WHERE c.relnamespace = 'iu_core'::regnamespace AND c.relkind = 'r' AND a.atttypid = 'text'::regtype AND a.attnum > 0 AND a.attname ~ $1`, [TERM_COLUMN])
    expect(columns.sort()).toEqual([...Object.keys(TERMS), ...Object.keys(NO_TERMS)].sort())
  })

  it('each class of the vocabulary has its column', async () => {
    expect((await columnOf('SELECT DISTINCT term_class FROM iu_core.iu_vocabulary')).sort()).toEqual([...new Set([...Object.values(TERMS), 'gate'])].sort())
  })

  it('each word that a table allows is a term, and each term of such a class is allowed somewhere', async () => {
    const words = await checkedWords(db.pool)
    expect(Object.keys(words).length).toBeGreaterThan(15)
    // The schedule's one row has a key, not a term.
    expect(Object.keys(words).filter(column => !(column in TERMS))).toEqual(['iu_worker_schedule.schedule_code'])
    for (const [column, allowed] of Object.entries(words)) {
      if (column in TERMS) expect(allowed.filter(word => !termsOfClass.get(TERMS[column]!)!.includes(word)), column).toEqual([])
    }
    for (const termClass of new Set(Object.keys(words).flatMap(column => TERMS[column] ?? []))) {
      const allowed = Object.entries(words).flatMap(([column, all]) => TERMS[column] === termClass ? all : [])
      expect([...new Set(allowed)].sort(), termClass).toEqual([...termsOfClass.get(termClass)!].sort())
    }
  })

  it('each value that units wrote is a term', async () => {
    for (const [column, termClass] of Object.entries(TERMS)) {
      const [table, name] = column.split('.') as [string, string]
      const values = await columnOf(`SELECT DISTINCT ${name} FROM iu_core.${table} WHERE ${name} IS NOT NULL`)
      expect(values.filter(value => !termsOfClass.get(termClass)!.includes(value)), column).toEqual([])
    }
  })

  it('a word too many in a table is seen', async () => {
    await db.as('iu_deployer', async (client) => {
      await client.query('BEGIN')
      await client.query(`ALTER TABLE iu_core.iu_account DROP CONSTRAINT iu_account_status_chk, ADD CONSTRAINT iu_account_status_chk CHECK (status IN ('active', 'disabled', 'burnt'))`)
      expect((await checkedWords(client))['iu_account.status']).toEqual(['active', 'burnt', 'disabled'])
      await client.query('ROLLBACK')
    })
  })

  const termsOfClass = new Map<string, string[]>()
  beforeAll(async () => {
    for (const termClass of Object.values(TERMS)) termsOfClass.set(termClass, await termsOf(termClass))
  })
})
