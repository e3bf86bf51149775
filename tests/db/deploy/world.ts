/** Units of a test, behind those of the checkout. */
import { DRIZZLE, readUnits } from '../../../server/deploy/index.ts'
import type { Unit } from '../../../server/deploy/units.ts'

export const UNITS = readUnits(DRIZZLE)
export const NEWEST = UNITS.at(-1)!.tag

/** The next unit, of the given SQL. */
export function unit(name: string, sql: Partial<Pick<Unit, 'kind' | 'migration' | 'rollback' | 'verify'>> = {}, after = UNITS): Unit {
  const number = after.length + 1
  return { tag: `${String(number).padStart(4, '0')}_${name}`, number, kind: 'schema', migration: 'SELECT', rollback: 'SELECT', verify: 'SELECT', hash: name, ...sql }
}
