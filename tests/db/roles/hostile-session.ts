/** A session whose owner means no good: temporary objects that shadow ours, triggers that wait, settings that twist. */
import type pg from 'pg'
import type { TestDatabase } from '../harness.ts'
import type { Queryable } from '../world.ts'
import { type Member, memberOf } from './members.ts'

/** Every setting of a session by which somebody might change what is decided, stored or compared; what may not be set is refused. */
export const SETTINGS: Record<string, string> = {
  'quote_all_identifiers': 'on',
  'search_path': 'pg_temp, iu_core, pg_catalog',
  'standard_conforming_strings': 'off',
  'escape_string_warning': 'off',
  'backslash_quote': 'on',
  'transform_null_equals': 'on',
  'array_nulls': 'off',
  'extra_float_digits': '-15',
  'bytea_output': 'escape',
  'DateStyle': 'German, DMY',
  'IntervalStyle': 'sql_standard',
  'TimeZone': 'Pacific/Chatham',
  'xmloption': 'document',
  'xmlbinary': 'hex',
  'gin_fuzzy_search_limit': '1',
  'plan_cache_mode': 'force_custom_plan',
  'row_security': 'off',
  'check_function_bodies': 'off',
  'constraint_exclusion': 'off',
  'synchronize_seqscans': 'off',
  'enable_seqscan': 'off',
  'enable_indexscan': 'off',
  'enable_hashjoin': 'off',
  'join_collapse_limit': '1',
  'from_collapse_limit': '1',
  'work_mem': '64kB',
  'default_transaction_deferrable': 'on',
  'plpgsql.extra_errors': 'all',
}

/** A function of the session: it counts where anybody but the session's owner runs it, in a sequence, because that outlives a rollback. */
const SPY = `
  CREATE TEMP SEQUENCE caught;
  GRANT ALL ON SEQUENCE pg_temp.caught TO PUBLIC;
  CREATE FUNCTION pg_temp.spy() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
    IF current_user <> session_user THEN PERFORM pg_catalog.nextval('pg_temp.caught'); END IF;
    RETURN true;
  END $$;
  CREATE FUNCTION pg_temp.spy_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_temp.spy();
    RETURN NULL;
  END $$;
  CREATE FUNCTION pg_temp.spy_equal(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT pg_temp.spy()';
  CREATE OPERATOR pg_temp.= (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_temp.spy_equal);
  CREATE OPERATOR pg_temp.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_temp.spy_equal);`

/** What waits for the end of the transaction, under names of its own and under those of our constraints. */
const WAITING = ['waiting', 'iu_collection_piece_position_key'].map((name, n) => `
  CREATE TEMP TABLE waiting_${n} (i integer, j integer CONSTRAINT ${name}_unique UNIQUE DEFERRABLE INITIALLY DEFERRED);
  CREATE CONSTRAINT TRIGGER ${name} AFTER INSERT ON pg_temp.waiting_${n} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pg_temp.spy_trigger();
  CREATE TEMP TABLE referring_${n} (i integer PRIMARY KEY, CONSTRAINT ${name} FOREIGN KEY (i) REFERENCES pg_temp.referring_${n} DEFERRABLE INITIALLY DEFERRED);`).join('')
const WAIT = [0, 1].map(n => `INSERT INTO pg_temp.waiting_${n} VALUES (1, (SELECT count(*) FROM pg_temp.waiting_${n})); INSERT INTO pg_temp.referring_${n} SELECT count(*) FROM pg_temp.referring_${n};`).join(' ')

/** Temporary tables by the names of every relation of the schema and of the catalogue, types by those of PostgreSQL's, functions by those of ours. */
async function shadows(superuser: Queryable): Promise<string> {
  const { rows } = await superuser.query<{ sql: string }>(`
    SELECT format('CREATE TEMP TABLE %I (%s, spied boolean DEFAULT pg_temp.spy()); GRANT ALL ON pg_temp.%1$I TO PUBLIC;
        CREATE TRIGGER spy BEFORE INSERT OR UPDATE OR DELETE ON pg_temp.%1$I FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.spy_trigger();', c.relname,
        string_agg(format('%I %s', a.attname, CASE WHEN t.typtype = 'p' OR t.typnamespace <> 'pg_catalog'::regnamespace THEN 'text' ELSE format_type(a.atttypid, a.atttypmod) END), ', ' ORDER BY a.attnum)) AS sql
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped JOIN pg_type AS t ON t.oid = a.atttypid
    WHERE c.relkind IN ('r', 'v') AND (c.relnamespace = 'iu_core'::regnamespace
      OR c.relnamespace = 'pg_catalog'::regnamespace AND c.relname IN ('pg_class', 'pg_proc', 'pg_namespace', 'pg_locks', 'pg_stat_activity', 'pg_database', 'pg_roles', 'pg_trigger', 'pg_constraint', 'pg_attribute', 'pg_settings'))
    GROUP BY c.oid
    UNION ALL
    SELECT format('CREATE DOMAIN pg_temp.%I AS pg_catalog.%1$I CHECK (pg_temp.spy())', t)
    FROM unnest('{text,jsonb,int4,int8,bool,bytea,timestamptz,xid8,pg_snapshot,interval,numeric}'::text[]) AS t
    UNION ALL
    SELECT format('CREATE FUNCTION pg_temp.%I(%s) RETURNS text LANGUAGE plpgsql AS $f$ BEGIN PERFORM pg_temp.spy(); RETURN NULL; END $f$', proname, oidvectortypes(proargtypes))
    FROM pg_proc WHERE pronamespace = 'iu_core'::regnamespace AND prokind = 'f' AND oidvectortypes(proargtypes) !~ 'iu_core'`)
  return rows.map(({ sql }) => sql).join(';')
}

export interface Hostile {
  member: Member
  client: pg.Client
  /** Takes a query: it is run in a transaction of its own, in which the session's triggers wait. */
  waiting: Queryable
  /** How often code of the session ran as somebody else, since the last time this was asked. */
  caught(): Promise<number>
  drop(): Promise<void>
}

/** A login that is a member of `role`, may make temporary objects though bootstrap has taken that away, and has made and set whatever it can. */
export async function hostile(db: TestDatabase, role: string, { settings = SETTINGS, shadowing = true } = {}): Promise<Hostile> {
  const member = memberOf(db, role)
  await db.pool.query(`GRANT TEMPORARY ON DATABASE ${db.name} TO ${member.name}`)
  await db.pool.query(`SELECT iu_core.fn_dot_inventory_register(NULL, NULL, 'principal', $1)`, [`rights of ${member.name} on the database`])
  const client = await member.login()
  await client.query(SPY + WAITING)
  if (shadowing) await client.query(await shadows(db.pool))
  for (const [name, value] of Object.entries(settings)) await client.query(`SET ${name} = ${name === 'search_path' ? value : `'${value}'`}`)
  // A name is prepared for a statement that looks like one of ours.
  await client.query(`PREPARE fn_dot_command_run AS SELECT pg_temp.spy()`)
  let seen = 0
  const caught = async (): Promise<number> => {
    const { rows: [row] } = await client.query<{ n: string }>(`SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS n FROM pg_temp.caught`)
    const before = seen
    seen = Number(row!.n)
    return seen - before
  }
  const query = async (...asked: unknown[]): Promise<unknown> => {
    await client.query(`BEGIN; SET CONSTRAINTS ALL DEFERRED; ${WAIT}`)
    try {
      const result = await (client.query as (...args: unknown[]) => Promise<unknown>)(...asked)
      await client.query('COMMIT')
      return result
    }
    catch (error) {
      await client.query('ROLLBACK')
      throw error
    }
  }
  return {
    member,
    client,
    waiting: { query } as Queryable,
    caught,
    async drop() {
      await db.pool.query(`REVOKE TEMPORARY ON DATABASE ${db.name} FROM ${member.name}`)
      await member.drop()
    },
  }
}
