import type { HistoryState } from '../db/functions/ledger.ts'
import type { planDeploy, planRollback } from '../deploy/index.ts'
import { stakeText } from '../deploy/index.ts'
import { count, printable } from './report.ts'

type DeployPlan = Awaited<ReturnType<typeof planDeploy>>
type RollbackPlan = Awaited<ReturnType<typeof planRollback>>
type Changes = DeployPlan['units'][number]['changes']

const SIGN = { made: '+', changed: '~', dropped: '-' } as const
const PROBED = { passed: '✓', failed: '✗', not_run: '–' } as const

const changeLines = (changes: Changes): string[] => changes.map(({ change, class: kind, identity }) => `  ${SIGN[change]} ${kind} ${printable(identity)}`)

/** Whether a deploy as tried would end well. A scenario that found somebody in its way tells nothing. */
export const holds = ({ probe }: DeployPlan): boolean => probe.every(({ status }) => status !== 'failed')

/** What a deploy would do, for a person. */
export function deployPlanLines(plan: DeployPlan): string[] {
  if (!plan.units.length) return ['nothing to be deployed']
  return [
    ...plan.units.flatMap(({ tag, kind, changes }) => [`✓ ${tag} (${kind}): ${count(changes.length, 'object')}`, ...changeLines(changes)]),
    ...plan.probe.map(({ scenario, name, status, detail }) => `${PROBED[status]} ${scenario}: ${name}${detail ? `: ${printable(detail)}` : ''}`),
    `${count(plan.units.length, 'unit')} and their verifies were executed${plan.probe.length ? ' and probed' : ''}, and all of it was taken back`,
  ]
}

/** What a rollback would do, or why it would be refused, for a person. */
export function rollbackPlanLines({ units, destroys, refusal }: RollbackPlan): string[] {
  if (!units.length && !refusal) return ['nothing to be rolled back']
  return [
    ...units.flatMap(({ tag, changes }) => [`${destroys.some(stake => stake.tag === tag) ? '✗' : '✓'} ${tag}: ${count(changes.length, 'object')}`, ...changeLines(changes)]),
    ...refusal ? [`✗ ${printable(refusal.message)}${refusal.hint ? `: ${refusal.hint}` : ''}`] : [],
    ...destroys.length ? [`it would destroy ${stakeText(destroys)}`] : [],
    destroys.length || refusal ? 'the rollback would be refused; nothing was changed' : `${count(units.length, 'unit')} would be undone; nothing was changed`,
  ]
}

/** What recounting the history came to, in a line. */
export const historyLine = ({ ok, sealed, blocks, unsealed }: HistoryState): string =>
  `${ok ? '✓' : '✗'} history: ${count(sealed, 'row')} in ${count(blocks, 'block')}${ok ? ', each as it was sealed' : ''}${unsealed ? `; ${count(unsealed, 'writing')} not sealed yet` : ''}`
