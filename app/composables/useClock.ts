/**
 * The database's time, second by second. It starts from the shell's answer, on the server too, so that
 * "3 min ago" reads the same in both; it runs on the browser's monotonic clock, however wrong its wall clock is.
 */
export function useClock(asOf: () => string | undefined) {
  const { clock } = useFreshness()
  let base = 0
  let at = 0
  function adopt(time: string | undefined) {
    if (!time) return
    base = Date.parse(time)
    at = performance.now()
  }
  adopt(asOf())
  if (import.meta.server && base) clock.value = base
  let timer: ReturnType<typeof setInterval>
  onMounted(() => {
    watch(asOf, adopt)
    timer = setInterval(() => {
      if (base) clock.value = base + performance.now() - at
    }, 1000)
  })
  onBeforeUnmount(() => clearInterval(timer))
}
