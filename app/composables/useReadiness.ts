import type { Receipt } from '~~/shared/commands/receipt'
import type { Problem } from '~~/shared/problem'
import type { CommandContractView } from '~~/shared/read-models/command-contract'

export interface Prerequisite {
  label: string
  state: 'met' | 'open' | 'missing'
  /** what is asked for while it is not met */
  wanting: string
  /** the gate, where it is one */
  gate?: string
}

interface Situation {
  contract: CommandContractView
  plan: Receipt | undefined
  problem: Problem | undefined
  isStale: boolean
  reason: string
  confirm: string
  expected: string
}

export interface Readiness {
  items: Prerequisite[]
  mayApply: boolean
  /** there is none yet, or it holds no longer */
  needsPlan: boolean
  /** the first thing that is wanting */
  wanting?: string
}

/** What a command asks for before it is applied, and what of it is there. */
export function useReadiness(situation: () => Situation): ComputedRef<Readiness> {
  const { data: session, commandState } = useSession()
  const { clock } = useFreshness()
  const known = useKnown()
  return computed(() => {
    const { contract, plan, problem, isStale, reason, confirm, expected } = situation()
    const isForbidden = commandState(contract.command)?.blocked?.code === 'forbidden'
    const isPlanned = plan !== undefined && !isStale && Date.parse(plan.expires_at ?? '') > clock.value
    const isOutdated = plan !== undefined && !isPlanned
    const items: Prerequisite[] = [
      { label: `Right ${contract.right}${session.value ? `: you have ${session.value.right}` : ''}`, state: isForbidden ? 'missing' : 'met', wanting: `the right ${contract.right}` },
      ...contract.gates.map(({ gate, isOpen, state }) => ({ label: `Gate ${shortGate(gate)} ${known.value.isKnown ? `is ${isOpen ? 'open' : state}` : `is unknown, ${lastKnown(state, known.value)}`}`, state: isOpen ? 'met' as const : 'missing' as const, wanting: `gate ${shortGate(gate)}, which is ${state}`, gate })),
    ]
    if (contract.tier > 1 || plan) items.push({ label: isOutdated ? 'The plan no longer holds' : isPlanned ? 'Planned' : 'A plan', state: isOutdated ? 'missing' : isPlanned ? 'met' : 'open', wanting: isOutdated ? 'a new plan' : 'a plan' })
    if (contract.reasonRequired) items.push({ label: 'A reason', state: reason.trim() ? 'met' : 'open', wanting: 'a reason' })
    if (contract.confirm) {
      items.push({ label: 'The name typed once more', state: confirm === expected ? 'met' : 'open', wanting: 'the name typed once more' })
      const isSecond = problem?.code !== 'second_person_required'
      items.push({ label: isSecond ? 'A second person: not who closed it' : 'A second person: you closed it yourself', state: !isSecond ? 'missing' : isPlanned ? 'met' : 'open', wanting: 'a second person' })
    }
    const first = items.find(({ state }) => state !== 'met')
    return { items, mayApply: first === undefined, needsPlan: isOutdated || (contract.tier > 1 && !plan), wanting: first?.wanting }
  })
}
