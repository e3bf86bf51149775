import { stepReplay } from '../db/functions/replay.ts'
import { runReplays } from '../worker/replay.ts'

/** How often it looks whether a replay was started. */
const EVERY = 1_000
/** A batch is short: a Stop waits for it. */
const BATCH = 500

/** Carries out the replays that operators started; where several consoles run, they take turns. */
export default defineNitroPlugin((nitro) => {
  if (import.meta.prerender) return
  const stop = new AbortController()
  let isBroken = false
  const running = runReplays({
    signal: stop.signal, until: 'forever', pollMs: EVERY,
    step: async () => {
      const step = await stepReplay(consolePool(), BATCH)
      isBroken = false
      return step
    },
    onFault: (error) => {
      // A database that is away is asked again and again: the first time is enough to say so.
      if (!isBroken) console.error('replays in the background stand still:', error.message)
      isBroken = true
    },
  })
  nitro.hooks.hook('close', async () => {
    stop.abort()
    await running
  })
})
