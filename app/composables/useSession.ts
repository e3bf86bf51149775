import type { Receipt } from '~~/shared/commands/receipt'
import type { CommandState, Session } from '~~/shared/read-models/session'

/** Who is signed in and what each command's button says, as the layout last read it. */
export function useSession() {
  const { data } = useNuxtData<Session>('session:')
  const route = useRoute()
  /** A command has been applied, and nobody has said yet what came of it. */
  const isUnverified = useState('unverified', () => false)
  return {
    isUnverified,
    data: computed(() => data.value ?? undefined),
    /** by its code */
    commandState: (code: string): CommandState | undefined => data.value?.commands[code],
    /** Why who reads this does not undo it, where something would. */
    noUndo({ actor, command, inverse }: Receipt): NonNullable<CommandState['blocked']> | undefined {
      const isOwnClosing = command === 'dot_iu_close_gate' && inverse?.command === 'dot_iu_open_gate' && actor === data.value?.account
      return (inverse && data.value?.commands[inverse.command]?.blocked) ?? (isOwnClosing ? { code: 'forbidden', gate: null, why: CLOSED_IT } : undefined)
    },
    /** To the door, which says why, and back here from there. */
    signInAgain: () => navigateTo({ path: '/sign-in', query: { next: route.fullPath, why: isUnverified.value ? 'applied' : 'ended' } }),
    /** Ends the session, here and in the database. */
    async signOut() {
      await $fetch('/api/session', { method: 'DELETE', retry: 0 }).catch(() => {})
      await navigateTo('/sign-in', { external: true })
    },
  }
}
