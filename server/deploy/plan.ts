import { appliedUnits, readBook } from './book.ts'
import { catalogueNow, type Change, changesBetween } from './changes.ts'
import { applyUnit, type DeployOptions, pendingUnits } from './runner.ts'
import { alone, inTransaction, type Connection } from './transaction.ts'
import type { Unit } from './units.ts'

/** A scenario of the probe, as it came out on the schema that the deploy would make. */
export interface Tried { scenario: string, name: string, status: 'passed' | 'failed' | 'not_run', detail: string | null }

export interface DeployPlan {
  units: (Pick<Unit, 'tag' | 'kind'> & { changes: Change[] })[]
  /** empty where the newest of the units has no probe yet */
  probe: Tried[]
}

/** Trying must not make an application wait for long behind the locks that it waits for. */
const PATIENCE = `SET LOCAL lock_timeout = '5s'`

/** The probe, in the transaction of the units. */
async function probe(client: Connection): Promise<Tried[]> {
  const { rows: [row] } = await client.query<{ there: boolean }>(`SELECT to_regprocedure('iu_core.fn_iu_probe()') IS NOT NULL AS there`)
  if (!row!.there) return []
  return (await client.query<Tried>('SELECT scenario, name, status, detail FROM iu_core.fn_iu_probe()')).rows
}

/**
 * Executes what a deploy would: the pending units, the verify of each, and the probe, in one transaction that is rolled back.
 * @throws {UnitError} or the database's own error, as the deploy would.
 */
export function planDeploy(client: Connection, units: Unit[], { to, onUnit = () => {} }: DeployOptions = {}): Promise<DeployPlan> {
  return alone(client, () => inTransaction(client, async () => {
    await client.query(PATIENCE)
    const plan: DeployPlan = { units: [], probe: [] }
    const pending = pendingUnits(units, appliedUnits(await readBook(client), units), to)
    let before = await catalogueNow(client)
    const { rows: [path] } = await client.query<{ search_path: string }>('SHOW search_path')
    for (const unit of pending) {
      onUnit(unit, 'deploy')
      await applyUnit(client, unit)
      // As its commit would: nothing deferred is left, and what it set is as it was.
      await client.query('SET CONSTRAINTS ALL IMMEDIATE')
      await client.query(`SELECT set_config('search_path', $1, true)`, [path!.search_path])
      const after = await catalogueNow(client)
      plan.units.push({ tag: unit.tag, kind: unit.kind, changes: changesBetween(before, after) })
      before = after
    }
    if (pending.length) plan.probe = await probe(client)
    return plan
  }, 'ROLLBACK'))
}
