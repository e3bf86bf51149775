import { auditEvents } from '../db/functions/archive.ts'

const EVERY = 2_000

/** Counts what workers have routed, a little behind them and in small steps: never in a pass's way. */
export default defineNitroPlugin((nitro) => {
  if (import.meta.prerender) return
  let isBroken = false
  let isClosing = false
  let next: NodeJS.Timeout
  const round = async () => {
    try {
      await auditEvents(consolePool(), () => !isClosing)
      isBroken = false
    }
    catch (error) {
      // A database that is away is asked again and again: the first time is enough to say so.
      if (!isBroken) console.error('events are not being audited:', (error as Error).message)
      isBroken = true
    }
    if (!isClosing) next = setTimeout(round, EVERY).unref()
  }
  next = setTimeout(round, EVERY).unref()
  nitro.hooks.hook('close', () => {
    isClosing = true
    clearTimeout(next)
  })
})
