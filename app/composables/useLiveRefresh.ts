const EVERY = 10_000

/** Refreshes every read model of the page, every ten seconds while somebody can see it. Once, in the shell. */
export function useLiveRefresh() {
  const { isPaused, isByItself } = useFreshness()
  const { door } = useSession()
  const isRefreshing = ref(false)
  let last = Date.now()
  let isWanted = false

  /** Asked for while one is under way, it follows: that one may have read before what one wants to see. */
  async function refresh(byItself = false) {
    isWanted = true
    isByItself.value = byItself
    if (isRefreshing.value) return
    isRefreshing.value = true
    try {
      while (isWanted) {
        isWanted = false
        // Whose session has ended may read nothing else. They may have signed in elsewhere.
        await refreshNuxtData(door.value ? ['session:'] : undefined)
      }
    }
    finally {
      isRefreshing.value = false
      isByItself.value = false
      last = Date.now()
    }
  }

  function onTick() {
    if (isPaused.value || isRefreshing.value || document.hidden || Date.now() - last < EVERY) return
    refresh(true)
  }

  let timer: ReturnType<typeof setInterval>
  onMounted(() => {
    timer = setInterval(onTick, 1000)
    // Back from another tab: what is old is fetched at once.
    document.addEventListener('visibilitychange', onTick)
  })
  onBeforeUnmount(() => {
    clearInterval(timer)
    document.removeEventListener('visibilitychange', onTick)
  })
  return { refresh: () => refresh(), isRefreshing, isPaused }
}
