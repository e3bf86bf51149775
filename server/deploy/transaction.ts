import type { Client, PoolClient } from 'pg'
import { faultOf, isLockTimeout, stateOf } from '../db/faults.ts'
import { UnitError } from './units.ts'

export type Connection = Client | PoolClient

/** Runs `work` as iu_owner in one transaction; with ROLLBACK it is only tried, and nothing of it stays. */
export async function inTransaction<T>(client: Connection, work: () => Promise<T>, end: 'COMMIT' | 'ROLLBACK' = 'COMMIT'): Promise<T> {
  await client.query('BEGIN')
  try {
    await becomeOwner(client)
    // What a literal means must not depend on how somebody has set this role or database. Whoever waits for a table makes all wait who come after.
    await client.query(`SET LOCAL standard_conforming_strings = on; SET LOCAL lock_timeout = '${LOCK_WAIT}'`)
    const result = await work()
    await client.query(end)
    return result
  }
  catch (error) {
    await client.query('ROLLBACK')
    if (!isLockTimeout(error as Error)) throw error
    throw new UnitError(`${(error as Error).message}: another session held a table for ${LOCK_WAIT}, and all of it is taken back. It is held by ${await whoHolds(client, OUR_TABLES)}`)
  }
}

const unprepared = ({ message }: Error) =>
  new UnitError(`${message}: the roles of this cluster are not made yet, or this login is no member of iu_owner; run iu db bootstrap first, as a login that may make roles`)

async function becomeOwner(client: Connection): Promise<void> {
  try {
    await client.query('SET LOCAL ROLE iu_owner')
  }
  catch (error) {
    // No such role: 22023.
    if (faultOf(error as Error) !== 'denied' && stateOf(error as Error) !== '22023') throw error
    throw unprepared(error as Error)
  }
}

const LOCK_WAIT = '5s'
/** As long as another deploy, or its backup, may well take. */
const TURN_WAIT = '10min'

/** Who holds what, in words, and how to end it. */
const HOLDERS = `SELECT concat('pid ', a.pid, ' (', concat_ws(', ', a.usename, nullif(a.application_name, ''), a.client_addr), ', ', a.state,
  coalesce(', in a transaction since ' || to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC', ''), ')') AS who, a.pid
FROM pg_stat_activity AS a WHERE a.pid <> pg_backend_pid() AND EXISTS (SELECT FROM pg_locks AS l WHERE l.pid = a.pid AND l.granted AND `

async function whoHolds(client: Connection, what: string): Promise<string> {
  const { rows } = await client.query<{ who: string, pid: number }>(`${HOLDERS}${what}) ORDER BY a.xact_start LIMIT 5`)
  if (!rows.length) return 'whoever held it has ended meanwhile: try again'
  return `${rows.map(({ who }) => who).join('; ')}. Wait until it has ended, or end it with SELECT pg_terminate_backend(${rows[0]!.pid}), and try again`
}

const OUR_TABLES = `l.locktype = 'relation' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.relation IN (SELECT oid FROM pg_class WHERE relnamespace IN (to_regnamespace('iu_core'), to_regnamespace('iu_deploy')))`

/** What a deployer holds while it works; whoever wants to know whether one does asks for the same. */
export const DEPLOY_LOCK = `hashtext('iu_core deploy')`

const OUR_TURN = `l.locktype = 'advisory' AND l.objsubid = 1 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.classid::bigint << 32 | l.objid::bigint = ${DEPLOY_LOCK}::bigint`

/** Who deploys this database now, in words, and how to end it. */
export const whoDeploys = (client: Connection): Promise<string> => whoHolds(client, OUR_TURN)

async function takeTurn(client: Connection): Promise<void> {
  const { rows: [was] } = await client.query<{ wait: string }>(`SELECT current_setting('lock_timeout') AS wait`)
  await client.query(`SET lock_timeout = '${TURN_WAIT}'`)
  try {
    await client.query(`SELECT pg_advisory_lock(${DEPLOY_LOCK})`)
  }
  catch (error) {
    if (faultOf(error as Error) === 'denied') throw unprepared(error as Error)
    if (!isLockTimeout(error as Error)) throw error
    throw new UnitError(`another deploy of this database has been under way for ${TURN_WAIT}; nothing was changed. It is run by ${await whoDeploys(client)}`)
  }
  finally {
    await client.query(`SET lock_timeout = '${was!.wait}'`)
  }
}

/** One deployer at a time; the lock ends with the connection, whatever happens. */
export async function alone<T>(client: Connection, work: () => Promise<T>): Promise<T> {
  await takeTurn(client)
  try {
    return await work()
  }
  finally {
    await client.query(`SELECT pg_advisory_unlock(${DEPLOY_LOCK})`)
  }
}
