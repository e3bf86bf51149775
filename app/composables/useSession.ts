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
    /** To the door, which says why, and back here from there. */
    signInAgain: () => navigateTo({ path: '/sign-in', query: { next: route.fullPath, why: isUnverified.value ? 'applied' : 'ended' } }),
    /** Ends the session, here and in the database. */
    async signOut() {
      await $fetch('/api/session', { method: 'DELETE', retry: 0 }).catch(() => {})
      await navigateTo('/sign-in', { external: true })
    },
  }
}
