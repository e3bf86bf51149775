import { stepReplay } from '../db/functions/replay.ts'
import { runReplays } from '../worker/replay.ts'
import { useStandstill } from '../worker/standstill.ts'

/** How often it looks whether a replay was started. */
const EVERY = 1_000
/** A batch is short: a Stop waits for it. */
const BATCH = 500

/** Carries out the replays that operators started; where several consoles run, they take turns. */
export default defineNitroPlugin((nitro) => {
  if (import.meta.prerender) return
  const stop = new AbortController()
  const standstill = useStandstill('replays in the background stand still')
  const running = runReplays({
    signal: stop.signal, until: 'forever', pollMs: EVERY,
    step: async () => {
      const step = await stepReplay(consolePool(), BATCH)
      standstill.over()
      return step
    },
    onFault: standstill.met,
  })
  nitro.hooks.hook('close', async () => {
    stop.abort()
    await running
  })
})
