/**
 * A signal that comes with the first SIGINT or SIGTERM, or when the parent that opened an IPC channel
 * is gone. A second SIGINT ends the process at once.
 */
export function stopSignal(): AbortSignal {
  const controller = new AbortController()
  const stop = () => controller.abort()
  process.once('SIGINT', () => {
    stop()
    process.once('SIGINT', () => process.exit(130))
  })
  process.once('SIGTERM', stop)
  if (process.connected) {
    process.once('disconnect', stop)
    // Listening must not keep a process alive that is otherwise done.
    process.channel?.unref()
  }
  return controller.signal
}
