import { defineCommand } from 'citty'
import { LIMITS } from '../../db/connection.ts'
import { isPassing } from '../../db/faults.ts'
import { auditEvents } from '../../db/functions/archive.ts'
import { sealLedger } from '../../db/functions/ledger.ts'
import { connectAnew } from '../../worker/anew.ts'
import { runAudits } from '../../worker/audit.ts'
import { pollWorker } from '../../worker/poll.ts'
import { useStandstill } from '../../worker/standstill.ts'
import { connect, openTarget } from '../database.ts'
import { EXIT, note, say, sayJson, whole, whyNot } from '../report.ts'
import { stopSignal } from '../signals.ts'

export default defineCommand({
  meta: { name: 'worker', description: 'route events until stopped (Ctrl-C ends after the pass under way)' },
  args: {
    code: { type: 'string', description: 'one worker\'s passes only (every worker\'s)' },
    batch: { type: 'string', default: '1000', description: 'events a pass, at most' },
    poll: { type: 'string', default: '50', description: 'wait after a round that found nothing, in milliseconds' },
    once: { type: 'boolean', description: 'one pass of each worker' },
    drain: { type: 'boolean', description: 'until nothing is left' },
    json: { type: 'boolean', description: 'the totals as one JSON document at the end' },
  },
  async run({ args }) {
    const batchSize = whole('batch', args.batch, 1, 100_000)
    const pollMs = whole('poll', args.poll, 1, 3_600_000)
    const signal = stopSignal()
    const until = args.once ? 'once' : args.drain ? 'drain' : 'forever'
    const target = await openTarget({ as: 'demo_worker' })
    // Where no console runs, nobody else audits and seals.
    const routed = new AbortController()
    const auditor = connectAnew(() => connect(target.url, 'iu worker audit', LIMITS.loop))
    const audit = (more: () => boolean) => auditor.within(async (client) => {
      await auditEvents(client, more)
      // What was counted is sealed, and what else was written.
      await sealLedger(client, more)
    })
    const standstill = useStandstill('events are not being audited and sealed')
    const auditing = until === 'once' ? undefined : runAudits({ audit, until: 'forever', signal: AbortSignal.any([signal, routed.signal]), onRound: standstill.over, onFault: standstill.met })
    try {
      const total = await pollWorker({
        workerCode: args.code, batchSize, pollMs, signal, until,
        connect: () => connect(target.url, 'iu worker', LIMITS.pass),
        onPass: pass => note(pass.status === 'routed'
          ? `routed ${pass.seen} events: ${pass.attempts_written} attempts, ${pass.skipped} skipped, ${pass.dead_lettered} dead-lettered`
          : { idle: 'nothing to route', busy: 'another worker has the cursor', worker_gate_closed: 'gate iu_core.route_worker_enabled is closed', master_gate_closed: 'gate iu_core.routes_master_enabled is closed', routed: '' }[pass.status]),
        onLost: (error, retryMs) => note(`no pass: ${whyNot(error)}; next try in ${retryMs} ms`),
      })
      if (until !== 'forever') {
        routed.abort()
        await auditing
        await runAudits({
          audit, until: 'drain', signal, onRound: standstill.over,
          onFault: (error) => {
            if (!isPassing(error)) throw error
            standstill.met(error)
          },
        })
      }
      if (args.json) sayJson(total)
      else say(`${total.seen} events routed, ${total.attempts_written} attempts (${total.skipped} skipped), ${total.dead_lettered} dead-lettered`)
      if (total.status?.endsWith('gate_closed') && !signal.aborted) process.exitCode = EXIT.refused
    }
    finally {
      routed.abort()
      await auditing
      await auditor.close()
      await target.close()
    }
  },
})
