import type { Problem } from '~~/shared/problem'
import type { CommandContractView } from '~~/shared/read-models/command-contract'
import type { FieldErrors, JsonSchema, Params, Values } from '~/utils/command-form'

interface Given {
  contract: CommandContractView
  /** parameters that are not asked for */
  known: Params
  draft: Params
  /** an undo takes its parameters from the receipt */
  isUndo: boolean
}

/** What is typed into a command's window, and what is wrong with it. */
export function useCommandInput({ contract, known, draft, isUndo }: Given, problem: () => Problem | undefined) {
  const { data: session } = useSession()
  const fields = isUndo ? [] : fieldsOf(contract.command, contract.schema as JsonSchema, known, session.value?.account)
  const values = ref<Values>(valuesOf(fields, draft))
  const initial = JSON.stringify(values.value)
  const reason = ref('')
  const confirm = ref('')
  const typed = ref<FieldErrors>({})
  const params = computed<Params>(() => ({ ...known, ...paramsOf(fields, values.value).params }))
  /** the name that is typed once more */
  const expected = computed(() => String(params.value[contract.confirm ?? ''] ?? ''))
  const controls = ['reason', 'confirm', ...fields.map(({ name }) => name)]
  watch([values, reason, confirm], () => { typed.value = {} })

  return {
    fields, values, reason, confirm, params, expected,
    isTouched: computed(() => reason.value !== '' || confirm.value !== '' || JSON.stringify(values.value) !== initial),
    errors: computed<FieldErrors>(() => ({ ...withHint(errorsOf(problem()?.errors, fields), problem()?.errors?.length === 1 ? problem()?.hint : undefined), ...typed.value })),
    /** what no control tells */
    untold: computed(() => (problem()?.errors ?? []).filter(({ field }) => !controls.includes(controlOf(field, fields)))),
    /** a new text beside the present one */
    text: computed(() => typeof draft.body === 'string' && typeof params.value.body === 'string' ? { before: draft.body, after: params.value.body } : undefined),
    /** The input, where it can be sent. */
    intention() {
      const { errors } = paramsOf(fields, values.value)
      typed.value = errors
      return Object.keys(errors).length ? undefined : { params: params.value, reason: reason.value, confirm: confirm.value }
    },
    /** Says what is still wanting before it can be applied. */
    complain() {
      if (contract.reasonRequired && !reason.value.trim()) typed.value = { reason: 'Say why.' }
      else if (contract.confirm && confirm.value !== expected.value) typed.value = { confirm: 'This is not the name.' }
    },
  }
}
