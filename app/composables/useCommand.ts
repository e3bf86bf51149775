import type { CommandMode, Receipt } from '~~/shared/commands/receipt'
import type { CommandRequest } from '~~/shared/commands/request'
import type { Problem } from '~~/shared/problem'

export interface Intention {
  params: Record<string, unknown>
  reason?: string
  confirm?: string
}

interface Options {
  /** the run that is undone: the parameters are its receipt's */
  run?: number
  /** names of the read models that a success makes old */
  refreshes: readonly string[]
  /** the server makes something new of the input each time, so that no plan can be quoted */
  hasSecrets?: boolean
}

/** What every success makes old. */
const ALWAYS = ['ledger', 'ledger/run', 'commands', 'commands/contract', 'session']

/** The only write path: one command, from its plan to its verification. */
export function useCommand(command: string, { run, refreshes, hasSecrets = false }: Options) {
  const busy = ref<CommandMode>()
  const plan = shallowRef<Receipt>()
  const done = shallowRef<Receipt>()
  const verified = shallowRef<Receipt>()
  const problem = shallowRef<Problem>()
  /** what the problem is of */
  const refused = ref<CommandMode>()
  const isStale = computed(() => problem.value?.code === 'stale_plan' && !problem.value.errors?.some(({ field }) => field !== 'plan_digest'))
  const nuxt = useNuxtApp()
  const { wanted } = useFreshness()
  const { door, signInAgain, isUnverified } = useSession()
  // Whoever is signed in again has read why it was refused.
  watch(door, (is) => {
    if (!is && problem.value?.status === 401) problem.value = undefined
  })
  /** names one intention: whoever sends it twice is told what happened the first time */
  let key = crypto.randomUUID()

  async function send(mode: CommandMode, body: CommandRequest, name = command): Promise<Receipt | undefined> {
    if (busy.value) return
    busy.value = mode
    // A plan that no longer holds does not until there is another.
    if (mode !== 'plan' || !isStale.value) problem.value = undefined
    try {
      const receipt = await $fetch<Receipt>(`/api/commands/${name}`, { method: 'POST', body, headers: { 'idempotency-key': key }, retry: 0 })
      problem.value = undefined
      return receipt
    }
    catch (error) {
      problem.value = problemOf(error, mode)
      refused.value = mode
      // Where nobody knows whether it happened, the same key asks again. What was refused did not happen.
      if (problem.value.status < 500 || problem.value.run !== undefined) key = crypto.randomUUID()
      if (problem.value.status === 401) signInAgain()
      else void renew(['ledger', 'session', 'commands/contract'])
    }
    finally {
      busy.value = undefined
    }
  }

  /** Fetches anew what is shown of these read models, for who waits for it. */
  function renew(models: readonly string[]): Promise<void> {
    const keys = Object.keys(nuxt.payload.data).filter(shown => models.includes(shown.slice(0, shown.indexOf(':'))))
    wanted.value = [...wanted.value, ...keys]
    return nuxt.runWithContext(() => refreshNuxtData(keys))
  }

  async function makePlan({ params }: Intention): Promise<void> {
    const answer = await send('plan', run === undefined ? { mode: 'plan', params } : { mode: 'plan', run })
    plan.value = answer ?? (isStale.value ? plan.value : undefined)
  }

  async function apply({ params, reason, confirm }: Intention): Promise<void> {
    const common = { reason: reason?.trim() || undefined, confirm: confirm || undefined, planDigest: hasSecrets ? undefined : plan.value?.plan_digest }
    const receipt = await send(run === undefined ? 'apply' : 'rollback', run === undefined ? { mode: 'apply', params, ...common } : { mode: 'rollback', run, ...common })
    if (!receipt) return
    done.value = receipt
    // It may have ended the very session that asks.
    isUnverified.value = true
    void renew([...ALWAYS, ...refreshes])
    await verify()
    isUnverified.value = false
  }

  /** Checks what was promised against what is there now. */
  async function verify(): Promise<void> {
    if (!done.value) return
    // What undid a run is a run of another command.
    verified.value = await send('verify', { mode: 'verify', run: done.value.run }, done.value.command)
    if (verified.value) void renew(['ledger', 'ledger/run'])
  }

  /** The input has changed: what was planned is of another one. */
  function forget(): void {
    plan.value = undefined
    problem.value = undefined
    key = crypto.randomUUID()
  }

  return { busy, plan, done, verified, problem, refused, isStale, makePlan, apply, verify, forget }
}

const MAYBE = 'Nobody knows whether it happened. Try again: it happens once at most.'
const UNANSWERED: Record<CommandMode, string> = { plan: 'Nothing was changed.', apply: MAYBE, rollback: MAYBE, verify: 'The command is applied; verify it again.' }

/** The server's problem, or one of our own where the server itself does not answer. */
function problemOf(error: unknown, mode: CommandMode): Problem {
  const { data, statusCode } = error as { data?: Problem, statusCode?: number }
  if (data?.code) return data
  return { type: 'about:blank', title: 'The console\'s server does not answer', status: statusCode ?? 503, code: 'internal', hint: UNANSWERED[mode] }
}
