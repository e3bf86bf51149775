import type { Json } from './json.ts'
import { payloadProblems } from './payload-problems.ts'

/** An event type as registered. */
export interface KnownType { eventType: string, deliveryLane: 'immediate' | 'delayed', isSystem: boolean, payloadSchema: Json, payloadFault: string | null }
export interface KnownRoute { routeId: number, routeCode: string, eventType: string, enabled: boolean, dryRun: boolean }
/** All that a decision depends on, beside the event. */
export interface RoutingWorld { types: readonly KnownType[], routes: readonly KnownRoute[], masterGateOpen: boolean, workerGateOpen: boolean }

/** What becomes of the event on one route; route 0 stands for no route. */
export interface RouteDecision {
  routeId: number
  routeCode: string | null
  decision: 'dry_run' | 'live' | 'failed' | 'skipped'
  code: 'payload_schema' | 'cannot_be_judged' | 'unknown_event_type' | 'no_route' | 'route_disabled' | null
  detail: string | null
}

export interface Decision {
  /** what `fn_iu_emit_event` would do: write it on a lane, or refuse it */
  emitted: { status: 'written' | 'held', lane: 'immediate' | 'delayed' | 'held' } | { status: 'refused', code: 'unknown_event_type' | 'reserved_event_type' }
  /** what the worker would do with it now: nothing with a held one, and with none while a gate is closed */
  routing: 'routed' | 'waits' | 'held' | 'none'
  /** what the worker decides, once it sees it */
  routes: RouteDecision[]
  /** the ways in which the payload breaks its schema */
  problems: string[]
  /** what only the database can tell: patterns of its own dialect. Where they are met, `routes` holds */
  unsure: string[]
}

/**
 * Which routes an event would hit, and what would happen: the mirror of `fn_iu_emit_event` and
 * `v_iu_route_decision`, for looking and never for deciding. Tests hold it against both.
 */
export function decide(eventType: string, payload: Json, world: RoutingWorld): Decision {
  const type = world.types.find(known => known.eventType === eventType)
  const { problems, unsure } = type && !type.payloadFault ? payloadProblems(payload, type.payloadSchema) : { problems: [], unsure: [] }
  const fault = !type
    ? { code: 'unknown_event_type', detail: 'the type is not registered' } as const
    : type.payloadFault ? { code: 'cannot_be_judged', detail: type.payloadFault } as const : problems.length ? { code: 'payload_schema', detail: problems.join('; ') } as const : undefined
  const routes = world.routes.filter(route => route.eventType === eventType).sort((a, b) => a.routeId - b.routeId)
    .map((route): RouteDecision => ({ routeId: route.routeId, routeCode: route.routeCode, ...onRoute(route, fault) }))
  const emitted = emission(type, world.masterGateOpen)
  return {
    emitted, problems, unsure,
    routing: emitted.status === 'refused' ? 'none' : emitted.status === 'held' ? 'held' : world.workerGateOpen ? 'routed' : 'waits',
    routes: routes.length ? routes : [{ routeId: 0, routeCode: null, ...(fault ? { decision: 'failed', ...fault } : { decision: 'skipped', code: 'no_route', detail: null }) }],
  }
}

type Fault = Pick<RouteDecision, 'code' | 'detail'>

/** A disabled route comes first: its skip says nothing of the payload. */
function onRoute({ enabled, dryRun }: KnownRoute, fault: Fault | undefined): Pick<RouteDecision, 'decision' | 'code' | 'detail'> {
  if (!enabled) return { decision: 'skipped', code: 'route_disabled', detail: null }
  if (fault) return { decision: 'failed', ...fault }
  return { decision: dryRun ? 'dry_run' : 'live', code: null, detail: null }
}

function emission(type: KnownType | undefined, masterGateOpen: boolean): Decision['emitted'] {
  if (!type) return { status: 'refused', code: 'unknown_event_type' }
  if (type.isSystem) return { status: 'refused', code: 'reserved_event_type' }
  return masterGateOpen ? { status: 'written', lane: type.deliveryLane } : { status: 'held', lane: 'held' }
}
