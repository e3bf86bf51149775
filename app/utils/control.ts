import type { Gates, Rung } from '~~/shared/read-models/gates'
import type { RunRow } from '~~/shared/read-models/ledger'
import type { CommandState } from '~~/shared/read-models/session'
import { GATE_MARKS, type Mark } from './marks'

/** What became of a run. */
export const RUN_MARKS: Record<RunRow['status'], Mark> = {
  planned: { icon: 'i-lucide-clipboard-list', label: 'planned', color: 'text-muted' },
  succeeded: { icon: 'i-lucide-circle-check', label: 'succeeded', color: 'text-success' },
  verified: { icon: 'i-lucide-badge-check', label: 'verified', color: 'text-success' },
  unverified: { icon: 'i-lucide-triangle-alert', label: 'unverified', color: 'text-error' },
  refused: { icon: 'i-lucide-circle-slash', label: 'refused', color: 'text-warning' },
  failed: { icon: 'i-lucide-circle-x', label: 'failed', color: 'text-error' },
}

/** What came of a run: its status says no more than that it was carried out. */
export const outcomeName = ({ status, outcome }: { status: string, outcome?: string | null }): string => outcome && status !== 'planned' ? words(outcome) : status
export const runMark = (run: Pick<RunRow, 'status' | 'outcome'>): Mark =>
  run.outcome && run.status === 'succeeded' ? { icon: 'i-lucide-triangle-alert', label: outcomeName(run), color: 'text-warning' } : RUN_MARKS[run.status]

const MODE_NAMES: Record<RunRow['mode'], string> = { plan: 'plan', apply: 'apply', verify: 'verify', rollback: 'undo' }
export const modeName = (mode: RunRow['mode']): string => MODE_NAMES[mode]

/** Whether a run changed anything, so that it can be verified and undone. */
export const hasActed = (run: Pick<RunRow, 'mode' | 'status'>): boolean => run.status === 'succeeded' && run.mode !== 'plan' && run.mode !== 'verify'

export const RUNG_MARKS: Record<Rung['state'], Mark> = {
  ...GATE_MARKS,
  missing: { icon: 'i-lucide-circle-help', label: 'missing row = CLOSED', color: 'text-error' },
  partly: { icon: 'i-lucide-circle-dot-dashed', label: 'partly off', color: 'text-warning' },
}

export const DELIVERY_MARKS: Record<Gates['deliveryMode'], Mark & { text: string }> = {
  'DRY RUN': { icon: 'i-lucide-circle-dashed', label: 'DRY RUN', color: 'text-primary', text: 'Every event is decided and logged; nothing is delivered outside.' },
  'LIVE': { icon: 'i-lucide-radio', label: 'LIVE', color: 'text-warning', text: 'Events are delivered outside.' },
  'STOPPED': { icon: 'i-lucide-octagon-x', label: 'STOPPED', color: 'text-error', text: 'No event is routed.' },
}

/** How much a command asks for before it does anything. */
export const TIERS: Record<number, string> = {
  1: 'a click; a plan is offered',
  2: 'a plan and a reason',
  3: 'a plan, a reason and the name typed once more; to open a gate, a second person as well',
}

export function readyMark(state: CommandState | undefined): Mark {
  if (!state) return { icon: 'i-lucide-minus', label: 'unknown', color: 'text-muted' }
  if (!state.blocked) return { icon: 'i-lucide-circle-check', label: 'ready', color: 'text-success' }
  return state.blocked.code === 'forbidden'
    ? { icon: 'i-lucide-user-lock', label: 'not your right', color: 'text-muted' }
    : { icon: 'i-lucide-lock', label: 'gate closed', color: 'text-warning' }
}

/** Whether it was this account that closed a gate: who did does not open it. */
export const hasClosed = (account: string | undefined, gate: { state: string, changedBy: string | null }): boolean => gate.state === 'closed' && gate.changedBy !== null && gate.changedBy === account
export const CLOSED_IT = 'You closed it: another approver opens it.'

/** The name without what all of them begin with. */
export const shortGate = (gate: string): string => gate.replace(/^iu_core\./, '')
export const gatePath = (gate: string) => ({ path: '/gates', hash: `#${gate}` })
export const runPath = (run: number): string => `/ledger/${run}`
export const commandPath = (code: string): string => `/commands/${code}`

export function formatMs(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`
}
