import type { AttemptStatus } from '~~/shared/read-models/attempts'
import type { LetterStatus } from '~~/shared/read-models/dead-letter'
import type { ReplayRow } from '~~/shared/read-models/replays'
import type { RoundTrip } from '~~/shared/read-models/collections'
import type { Conformance, DriftObject } from '~~/shared/read-models/conformance'
import type { Layer } from '~~/shared/read-models/layers'
import type { GateState } from '~~/shared/read-models/overview'
import type { Scenario } from '~~/shared/read-models/proof'
import type { RouteDecision } from '~~/shared/routing/decide'
import type { WorkerProcess } from '~~/shared/read-models/worker'

/** A state as icon, word and colour: never the colour alone. */
export interface Mark {
  icon: string
  label: string
  color: string
}

/** What was last read may be otherwise by now. */
export const UNKNOWN_MARK: Mark = { icon: 'i-lucide-circle-help', label: 'unknown', color: 'text-warning' }

export const ATTEMPT_MARKS: Record<AttemptStatus, Mark> = {
  dry_run: { icon: 'i-lucide-circle-dashed', label: 'dry run', color: 'text-primary' },
  sent: { icon: 'i-lucide-circle-check', label: 'sent', color: 'text-success' },
  failed: { icon: 'i-lucide-circle-x', label: 'failed', color: 'text-error' },
  skipped: { icon: 'i-lucide-circle-slash', label: 'skipped', color: 'text-muted' },
}

/** What the worker would decide; `live` is not an outcome yet. */
export const DECISION_MARKS: Record<RouteDecision['decision'], Mark> = {
  dry_run: ATTEMPT_MARKS.dry_run,
  failed: ATTEMPT_MARKS.failed,
  skipped: ATTEMPT_MARKS.skipped,
  live: { icon: 'i-lucide-radio', label: 'live', color: 'text-warning' },
}

export const LETTER_MARKS: Record<LetterStatus, Mark> = {
  open: { icon: 'i-lucide-inbox', label: 'open', color: 'text-error' },
  replayed: { icon: 'i-lucide-circle-check', label: 'replayed', color: 'text-success' },
  rerouted: { icon: 'i-lucide-split', label: 'rerouted', color: 'text-success' },
  corrected: { icon: 'i-lucide-pencil', label: 'corrected', color: 'text-success' },
  discarded: { icon: 'i-lucide-trash-2', label: 'discarded', color: 'text-muted' },
}

export const REPLAY_MARKS: Record<ReplayRow['status'] | 'waiting', Mark> = {
  running: { icon: 'i-lucide-rotate-cw', label: 'running', color: 'text-primary' },
  waiting: { icon: 'i-lucide-lock', label: 'waits for a gate', color: 'text-warning' },
  stopped: { icon: 'i-lucide-circle-pause', label: 'stopped', color: 'text-warning' },
  done: { icon: 'i-lucide-circle-check', label: 'done', color: 'text-success' },
}

export const ROUND_TRIP_MARKS: Record<RoundTrip, Mark> = {
  identical: { icon: 'i-lucide-badge-check', label: 'identical', color: 'text-success' },
  edited: { icon: 'i-lucide-pencil', label: 'edited since import', color: 'text-muted' },
  differs: { icon: 'i-lucide-file-diff', label: 'differs', color: 'text-error' },
  stale: { icon: 'i-lucide-history', label: 'stale', color: 'text-warning' },
  no_source: { icon: 'i-lucide-circle-minus', label: 'no source', color: 'text-muted' },
}

export const GATE_MARKS: Record<GateState, Mark> = {
  open: { icon: 'i-lucide-lock-open', label: 'open', color: 'text-success' },
  closed: { icon: 'i-lucide-lock', label: 'closed', color: 'text-muted' },
  expired: { icon: 'i-lucide-timer-off', label: 'expired: closed', color: 'text-warning' },
  malformed: { icon: 'i-lucide-triangle-alert', label: 'malformed: closed', color: 'text-error' },
  missing: { icon: 'i-lucide-circle-help', label: 'missing: closed', color: 'text-error' },
}

export const SCENARIO_MARKS: Record<Scenario['status'], Mark> = {
  passed: { icon: 'i-lucide-circle-check', label: 'passed', color: 'text-success' },
  failed: { icon: 'i-lucide-circle-x', label: 'failed', color: 'text-error' },
  not_run: { icon: 'i-lucide-circle-dashed', label: 'not run', color: 'text-warning' },
}

export const PIECE_ICONS: Record<string, string> = {
  heading: 'i-lucide-heading',
  paragraph: 'i-lucide-pilcrow',
  list: 'i-lucide-list',
  code: 'i-lucide-code',
  quote: 'i-lucide-text-quote',
  table: 'i-lucide-table',
  html: 'i-lucide-code-xml',
  front_matter: 'i-lucide-file-sliders',
  thematic_break: 'i-lucide-minus',
  definition: 'i-lucide-link',
  text: 'i-lucide-type',
}

/** How a process's last pass ended. */
export const PROCESS_MARKS: Record<WorkerProcess['status'] | 'stale' | 'faulty', Mark> = {
  routed: { icon: 'i-lucide-activity', label: 'routing', color: 'text-success' },
  idle: { icon: 'i-lucide-circle-check', label: 'idle', color: 'text-success' },
  busy: { icon: 'i-lucide-users', label: 'another is routing', color: 'text-success' },
  worker_gate_closed: { icon: 'i-lucide-lock', label: 'worker gate closed', color: 'text-warning' },
  master_gate_closed: { icon: 'i-lucide-lock', label: 'master gate closed', color: 'text-warning' },
  stale: { icon: 'i-lucide-circle-slash', label: 'silent', color: 'text-error' },
  faulty: { icon: 'i-lucide-triangle-alert', label: 'tries again', color: 'text-warning' },
}

export const LAYER_MARKS: Record<Layer['state'], Mark> = {
  in_step: { icon: 'i-lucide-circle-check', label: 'in step', color: 'text-success' },
  behind: { icon: 'i-lucide-history', label: 'behind', color: 'text-warning' },
  not_connected: { icon: 'i-lucide-unplug', label: 'not connected', color: 'text-muted' },
  unknown: { icon: 'i-lucide-circle-help', label: 'unknown', color: 'text-warning' },
}

/** What a comparison with what was deployed came to. */
export const CONFORMANCE_MARKS: Record<Conformance['state'], Mark> = {
  matches: { icon: 'i-lucide-shield-check', label: 'as deployed', color: 'text-success' },
  accepted: { icon: 'i-lucide-shield-alert', label: 'accepted', color: 'text-warning' },
  drift: { icon: 'i-lucide-octagon-x', label: 'drift', color: 'text-error' },
  unknown: { icon: 'i-lucide-circle-help', label: 'unknown', color: 'text-warning' },
}

/** How an object stands against what was deployed. */
export const DRIFT_MARKS: Record<DriftObject['state'] | 'ok', Mark> = {
  ok: { icon: 'i-lucide-circle-check', label: 'ok', color: 'text-success' },
  missing: { icon: 'i-lucide-circle-minus', label: 'missing', color: 'text-error' },
  unexpected: { icon: 'i-lucide-circle-plus', label: 'unexpected', color: 'text-error' },
  changed: { icon: 'i-lucide-file-diff', label: 'changed', color: 'text-error' },
  unknown: { icon: 'i-lucide-circle-help', label: 'unknown', color: 'text-warning' },
}
