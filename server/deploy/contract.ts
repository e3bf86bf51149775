import { createHash } from 'node:crypto'
import type { Unit } from './units.ts'

/** The schema that something was built for. */
export interface Contract {
  /** the newest unit */
  unit: string
  /** SHA-256 over the tags and hashes of all units, as iu_core.fn_iu_contract takes it over those that are applied */
  digest: string
}

export function contractOf(units: Pick<Unit, 'tag' | 'hash'>[]): Contract {
  const hash = createHash('sha256')
  for (const { tag, hash: unitHash } of units) hash.update(`${tag} ${unitHash}\n`)
  return { unit: units.at(-1)!.tag, digest: hash.digest('hex') }
}
