import { comparison } from '../../../drizzle/schema/conformance.ts'
import { NOT_COMPARED } from '../../../shared/not-compared.ts'
import type { AcceptedObject, Conformance, ConformanceCheck, DriftObject } from '../../../shared/read-models/conformance.ts'
import type { Snapshot } from '../client.ts'

/** More than these nobody looks through; the counts tell of all of them. */
const MOST = 100

const instantOf = (time: string) => new Date(time).toISOString()

/** One comparison: everything of it is from one statement, so that headline, checks and drift agree. */
export type Comparison = Omit<Conformance, 'asOf' | 'asked' | 'notCompared'>

/** The live catalogue against the inventory, with every object that is not as deployed. Under READ COMMITTED: in an older snapshot it cannot be said. */
export async function readComparison(db: Snapshot): Promise<Comparison> {
  const [row] = await db.select().from(comparison)
  const checks = row!.checks as (Omit<ConformanceCheck, 'code'> & { check_code: string })[]
  const objects = row!.objects as (Omit<DriftObject, 'suggestedAction'> & { suggested_action: string, refuses?: boolean })[]
  const accepted = row!.accepted as (Omit<AcceptedObject, 'acceptedBy' | 'acceptedAt' | 'expiresAt'> & { accepted_by: string, accepted_at: string, expires_at: string })[]
  return {
    ...row!,
    checks: checks.map(({ check_code: code, ...check }) => ({ code, ...check })),
    objects: objects.map(({ suggested_action: suggestedAction, refuses: _, ...object }) => ({ ...object, suggestedAction })),
    accepted: accepted.map(({ accepted_by: acceptedBy, accepted_at: acceptedAt, expires_at: expiresAt, ...object }) => ({ ...object, acceptedBy, acceptedAt: instantOf(acceptedAt), expiresAt: instantOf(expiresAt) })),
  }
}

/** The same for a page: of the objects those of one state, and not without end. */
export async function readConformance(db: Snapshot, { state }: { state?: DriftObject['state'] | 'ok' }): Promise<Omit<Conformance, 'asOf'>> {
  const { objects, ...compared } = await readComparison(db)
  const asked = state ? objects.filter(object => object.state === state) : objects
  return { ...compared, objects: asked.slice(0, MOST), notCompared: [...NOT_COMPARED], asked: state === 'ok' ? compared.matching : asked.length }
}
