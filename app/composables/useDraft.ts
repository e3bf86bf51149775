import type { Typed } from '~/utils/draft'

const SOON = 500

/** Keeps what is typed while it is not applied; where the browser has no room for it, it asks before the page is left. */
export function useDraft(typed: () => Typed | undefined): void {
  const { asked } = useCommandDialog()
  const { data: session } = useSession()
  const account = session.value?.account
  let isKept = true
  let timer: ReturnType<typeof setTimeout>

  function keep() {
    clearTimeout(timer)
    const now = typed()
    if (!now || !account || !asked.value) return
    isKept = keepDraft({ account, asked: { ...asked.value, typed: undefined }, typed: now })
    if (!isKept) forgetDraft()
  }
  function onLeave(event: BeforeUnloadEvent) {
    keep()
    if (!isKept && typed()) event.preventDefault()
  }
  watch(typed, (now) => {
    clearTimeout(timer)
    if (now) timer = setTimeout(keep, SOON)
    else forgetDraft()
  })
  onMounted(() => {
    window.addEventListener('beforeunload', onLeave)
    window.addEventListener('pagehide', keep)
  })
  onBeforeUnmount(() => {
    clearTimeout(timer)
    window.removeEventListener('beforeunload', onLeave)
    window.removeEventListener('pagehide', keep)
  })
}
