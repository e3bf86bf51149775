import { trimmedId } from '~~/shared/visible'
import type { Problem } from '~~/shared/problem'
import type { CommandContractView } from '~~/shared/read-models/command-contract'
import type { Typed } from '~/utils/draft'
import type { FieldErrors, JsonSchema, Params, Values } from '~/utils/command-form'

interface Given {
  contract: CommandContractView
  /** parameters that are not asked for */
  known: Params
  draft: Params
  /** what was typed before the page was loaded anew */
  typed?: Typed
  /** an undo takes its parameters from the receipt */
  isUndo: boolean
}

/** What is typed into a command's window, and what is wrong with it. */
export function useCommandInput({ contract, known, draft, typed: before, isUndo }: Given, problem: () => Problem | undefined) {
  const { data: session } = useSession()
  const fields = isUndo ? [] : fieldsOf(contract.command, contract.schema as JsonSchema, known, session.value?.account)
  const first = valuesOf(fields, draft)
  const initial = JSON.stringify(first)
  const values = ref<Values>({ ...first, ...before?.values })
  const reason = ref(before?.reason ?? '')
  const typedName = ref('')
  const confirm = computed({ get: () => typedName.value, set: (name) => { typedName.value = trimmedId(name) } })
  const typed = ref<FieldErrors>({})
  const params = computed<Params>(() => ({ ...known, ...paramsOf(fields, values.value).params }))
  /** the name that is typed once more */
  const expected = computed(() => String(params.value[contract.confirm ?? ''] ?? ''))
  const controls = ['reason', 'confirm', ...fields.map(({ name }) => name)]
  watch([values, reason, confirm], () => { typed.value = {} })

  const isTouched = computed(() => reason.value !== '' || confirm.value !== '' || JSON.stringify(values.value) !== initial)
  const secrets = new Set(fields.filter(({ kind }) => kind === 'password').map(({ name }) => name))

  return {
    fields, values, reason, confirm, params, expected,
    isTouched,
    /** what may be kept of it: no password, and no name typed once more */
    typed: (): Typed | undefined => isTouched.value ? { reason: reason.value, values: Object.fromEntries(Object.entries(values.value).filter(([name]) => !secrets.has(name))) } : undefined,
    /** Begins anew. */
    reset() {
      values.value = first
      reason.value = ''
    },
    errors: computed<FieldErrors>(() => ({ ...withHint(errorsOf(problem()?.errors, fields), problem()?.errors?.length === 1 ? problem()?.hint : undefined), ...typed.value })),
    /** what no control tells */
    untold: computed(() => (problem()?.errors ?? []).filter(({ field }) => !controls.includes(controlOf(field, fields)))),
    /** a new text beside the present one */
    text: computed(() => typeof draft.body === 'string' && typeof params.value.body === 'string' ? { before: draft.body, after: params.value.body } : undefined),
    /** Takes over what a control tells; each builds on the one before. */
    change(changes: Values) {
      values.value = { ...values.value, ...changes }
    },
    /** The input, where it can be sent. */
    intention() {
      const { errors } = paramsOf(fields, values.value)
      typed.value = errors
      return Object.keys(errors).length ? undefined : { params: params.value, reason: reason.value, confirm: confirm.value }
    },
    /** Says what is still wanting before it can be applied. */
    complain(isReasonRequired: boolean) {
      if (isReasonRequired && !reason.value.trim()) typed.value = { reason: 'Say why.' }
      else if (contract.confirm && confirm.value !== expected.value) typed.value = { confirm: 'This is not the name.' }
    },
  }
}
