import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { beatConsole, type ConsoleProcess, leaveConsole } from '../db/functions/console.ts'
import { useStandstill } from '../worker/standstill.ts'

/** Often enough to be believed: the view takes a console for gone after twenty seconds. */
const EVERY = 5_000

/** Says every few seconds that this console runs, and which schema it was built for. */
export default defineNitroPlugin((nitro) => {
  if (import.meta.prerender) return
  const self: ConsoleProcess = { id: randomUUID(), host: hostname(), pid: process.pid, contract: __IU_CONTRACT__ }
  const standstill = useStandstill('nobody is told that this console runs')
  let beating = Promise.resolve()
  const beat = () => {
    beating = beatConsole(consolePool(), self).then(standstill.over, standstill.met)
  }
  const timer = setInterval(beat, EVERY)
  timer.unref()
  beat()
  nitro.hooks.hook('close', async () => {
    clearInterval(timer)
    await beating
    // A row that cannot be taken away is stale in a few seconds.
    await leaveConsole(consolePool(), self.id).catch(standstill.met)
  })
})
