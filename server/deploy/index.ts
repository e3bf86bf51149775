import { join } from 'node:path'
import type { Client, PoolClient } from 'pg'
import { enterDeployer } from './inventory.ts'
import { deployUnits } from './runner.ts'
import { inTransaction } from './transaction.ts'
import { readUnits } from './units.ts'

export { bootstrap, BootstrapError } from './bootstrap.ts'
export { planDeploy } from './plan.ts'
export { planRollback, rollbackUnits, stakeText } from './rollback.ts'
export { deployUnits, verifyUnits } from './runner.ts'
export { acceptedNote, acceptedText, readAccepted, readDrift } from './drift.ts'
export { readUnits, standingVerifies, UnitError } from './units.ts'

/** Where this checkout's SQL stands. */
export const DRIZZLE = join(import.meta.dirname, '../../drizzle')

/** Enters the login of this connection as one that deploys, whoever did before: after a restore, and where somebody asks for it. */
export const enterDeployerAnew = (client: Client | PoolClient): Promise<void> => inTransaction(client, () => enterDeployer(client, true))

/** Brings the connected database to this checkout's newest unit; returns the tags applied. */
export const deploy = (client: Client | PoolClient): Promise<string[]> => deployUnits(client, readUnits(DRIZZLE))
