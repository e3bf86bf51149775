import { faultOf } from '../db/faults.ts'
import { readAccepted } from './drift.ts'
import { appliedUnits, readBook } from './book.ts'
import { withoutDdl } from './ddl.ts'
import { enterDeployer, fingerprints, readInventory, register, renew, whyDark } from './inventory.ts'
import { inScratch } from './scratch.ts'
import { alone, inTransaction, type Connection } from './transaction.ts'
import { standingVerifies, UnitError, type Unit } from './units.ts'

export type OnUnit = (unit: Unit, action: 'deploy' | 'verify' | 'rollback') => void
export interface DeployOptions {
  /** the newest unit to apply; all that there are when undefined */
  to?: string
  onUnit?: OnUnit
}

/** Applied units, oldest first, checked against the files. */
export async function applied(client: Connection, units: Unit[]): Promise<Unit[]> {
  return appliedUnits(await inTransaction(client, () => readBook(client)), units)
}

async function run(client: Connection, unit: Unit, file: 'migration' | 'rollback' | 'verify'): Promise<void> {
  try {
    await client.query(unit[file])
  }
  catch (error) {
    if (error instanceof Error) error.message = `unit ${unit.tag}, ${file}: ${error.message}`
    throw error
  }
}

/** The units that a deploy up to `to` applies, given those that are applied. @throws {UnitError} */
export function pendingUnits(units: Unit[], done: Unit[], to?: string): Unit[] {
  if (to === undefined) return units.slice(done.length)
  const count = units.findIndex(unit => unit.tag === to) + 1
  if (count === 0) throw new UnitError(`--to ${to}: this checkout has no such unit`)
  if (count < done.length) throw new UnitError(`--to ${to}: the database is at ${done.at(-1)!.tag} already; iu db rollback --to ${to} goes back`)
  return units.slice(done.length, count)
}

/** Applies a unit within a transaction: what it makes, its verify, its entries in the inventory and in the book. */
export async function applyUnit(client: Connection, unit: Unit): Promise<void> {
  const before = await fingerprints(client)
  const migrate = () => run(client, unit, 'migration')
  await (unit.kind === 'data' ? withoutDdl(client, unit, migrate) : migrate())
  await run(client, unit, 'verify')
  await register(client, unit, before)
  await client.query('INSERT INTO iu_deploy.applied_unit (number, tag, hash) VALUES ($1, $2, $3)', [unit.number, unit.tag, unit.hash])
}

/** Undoes a unit within a transaction. */
export async function undoUnit(client: Connection, unit: Unit): Promise<void> {
  const before = await fingerprints(client)
  await run(client, unit, 'rollback')
  await register(client, unit, before)
  await client.query('DELETE FROM iu_deploy.applied_unit WHERE number = $1', [unit.number])
}

/**
 * After a major upgrade, where entries of the inventory are lost or altered, and where it is not known what an
 * object should be, the applied units are deployed in a scratch database on this server, and tell.
 * @throws {UnitError} where this login may not make one; the units stay applied, and conformance unknown.
 */
async function renewInventory(client: Connection, units: Unit[]): Promise<void> {
  const why = await inTransaction(client, () => whyDark(client))
  if (why === undefined) return
  const built = await inScratch(client, async (scratch) => {
    await deployUnits(scratch, units)
    return inTransaction(scratch, () => readInventory(scratch))
  }).catch((error: Error) => {
    if (faultOf(error) !== 'denied') throw error
    throw new UnitError(`the inventory has to be made anew (${why}), and for that this login must be able to make a database and its roles: ${error.message}`)
  })
  await inTransaction(client, () => renew(client, built))
}

/**
 * Applies the units that the database lacks, each with its verify and its entries in the inventory in one
 * transaction. Where the inventory does not say any more what should be there, it is made anew from all of them.
 * @returns the tags applied. @throws {UnitError} when files and database disagree, or the database's own error.
 */
export function deployUnits(client: Connection, units: Unit[], { to, onUnit = () => {} }: DeployOptions = {}): Promise<string[]> {
  return alone(client, async () => {
    const done = await applied(client, units)
    const pending = pendingUnits(units, done, to)
    for (const unit of pending) {
      onUnit(unit, 'deploy')
      await inTransaction(client, () => applyUnit(client, unit))
    }
    await renewInventory(client, [...done, ...pending])
    await inTransaction(client, () => enterDeployer(client))
    return pending.map(unit => unit.tag)
  })
}

/** Runs the verify of every applied unit, but for what was accepted as it is; the first that raises is the error. @returns the tags verified. */
export function verifyUnits(client: Connection, units: Unit[], onUnit: OnUnit = () => {}): Promise<string[]> {
  return alone(client, async () => {
    const done = await applied(client, units)
    const standing = standingVerifies(done, await inTransaction(client, () => readAccepted(client)))
    for (const [index, unit] of done.entries()) {
      onUnit(unit, 'verify')
      await inTransaction(client, () => run(client, { ...unit, verify: standing[index]! }, 'verify'))
    }
    return done.map(unit => unit.tag)
  })
}
