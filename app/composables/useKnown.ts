import type { ComputedRef, InjectionKey } from 'vue'
import type { Problem } from '~~/shared/problem'
import type { Known } from '~/utils/known'

const KNOWN: InjectionKey<ComputedRef<Known>> = Symbol('known')

/** Tells everything below what is known of what it was given: the layout of the strip, each read of its own. */
export function provideKnown(model: () => { newest?: { asOf?: string }, problem?: Problem }): ComputedRef<Known> {
  const { clock } = useFreshness()
  const known = computed(() => knownAt(model(), clock.value))
  provide(KNOWN, known)
  return known
}

/** Whether a state may be told as what is so now. What it was read with has said so. */
export const useKnown = (): ComputedRef<Known> => inject(KNOWN, () => computed(() => ({ isKnown: true })), true)
