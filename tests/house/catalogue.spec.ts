import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readCatalogue, schemaText } from '../../server/deploy/catalogue.ts'
import { testDatabase, type TestDatabase } from '../db/harness.ts'
import { ROOT } from './sources.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

const column = async (sql: string): Promise<string[]> => (await db.pool.query<string[]>({ text: sql, rowMode: 'array' })).rows.map(row => row[0]!)

/** `offenders` names what breaks the rule; `breach` breaks it once, to see that it does. */
const RULES: { rule: string, offenders: string, breach: string }[] = [
  {
    rule: 'every function has a comment',
    offenders: `SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'iu_core'::regnamespace AND coalesce(obj_description(oid, 'pg_proc'), '') = ''`,
    breach: 'COMMENT ON FUNCTION iu_core.fn_iu_gate_retract() IS NULL',
  },
  {
    rule: 'every function pins its search_path, but for one whose body was bound when it was made',
    offenders: `SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'iu_core'::regnamespace AND prosqlbody IS NULL
      AND NOT 'search_path=pg_catalog, iu_core, pg_temp' = ANY (coalesce(proconfig, '{}'))`,
    breach: 'ALTER FUNCTION iu_core.fn_iu_gate_retract() RESET search_path',
  },
  {
    rule: 'every function says who may call it, and PUBLIC may not',
    offenders: `SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'iu_core'::regnamespace AND (proacl IS NULL OR EXISTS (SELECT FROM aclexplode(proacl) WHERE grantee = 0))`,
    breach: 'GRANT EXECUTE ON FUNCTION iu_core.fn_iu_gate_retract() TO PUBLIC',
  },
  {
    rule: 'every function with a backslash in a plain literal says how it is read',
    offenders: `SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'iu_core'::regnamespace AND prosqlbody IS NULL
      AND regexp_replace(prosrc, '\\mE''(\\\\.|''''|[^''\\\\])*''', '', 'g') LIKE '%\\\\%' AND NOT 'standard_conforming_strings=on' = ANY (coalesce(proconfig, '{}'))`,
    breach: 'ALTER FUNCTION iu_core.fn_iu_failure_kind(text) RESET standard_conforming_strings',
  },
  {
    rule: 'the dispatcher names every constraint that a session can defer, and no function asks for all of them',
    offenders: `SELECT c.conname FROM pg_constraint AS c WHERE c.connamespace = 'iu_core'::regnamespace AND c.condeferrable
        AND NOT EXISTS (SELECT FROM pg_proc AS p WHERE p.proname = 'fn_dot_command_run' AND p.prosrc ~ ('SET CONSTRAINTS [^;]*\\miu_core\\.' || c.conname || '\\M[^;]* IMMEDIATE;'))
      UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'iu_core'::regnamespace AND prosrc ~* 'constraints\\s+all'`,
    breach: 'ALTER TABLE iu_core.iu_account ADD CONSTRAINT x UNIQUE (display_name) DEFERRABLE',
  },
  {
    rule: 'every table and view has a comment',
    offenders: `SELECT oid::regclass FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace AND relkind IN ('r', 'v') AND coalesce(obj_description(oid, 'pg_class'), '') = ''`,
    breach: 'COMMENT ON VIEW iu_core.v_iu_gate IS NULL',
  },
  {
    rule: 'nothing is granted to PUBLIC, and no table to anybody',
    offenders: `SELECT c.oid::regclass FROM pg_class AS c, aclexplode(c.relacl) AS a
      WHERE c.relnamespace = 'iu_core'::regnamespace AND a.grantee <> c.relowner AND (a.grantee = 0 OR c.relkind <> 'v' OR a.privilege_type <> 'SELECT')
      UNION ALL SELECT attrelid::regclass FROM pg_attribute WHERE attacl IS NOT NULL AND attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace)`,
    breach: 'GRANT SELECT (key) ON iu_core.dot_config TO iu_reader',
  },
  {
    rule: 'iu_owner owns everything',
    offenders: `SELECT pg_describe_object(o.classid, o.objid, 0) FROM (
        SELECT 'pg_class'::regclass::oid, oid, relowner FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace
        UNION ALL SELECT 'pg_proc'::regclass, oid, proowner FROM pg_proc WHERE pronamespace = 'iu_core'::regnamespace
        UNION ALL SELECT 'pg_namespace'::regclass, oid, nspowner FROM pg_namespace WHERE nspname = 'iu_core'
      ) AS o(classid, objid, owner) WHERE o.owner <> 'iu_owner'::regrole`,
    breach: 'ALTER VIEW iu_core.v_iu_gate OWNER TO CURRENT_USER',
  },
  {
    rule: 'there is nothing of a kind that the catalogue does not read',
    // Row types of tables and views, their array types, indexes and identity sequences belong to what is read.
    offenders: `SELECT pg_describe_object(d.classid, d.objid, 0) FROM pg_depend AS d
      WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = 'iu_core'::regnamespace AND d.deptype = 'n'
        AND NOT (d.classid = 'pg_proc'::regclass AND (SELECT prokind IN ('f', 'w') FROM pg_proc WHERE oid = d.objid))
        AND NOT (d.classid = 'pg_class'::regclass AND (SELECT relkind IN ('r', 'v') AND NOT relrowsecurity FROM pg_class WHERE oid = d.objid))
        AND NOT (d.classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_depend AS i WHERE i.classid = d.classid AND i.objid = d.objid AND i.deptype = 'i'))
      UNION ALL SELECT pg_describe_object('pg_rewrite'::regclass, oid, 0) FROM pg_rewrite
      WHERE rulename <> '_RETURN' AND ev_class IN (SELECT oid FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace)`,
    breach: 'CREATE MATERIALIZED VIEW iu_core.x AS SELECT 1',
  },
]

describe.each(RULES)('$rule', ({ offenders, breach }) => {
  it('holds', async () => {
    expect(await column(offenders)).toEqual([])
  })

  it('is seen when it does not', async () => {
    const client = await db.connect()
    try {
      await client.query('BEGIN')
      await client.query(breach)
      expect((await client.query(offenders)).rowCount).toBe(1)
    }
    finally {
      await client.end()
    }
  })
})

describe('drizzle/schema.sql', () => {
  it('is what the catalogue has; `iu db draft` and `iu db dump` write it', async () => {
    const client = await db.connect()
    expect(readFileSync(join(ROOT, 'drizzle/schema.sql'), 'utf8')).toBe(schemaText(await readCatalogue(client)))
    await client.end()
  })
})
