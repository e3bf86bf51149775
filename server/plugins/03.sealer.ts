import { sealLedger } from '../db/functions/ledger.ts'

const EVERY = 5_000

/** Chains what commands have written, some seconds later: never in a command's way. */
export default defineNitroPlugin((nitro) => {
  if (import.meta.prerender) return
  let isBroken = false
  const timer = setInterval(async () => {
    try {
      await sealLedger(consolePool())
      isBroken = false
    }
    catch (error) {
      // A database that is away is asked again and again: the first time is enough to say so.
      if (!isBroken) console.error('the ledger is not being sealed:', (error as Error).message)
      isBroken = true
    }
  }, EVERY)
  timer.unref()
  nitro.hooks.hook('close', () => clearInterval(timer))
})
