import type { Receipt } from '~~/shared/commands/receipt'
import type { CommandState, Session } from '~~/shared/read-models/session'

/** Who is signed in and what each command's button says, as the layout last read it. */
export function useSession() {
  const { data } = useNuxtData<Session>('session:')
  /** The session has ended: why one is asked to sign in, and whether the window for it is open. */
  const door = useState<{ why: 'ended' | 'applied', isOpen: boolean } | undefined>('door')
  /** A command has been applied, and nobody has said yet what came of it. */
  const isUnverified = useState('unverified', () => false)
  return {
    isUnverified,
    door,
    data: computed(() => data.value ?? undefined),
    /** by its code */
    commandState: (code: string): CommandState | undefined => data.value?.commands[code],
    /** Why who reads this does not undo it, where something would. */
    noUndo({ actor, command, inverse }: Receipt): NonNullable<CommandState['blocked']> | undefined {
      const isOwnClosing = command === 'dot_iu_close_gate' && inverse?.command === 'dot_iu_open_gate' && actor === data.value?.account
      return (inverse && data.value?.commands[inverse.command]?.blocked) ?? (isOwnClosing ? { code: 'forbidden', gate: null, why: CLOSED_IT } : undefined)
    },
    /** Opens the door over the page: what is on it, and what was typed, stays. Who was told that a command was applied is told so until they are in again, whatever else finds the session ended. */
    signInAgain() {
      door.value = { why: isUnverified.value || door.value?.why === 'applied' ? 'applied' : 'ended', isOpen: true }
    },
    /** Ends the session, here and in the database. */
    async signOut() {
      await $fetch('/api/session', { method: 'DELETE', retry: 0 }).catch(() => {})
      forgetDraft()
      await navigateTo('/sign-in', { external: true })
    },
  }
}
