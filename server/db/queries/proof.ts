import { gate } from '../../../drizzle/schema/health.ts'
import { eventType, probe, works } from '../../../drizzle/schema/proof.ts'
import { outboundRoute } from '../../../drizzle/schema/routing.ts'
import type { Leftover, Proof, Scenario } from '../../../shared/read-models/proof.ts'
import type { Routing } from '../../../shared/read-models/routing.ts'
import type { Snapshot } from '../client.ts'

/** W1 to W9 now, the last probe, and what is left of it now. */
export async function readProof(db: Snapshot): Promise<Omit<Proof, 'asOf'>> {
  const [last] = await db.select().from(probe)
  return {
    works: await db.select().from(works),
    probe: last ? { ...last, scenarios: last.scenarios as Scenario[], leftovers: last.leftovers as Leftover[] } : null,
  }
}

/** Types with their schemas, routes and the two gates. */
export async function readRouting(db: Snapshot): Promise<Omit<Routing, 'asOf'>> {
  const gates = new Map((await db.select({ gate: gate.gate, isOpen: gate.isOpen }).from(gate)).map(({ gate, isOpen }) => [gate, isOpen]))
  return {
    types: await db.select().from(eventType).orderBy(eventType.eventType),
    routes: await db.select({
      routeId: outboundRoute.routeId, routeCode: outboundRoute.routeCode, eventType: outboundRoute.eventType, targetKind: outboundRoute.targetKind,
      targetRef: outboundRoute.targetRef, enabled: outboundRoute.enabled, dryRun: outboundRoute.dryRun,
    }).from(outboundRoute).orderBy(outboundRoute.routeCode),
    masterGateOpen: gates.get('iu_core.routes_master_enabled') ?? false,
    workerGateOpen: gates.get('iu_core.route_worker_enabled') ?? false,
  }
}
