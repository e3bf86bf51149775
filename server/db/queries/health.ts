import { sql } from 'drizzle-orm'
import { outboundRoute } from '../../../drizzle/schema/routing.ts'
import { accounting, composerBacklog, eventBacklog, gate, workerHealth } from '../../../drizzle/schema/health.ts'
import type { Accounting } from '../../../shared/read-models/accounting.ts'
import type { Gate, Overview } from '../../../shared/read-models/overview.ts'
import type { Shell } from '../../../shared/read-models/shell.ts'
import type { Snapshot } from '../client.ts'
import { largestCollections, readCollectionsKept, recentCollections } from './collections.ts'

export async function readAccounting(db: Snapshot): Promise<Omit<Accounting, 'asOf'>> {
  const [row] = await db.select().from(accounting)
  return row!
}

/** Who closed the gate that keeps a worker from routing, and why; null where it may route. */
export function inertBy(blockedBy: string | null, gates: Pick<Gate, 'gate' | 'state' | 'changedBy' | 'reason'>[]): string | null {
  const closed = gates.find(({ gate }) => gate === blockedBy)
  return closed ? `${closed.gate} is ${closed.state}${closed.changedBy ? ` by ${closed.changedBy}` : ''}${closed.reason ? `: ${closed.reason}` : ''}` : null
}

/** The strip over every page: the worst of all workers. */
export async function readShell(db: Snapshot): Promise<Omit<Shell, 'asOf'>> {
  const workers = await db.select().from(workerHealth)
  const first = workers.find(worker => worker.deliveryMode === 'STOPPED') ?? workers.find(worker => worker.deliveryMode === 'LIVE') ?? workers[0]
  return {
    deliveryMode: first?.deliveryMode ?? 'STOPPED',
    blockedBy: first ? first.blockedBy : 'no worker is registered',
    openDeadLetters: Math.max(0, ...workers.map(worker => worker.openDeadLetters)),
    healthy: workers.length > 0 && workers.every(worker => worker.healthy),
  }
}

export async function readOverview(db: Snapshot): Promise<Omit<Overview, 'asOf'>> {
  const workers = await db.select().from(workerHealth).orderBy(workerHealth.workerCode)
  const gates = await db.select().from(gate)
  const backlog = await db.select().from(eventBacklog).orderBy(sql`${eventBacklog.pending} desc`, eventBacklog.eventType).limit(8)
  const [composer] = await db.select({
    pending: sql<number>`coalesce(sum(${composerBacklog.pending}), 0)::int`,
    types: sql<number>`count(distinct ${composerBacklog.eventType})::int`,
    oldestAt: sql<string | null>`min(${composerBacklog.oldestAt})`.mapWith(composerBacklog.oldestAt),
  }).from(composerBacklog)
  const [routes] = await db.select({
    total: sql<number>`count(*)::int`,
    enabled: sql<number>`count(*) filter (where ${outboundRoute.enabled})::int`,
    dryRun: sql<number>`count(*) filter (where ${outboundRoute.dryRun})::int`,
  }).from(outboundRoute)
  return {
    workers: workers.map(worker => ({ ...worker, inert: inertBy(worker.blockedBy, gates) })), backlog,
    composerBacklog: { ...composer!, isExact: workers.every(worker => worker.backlogIsExact) },
    gates: gates.sort(byLadder),
    routes: routes ?? { total: 0, enabled: 0, dryRun: 0 },
    largest: await largestCollections(db),
    recent: await recentCollections(db),
    collections: await readCollectionsKept(db),
  }
}

const LADDER = ['iu_core.route_worker_enabled', 'iu_core.routes_master_enabled', 'iu_core.execution_enabled']

/** The gates that stop delivery first, in the order of the disable ladder; then the others by name. */
export function byLadder(a: Pick<Gate, 'gate'>, b: Pick<Gate, 'gate'>): number {
  const rank = (name: string) => (LADDER.indexOf(name) + LADDER.length + 1) % (LADDER.length + 1)
  return rank(a.gate) - rank(b.gate) || a.gate.localeCompare(b.gate)
}
