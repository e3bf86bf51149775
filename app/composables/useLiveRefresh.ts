const EVERY = 10_000

/** Refreshes every read model of the page, every ten seconds while somebody can see it. Once, in the shell. */
export function useLiveRefresh() {
  const { isPaused } = useFreshness()
  const isRefreshing = ref(false)
  let last = Date.now()
  let isWanted = false

  /** Asked for while one is under way, it follows: that one may have read before what one wants to see. */
  async function refresh() {
    isWanted = true
    if (isRefreshing.value) return
    isRefreshing.value = true
    try {
      while (isWanted) {
        isWanted = false
        await refreshNuxtData()
      }
    }
    finally {
      isRefreshing.value = false
      last = Date.now()
    }
  }

  function onTick() {
    if (isPaused.value || isRefreshing.value || document.hidden || Date.now() - last < EVERY) return
    refresh()
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
  return { refresh, isRefreshing, isPaused }
}
