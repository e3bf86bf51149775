import { LIMITS, openConnection } from '../db/connection.ts'
import { pollWorker } from '../worker/poll.ts'
import { useStandstill } from '../worker/standstill.ts'

/**
 * Runs passes while the schedule's row says so. The console's own login may not: this is a connection of its own, as a
 * member of iu_worker. Any number of consoles may do so at once; each worker's passes are one at a time.
 */
export default defineNitroPlugin((nitro) => {
  if (import.meta.prerender) return
  const { workerDatabaseUrl } = useRuntimeConfig()
  if (!workerDatabaseUrl) return
  const controller = new AbortController()
  const standstill = useStandstill('the schedule runs no passes')
  const running = pollWorker({
    batchSize: 1000, pollMs: 250, until: 'scheduled', signal: controller.signal,
    connect: () => openConnection(workerDatabaseUrl, 'iu_console schedule', LIMITS.pass),
    onPass: standstill.over,
    onLost: standstill.met,
  })
  nitro.hooks.hook('close', async () => {
    controller.abort()
    await running
  })
})
