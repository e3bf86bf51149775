import { createHash } from 'node:crypto'
import { faultOf } from '../db/faults.ts'
import type { Connection } from './transaction.ts'
import { UnitError, type Unit } from './units.ts'

/** What was applied stands in a schema of its own, so that rolling back the first unit leaves nothing of ours in iu_core. */
const BOOK = `CREATE SCHEMA IF NOT EXISTS iu_deploy;
CREATE TABLE IF NOT EXISTS iu_deploy.applied_unit (
  number integer PRIMARY KEY, tag text NOT NULL UNIQUE, hash text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp(), applied_by text NOT NULL DEFAULT session_user);
COMMENT ON SCHEMA iu_deploy IS 'Which units of iu_core are applied';`

/** An applied unit, as the database remembers it. */
export type Entry = Pick<Unit, 'number' | 'tag' | 'hash'>

/** The book of applied units, oldest first; made where there is none. Runs within a transaction. */
export async function readBook(client: Connection): Promise<Entry[]> {
  await client.query(BOOK).catch((error: Error) => {
    if (faultOf(error) !== 'denied') throw error
    throw new UnitError(`${error.message}: this database is not prepared for its units yet; run iu db bootstrap first, as a login that may grant rights on it`)
  })
  return (await client.query<Entry>('SELECT number, tag, hash FROM iu_deploy.applied_unit ORDER BY number')).rows
}

/** The applied units of this checkout, oldest first. Pure. @throws {UnitError} where book and files disagree, naming the unit. */
export function appliedUnits(book: Entry[], units: Unit[]): Unit[] {
  return book.map((entry, index) => {
    const unit = units[index]
    if (entry.number !== index + 1) throw new UnitError(`the database's book of units lacks number ${index + 1}: it goes on with ${entry.tag}; put the row back, or restore a backup`)
    if (!unit || unit.tag !== entry.tag) throw new UnitError(disagreement(entry, units.slice(index)))
    if (unit.hash !== entry.hash) throw new UnitError(hasOtherLineEnds(unit, entry) ? `unit ${unit.tag} was applied from a file with the line ends of Windows (CRLF), and is the same otherwise; put the hash ${unit.hash} into its row of iu_deploy.applied_unit` : `unit ${unit.tag} was changed after it was applied; write a new unit instead`)
    return unit
  })
}

const hasOtherLineEnds = ({ migration }: Unit, { hash }: Entry): boolean =>
  createHash('sha256').update(migration.replaceAll('\n', '\r\n')).digest('hex') === hash

/** Why the files at and after an entry's number are not what was applied there. */
function disagreement({ number, tag, hash }: Entry, files: Unit[]): string {
  const lacking = `the database has unit ${tag}, which this checkout does not have at number ${number}`
  const [unit] = files
  const found = files.findIndex(file => file.tag === tag)
  const moved = found > 0 ? found : files.findIndex(file => file.hash === hash)
  if (!unit) return `${lacking}: the checkout is older than the database`
  if (moved > 0) {
    const late = files.slice(0, moved).map(file => file.tag).join(', ')
    return `${lacking}: ${late} was merged late, before a unit that is applied already; give it a number after the newest, and ${tag} its own back`
  }
  return moved === 0 ? `${lacking}: it was renamed to ${unit.tag}; give it its name back` : `${lacking}: ${unit.tag} stands there, which was merged late or comes from another line of units; give it a number after the newest`
}
