import type { Connection } from './transaction.ts'
import { UnitError, type Unit } from './units.ts'

/** Written without any DDL: statistics by ANALYZE, and what large objects hold. */
const NOT_DDL = ['pg_statistic', 'pg_statistic_ext_data', 'pg_largeobject', 'pg_largeobject_metadata']

/**
 * Rows of each system catalogue that this transaction has written so far. Whatever DDL does, and however it is wrapped in
 * functions or built at run time, it writes there; and the server counts it, for this session alone.
 */
async function written(client: Connection): Promise<Map<string, number>> {
  const { rows } = await client.query<{ relname: string, written: number, counts: boolean }>(`
    SELECT relname, (n_tup_ins + n_tup_upd + n_tup_del)::float8 AS written, current_setting('track_counts')::boolean AS counts
    FROM pg_stat_xact_sys_tables WHERE schemaname = 'pg_catalog' AND relname <> ALL ($1)`, [NOT_DDL])
  if (!rows[0]?.counts) throw new UnitError('track_counts is off: whether a data unit changes objects cannot be told; switch it on')
  return new Map(rows.map(row => [row.relname, row.written]))
}

/** Runs `work` of a data unit. @throws {UnitError} when it makes, changes or drops anything but rows. */
export async function withoutDdl(client: Connection, unit: Unit, work: () => Promise<void>): Promise<void> {
  // Counts of the transaction before may still be in it: only the difference is this unit's.
  const before = await written(client)
  await work()
  const catalogues = [...await written(client)].filter(([name, count]) => count > (before.get(name) ?? 0)).map(([name]) => name).sort()
  if (catalogues.length) throw new UnitError(`unit ${unit.tag} is a data unit, and changes objects (it writes ${catalogues.join(', ')}): DDL belongs into a schema unit`)
}
