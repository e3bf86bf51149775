import { auditEvents } from '../db/functions/archive.ts'

const EVERY = 2_000

/** Counts what workers have routed, a little behind them and in small steps: never in a pass's way. */
export default defineNitroPlugin((nitro) => {
  if (import.meta.prerender) return
  const standstill = useStandstill('events are not being audited')
  let isClosing = false
  let next: NodeJS.Timeout
  const round = async () => {
    try {
      await auditEvents(consolePool(), () => !isClosing)
      standstill.over()
    }
    catch (error) {
      standstill.met(error as Error)
    }
    if (!isClosing) next = setTimeout(round, EVERY).unref()
  }
  next = setTimeout(round, EVERY).unref()
  nitro.hooks.hook('close', () => {
    isClosing = true
    clearTimeout(next)
  })
})
