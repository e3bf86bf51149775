/** Longest wait for requests under way. */
const GRACE = 3_000

/** Stops promptly and cleanly: on a signal, and when the process that started this one is gone. */
export default defineNitroPlugin((nitro) => {
  let stopping = false
  const stop = (code: number) => {
    if (stopping) return
    stopping = true
    setTimeout(() => process.exit(code), GRACE).unref()
    nitro.hooks.callHook('close').then(() => process.exit(code), () => process.exit(1))
  }
  nitro.hooks.hook('close', closePools)
  if (import.meta.dev || import.meta.prerender) return
  process.once('SIGTERM', () => stop(0))
  process.once('SIGINT', () => stop(0))
  process.once('SIGHUP', () => stop(0))
  if (process.connected) process.once('disconnect', () => stop(0))
})
