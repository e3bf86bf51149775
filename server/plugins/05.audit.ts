import { auditEvents } from '../db/functions/archive.ts'
import { runAudits } from '../worker/audit.ts'
import { useStandstill } from '../worker/standstill.ts'

/** Counts what workers have routed, a little behind them and in small steps: never in a pass's way. */
export default defineNitroPlugin((nitro) => {
  if (import.meta.prerender) return
  const stop = new AbortController()
  const standstill = useStandstill('events are not being audited')
  const running = runAudits({ audit: more => auditEvents(consolePool(), more), signal: stop.signal, until: 'forever', onRound: standstill.over, onFault: standstill.met })
  nitro.hooks.hook('close', async () => {
    stop.abort()
    await running
  })
})
