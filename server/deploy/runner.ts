import type { Client, PoolClient } from 'pg'
import { fingerprints, readInventory, register, renew, whyDark } from './inventory.ts'
import { inScratch } from './scratch.ts'
import { standingVerifies, UnitError, type Unit } from './units.ts'

type Connection = Client | PoolClient
type OnUnit = (unit: Unit, action: 'deploy' | 'verify' | 'rollback') => void

/** What was applied stands in a schema of its own, so that rolling back the first unit leaves nothing of ours in iu_core. */
const LEDGER = `CREATE SCHEMA IF NOT EXISTS iu_deploy;
CREATE TABLE IF NOT EXISTS iu_deploy.applied_unit (
  number integer PRIMARY KEY, tag text NOT NULL UNIQUE, hash text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp(), applied_by text NOT NULL DEFAULT session_user);
COMMENT ON SCHEMA iu_deploy IS 'Which units of iu_core are applied';`

async function inTransaction<T>(client: Connection, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN')
  try {
    await client.query('SET LOCAL ROLE iu_owner')
    const result = await work()
    await client.query('COMMIT')
    return result
  }
  catch (error) {
    await client.query('ROLLBACK')
    throw error
  }
}

/** One deployer at a time; the lock ends with the connection, whatever happens. */
async function alone<T>(client: Connection, work: () => Promise<T>): Promise<T> {
  await client.query(`SELECT pg_advisory_lock(hashtext('iu_core deploy'))`)
  try {
    return await work()
  }
  finally {
    await client.query(`SELECT pg_advisory_unlock(hashtext('iu_core deploy'))`)
  }
}

/** Applied units, oldest first, checked against the files. */
async function applied(client: Connection, units: Unit[]): Promise<Unit[]> {
  const { rows } = await inTransaction(client, async () => {
    await client.query(LEDGER)
    return client.query<{ number: number, tag: string, hash: string }>('SELECT number, tag, hash FROM iu_deploy.applied_unit ORDER BY number')
  })
  return rows.map((row, index) => {
    const unit = units[index]
    if (!unit || unit.tag !== row.tag) throw new UnitError(`the database has unit ${row.tag}, which this checkout does not have at number ${index + 1}`)
    if (unit.hash !== row.hash) throw new UnitError(`unit ${row.tag} was changed after it was applied; write a new unit instead`)
    return unit
  })
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
  }).catch((error: { code?: string, message: string }) => {
    if (error.code !== '42501') throw error
    throw new UnitError(`the inventory has to be made anew (${why}), and for that this login must be able to make a database and its roles: ${error.message}`)
  })
  await inTransaction(client, () => renew(client, built))
}

/**
 * Applies the units that the database lacks, each with its verify and its entries in the inventory in one
 * transaction. Where the inventory does not say any more what should be there, it is made anew from all of them.
 * @returns the tags applied. @throws {UnitError} when files and database disagree, or the database's own error.
 */
export function deployUnits(client: Connection, units: Unit[], onUnit: OnUnit = () => {}): Promise<string[]> {
  return alone(client, async () => {
    const done = await applied(client, units)
    const pending = units.slice(done.length)
    for (const unit of pending) {
      onUnit(unit, 'deploy')
      await inTransaction(client, async () => {
        const before = await fingerprints(client)
        await run(client, unit, 'migration')
        await run(client, unit, 'verify')
        await register(client, unit, before)
        await client.query('INSERT INTO iu_deploy.applied_unit (number, tag, hash) VALUES ($1, $2, $3)', [unit.number, unit.tag, unit.hash])
      })
    }
    await renewInventory(client, [...done, ...pending])
    return pending.map(unit => unit.tag)
  })
}

/** Runs the verify of every applied unit; the first that raises is the error. @returns the tags verified. */
export function verifyUnits(client: Connection, units: Unit[], onUnit: OnUnit = () => {}): Promise<string[]> {
  return alone(client, async () => {
    const done = await applied(client, units)
    const standing = standingVerifies(done)
    for (const [index, unit] of done.entries()) {
      onUnit(unit, 'verify')
      await inTransaction(client, () => run(client, { ...unit, verify: standing[index]! }, 'verify'))
    }
    return done.map(unit => unit.tag)
  })
}

/**
 * Rolls back the newest applied units down to, and without, `to` (all of them when it is undefined).
 * One transaction for all: where one of them would destroy history it raises, and nothing is undone.
 * @returns the tags rolled back, newest first.
 */
export function rollbackUnits(client: Connection, units: Unit[], to?: string, onUnit: OnUnit = () => {}): Promise<string[]> {
  return alone(client, async () => {
    const done = await applied(client, units)
    const keep = to === undefined ? 0 : done.findIndex(unit => unit.tag === to) + 1
    if (to !== undefined && keep === 0) throw new UnitError(`--to ${to}: not an applied unit; applied: ${done.map(unit => unit.tag).join(', ') || 'none'}`)
    const undone = done.slice(keep).reverse()
    await inTransaction(client, async () => {
      for (const unit of undone) {
        onUnit(unit, 'rollback')
        const before = await fingerprints(client)
        await run(client, unit, 'rollback')
        await register(client, unit, before)
        await client.query('DELETE FROM iu_deploy.applied_unit WHERE number = $1', [unit.number])
      }
    })
    return undone.map(unit => unit.tag)
  })
}
