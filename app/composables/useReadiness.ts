import type { Receipt } from '~~/shared/commands/receipt'
import type { Problem } from '~~/shared/problem'
import type { CommandContractView } from '~~/shared/read-models/command-contract'

export interface Prerequisite {
  label: string
  state: 'met' | 'open' | 'missing'
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
  /** the first thing that is wanting */
  wanting?: string
}

/** What a command asks for before it is applied, and what of it is there. */
export function useReadiness(situation: () => Situation): ComputedRef<Readiness> {
  const { data: session } = useSession()
  const { commandState } = useSession()
  const { clock } = useFreshness()
  return computed(() => {
    const { contract, plan, problem, isStale, reason, confirm, expected } = situation()
    const isForbidden = commandState(contract.command)?.blocked?.code === 'forbidden'
    const isPlanned = plan !== undefined && !isStale && Date.parse(plan.expires_at ?? '') > clock.value
    const isOutdated = plan !== undefined && !isPlanned
    const items: Prerequisite[] = [
      { label: `Right ${contract.right}${session.value ? `: you have ${session.value.right}` : ''}`, state: isForbidden ? 'missing' : 'met' },
      ...contract.gates.map(({ gate, isOpen, state }) => ({ label: `Gate ${shortGate(gate)} ${isOpen ? 'is open' : `is ${state}`}`, state: isOpen ? 'met' as const : 'missing' as const, gate })),
    ]
    if (contract.tier > 1 || plan) items.push({ label: isOutdated ? 'The plan no longer holds' : isPlanned ? 'Planned' : 'A plan', state: isOutdated ? 'missing' : isPlanned ? 'met' : 'open' })
    if (contract.reasonRequired) items.push({ label: 'A reason', state: reason.trim() ? 'met' : 'open' })
    if (contract.confirm) {
      items.push({ label: 'The name typed once more', state: confirm === expected ? 'met' : 'open' })
      const isSecond = problem?.code !== 'second_person_required'
      items.push({ label: isSecond ? 'A second person: not who closed it' : 'A second person: you closed it yourself', state: !isSecond ? 'missing' : isPlanned ? 'met' : 'open' })
    }
    const wanting = items.find(({ state }) => state !== 'met')
    return { items, mayApply: wanting === undefined, wanting: wanting?.label }
  })
}
