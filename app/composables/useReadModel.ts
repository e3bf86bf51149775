import type { Problem } from '~~/shared/problem'
import type { ReadModelName, ReadModels } from '~~/shared/read-models/registry'

/** What a page knows of one read model. */
export interface ReadModel<T> {
  /** the newest answer; stays while the next one is fetched, and when that fails */
  readonly data: T | undefined
  /** the newest answer, whether it is shown or waits to be asked for */
  readonly newest: T | undefined
  /** why there is no answer, or no newer one */
  readonly problem: Problem | undefined
  /** `data` answers an earlier query: the current one is under way */
  readonly busy: boolean
  /** A newer answer would move the rows that are shown: how many are new in it. It is shown when one asks for it. */
  readonly news?: number | undefined
  show?(): void
  refresh(): Promise<void>
}

type Query = Record<string, string | undefined>

/**
 * The only read path. Fetched on the server, refreshed with all others by the shell, and again when the
 * query changes. `identity` tells apart instances that show different objects. `rowsOf` names the rows of a list: where others come
 * by themselves, those that one looks at stay where they are.
 */
export function useReadModel<Name extends ReadModelName>(name: Name, query: MaybeRefOrGetter<Query> = {}, identity = '', rowsOf?: (answer: ReadModels[Name]) => unknown[]): Promise<ReadModel<ReadModels[Name]>> {
  const current = computed(() => toValue(query))
  const key = `${name}:${identity}`
  const event = useRequestEvent()
  const { track, untrack, isByItself, wanted } = useFreshness()
  const fetched = useFetch<ReadModels[Name]>(`/api/${name}`, { key, query: current, lazy: true, deep: false, dedupe: 'cancel', retry: 0 })
  interface Shown { query: string, answer: ReadModels[Name] }
  const shown = shallowRef<Shown>()
  const waiting = shallowRef<Shown>()
  const rows = (of: Shown | undefined) => of && rowsOf ? rowsOf(of.answer).map(String) : []

  watch(fetched.data, (answer) => {
    if (!answer) return
    const next = { query: JSON.stringify(current.value), answer: answer as ReadModels[Name] }
    const isWanted = wanted.value.includes(key)
    if (isWanted) wanted.value = wanted.value.filter(other => other !== key)
    const isMoved = isByItself.value && !isWanted && shown.value?.query === next.query && rows(shown.value).join('\n') !== rows(next).join('\n')
    waiting.value = isMoved ? next : undefined
    if (!isMoved) shown.value = next
    track(key, (answer as ReadModels[Name]).asOf)
  }, { immediate: true, flush: 'sync' })
  onScopeDispose(() => untrack(key))

  const isCurrent = () => shown.value?.query === JSON.stringify(current.value)
  const problem = () => fetched.error.value ? problemOf(fetched.error.value) : undefined
  const model: ReadModel<ReadModels[Name]> = {
    get data() { return problem() && !isCurrent() ? undefined : shown.value?.answer },
    get newest() { return (waiting.value ?? shown.value)?.answer },
    get problem() { return problem() },
    get busy() { return fetched.status.value === 'pending' && !isCurrent() },
    get news() { return waiting.value && rows(waiting.value).filter(row => !rows(shown.value).includes(row)).length },
    show() {
      shown.value = waiting.value ?? shown.value
      waiting.value = undefined
    },
    refresh: () => fetched.refresh(),
  }
  return Promise.resolve(fetched).then(() => {
    // The page itself answers with the status of what it could not read.
    if (event && model.problem) event.node.res.statusCode = model.problem.status
    return model
  })
}

/** The server's problem, or one of our own where the server itself does not answer. */
function problemOf(error: { data?: unknown, statusCode?: number }): Problem {
  const data = error.data as Problem | undefined
  if (data?.code) return data
  return { type: 'about:blank', title: 'The console\'s server does not answer', status: error.statusCode ?? 503, code: 'internal' }
}
