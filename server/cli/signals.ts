import { outputGone } from './output.ts'

/** A second Ctrl-C so soon is the first one once more: npx passes on what the terminal has sent to all. */
const SAME_PRESS_MS = 1000

/**
 * A signal that comes with the first SIGINT, SIGTERM or SIGHUP, when nobody reads what is written any more, or when the
 * parent that opened an IPC channel is gone. A second SIGINT ends the process at once.
 */
export function stopSignal(): AbortSignal {
  const controller = new AbortController()
  const stop = () => controller.abort()
  let pressedAt: number | undefined
  process.on('SIGINT', () => {
    if (pressedAt !== undefined && performance.now() - pressedAt > SAME_PRESS_MS) process.exit(130)
    pressedAt ??= performance.now()
    stop()
  })
  // Not once: a terminal that is closed may say so more than once, and stopping takes its time.
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
  outputGone.addEventListener('abort', stop)
  if (process.connected) {
    process.once('disconnect', stop)
    // Listening must not keep a process alive that is otherwise done.
    process.channel?.unref()
  }
  return controller.signal
}
