import { appliedUnits, readBook } from './book.ts'
import type { CatalogueObject } from './catalogue.ts'
import { catalogueNow, type Change, changesBetween } from './changes.ts'
import { applied, type OnUnit, undoUnit } from './runner.ts'
import { alone, inTransaction, type Connection } from './transaction.ts'
import { UnitError, type Unit } from './units.ts'

/** Rows of history that a rollback would destroy. */
export interface AtStake { tag: string, table: string, rows: number }

export interface RollbackPlan {
  /** newest first; up to the one that refuses for another reason than rows */
  units: { tag: string, changes: Change[] }[]
  destroys: AtStake[]
  /** why a unit cannot be undone, whatever rows there are */
  refusal?: { tag: string, message: string, hint?: string }
}

interface DatabaseError extends Error { code?: string, detail?: string, hint?: string }

const WOULD_DESTROY = 'IU010'

/**
 * Says what it would have refused for instead of raising, so that a trial comes to all of it. It stands only inside a
 * transaction that is rolled back, in the place of the function that every rollback asks first.
 */
const TELLING = `CREATE OR REPLACE FUNCTION iu_core.fn_iu_refuse_if_history(VARIADIC p_tables text[]) RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, iu_core, pg_temp AS $$
DECLARE
  v_table text;
  v_rows bigint;
BEGIN
  FOREACH v_table IN ARRAY p_tables LOOP
    EXECUTE format('SELECT count(*) FROM iu_core.%I', v_table) INTO v_rows;
    CONTINUE WHEN v_rows = 0;
    PERFORM set_config('iu_deploy.at_stake', concat(nullif(current_setting('iu_deploy.at_stake', true), '') || ',', v_table || ' ' || v_rows), true);
  END LOOP;
END
$$`

/** The units that a rollback to `to` undoes, newest first. @throws {UnitError} */
function unitsToUndo(done: Unit[], to?: string): Unit[] {
  const keep = to === undefined ? 0 : done.findIndex(unit => unit.tag === to) + 1
  if (to !== undefined && keep === 0) throw new UnitError(`--to ${to}: not an applied unit; applied: ${done.map(unit => unit.tag).join(', ') || 'none'}`)
  return done.slice(keep).reverse()
}

/** Runs `work` of a unit, and tells what history it would have been refused for. */
async function atStake(client: Connection, unit: Unit, work: () => Promise<unknown>): Promise<AtStake[]> {
  const { rows: [row] } = await client.query<{ there: boolean }>(`SELECT to_regprocedure('iu_core.fn_iu_refuse_if_history(text[])') IS NOT NULL AS there`)
  // The unit before may have put another version of it back.
  if (row!.there) await client.query(TELLING)
  await client.query(`SELECT set_config('iu_deploy.at_stake', '', true)`)
  await work()
  const { rows: [told] } = await client.query<{ stake: string }>(`SELECT current_setting('iu_deploy.at_stake') AS stake`)
  return told!.stake.split(',').filter(Boolean).map((entry) => {
    const [table, rows] = entry.split(' ')
    return { tag: unit.tag, table: table!, rows: Number(rows) }
  })
}

/** The question that a rollback asks first, as a statement of its own. */
const GUARD = /^SELECT iu_core\.fn_iu_refuse_if_history\(.+\);$/gm
/** What a data unit's rollback takes away before the table goes: where that was refused, the rows are still there. */
const REGISTRIES = ['dot_config', 'iu_vocabulary', 'dot_iu_command', 'iu_event_type', 'iu_outbound_route', 'iu_route_worker_cursor']

/** What units that a trial did not come to would destroy besides. */
async function beyond(client: Connection, units: Unit[]): Promise<AtStake[]> {
  const found: AtStake[] = []
  for (const unit of units) {
    for (const [guard] of unit.rollback.matchAll(GUARD)) found.push(...await atStake(client, unit, () => client.query(guard)))
  }
  return found.filter(({ table }) => !REGISTRIES.includes(table))
}

/** Tries to undo the units, in a transaction under way; `read` gives the catalogue, where somebody wants to know the objects. */
async function tryRollback(client: Connection, undone: Unit[], onUnit: OnUnit, read: () => Promise<CatalogueObject[]>): Promise<RollbackPlan> {
  const plan: RollbackPlan = { units: [], destroys: [] }
  let before = await read()
  for (const [index, unit] of undone.entries()) {
    onUnit(unit, 'rollback')
    await client.query('SAVEPOINT unit')
    try {
      plan.destroys.push(...await atStake(client, unit, () => undoUnit(client, unit)))
    }
    catch (error) {
      const { code, message, hint } = error as DatabaseError
      if (code !== WOULD_DESTROY) throw error
      await client.query('ROLLBACK TO SAVEPOINT unit')
      plan.destroys.push(...await beyond(client, undone.slice(index)))
      return { ...plan, refusal: { tag: unit.tag, message, hint } }
    }
    const after = await read()
    // Ours for the trial; not of the unit.
    plan.units.push({ tag: unit.tag, changes: changesBetween(before, after).filter(({ change, identity }) => change !== 'changed' || identity !== 'fn_iu_refuse_if_history(text[])') })
    before = after
  }
  return plan
}

/** Tries a rollback to `to` and takes it back: what it would undo, and what history it would destroy. @throws {UnitError} */
export function planRollback(client: Connection, units: Unit[], to?: string, onUnit: OnUnit = () => {}): Promise<RollbackPlan> {
  return alone(client, () => inTransaction(client, async () => {
    await client.query(`SET LOCAL lock_timeout = '5s'`)
    return tryRollback(client, unitsToUndo(appliedUnits(await readBook(client), units), to), onUnit, () => catalogueNow(client))
  }, 'ROLLBACK'))
}

/** `3 rows of unit_version (0002_units)`, for each table that a rollback would empty. */
export const stakeText = (destroys: AtStake[]): string => destroys.map(({ tag, table, rows }) => `${rows} ${rows === 1 ? 'row' : 'rows'} of ${table} (${tag})`).join(', ')

/**
 * Rolls back the newest applied units down to, and without, `to` (all of them when it is undefined).
 * One transaction for all: where one of them would destroy history it raises, and nothing is undone.
 * @returns the tags rolled back, newest first. @throws {DatabaseError} IU010, its detail says which tables hold how many rows
 */
export function rollbackUnits(client: Connection, units: Unit[], to?: string, onUnit: OnUnit = () => {}): Promise<string[]> {
  return alone(client, async () => {
    const undone = unitsToUndo(await applied(client, units), to)
    try {
      await inTransaction(client, async () => {
        for (const unit of undone) {
          onUnit(unit, 'rollback')
          await undoUnit(client, unit)
        }
      })
    }
    catch (error) {
      const refusal = error as DatabaseError
      if (refusal.code === WOULD_DESTROY) {
        const { destroys } = await inTransaction(client, () => tryRollback(client, undone, () => {}, async () => []), 'ROLLBACK')
        if (destroys.length) refusal.detail = `it would destroy ${stakeText(destroys)}`
      }
      throw refusal
    }
    return undone.map(unit => unit.tag)
  })
}
