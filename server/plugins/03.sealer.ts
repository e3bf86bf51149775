import { sealLedger } from '../db/functions/ledger.ts'
import { useStandstill } from '../worker/standstill.ts'

const EVERY = 5_000

/** Chains what commands, passes and emitters have written, some seconds later: never in their way. */
export default defineNitroPlugin((nitro) => {
  if (import.meta.prerender) return
  const standstill = useStandstill('the ledger is not being sealed')
  let open = true
  const timer = setInterval(async () => {
    try {
      await sealLedger(consolePool(), () => open)
      standstill.over()
    }
    catch (error) {
      standstill.met(error as Error)
    }
  }, EVERY)
  timer.unref()
  nitro.hooks.hook('close', () => {
    open = false
    clearInterval(timer)
  })
})
