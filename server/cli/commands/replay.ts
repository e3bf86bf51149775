import { defineCommand } from 'citty'
import { LIMITS } from '../../db/connection.ts'
import { isPassing } from '../../db/faults.ts'
import { stepReplay } from '../../db/functions/replay.ts'
import { connectAnew } from '../../worker/anew.ts'
import { runReplays } from '../../worker/replay.ts'
import { connect, openTarget } from '../database.ts'
import { EXIT, note, say, sayJson, whyNot } from '../report.ts'
import { stopSignal } from '../signals.ts'

export default defineCommand({
  meta: { name: 'replay', description: 'carry out the background replays that were started, where no console does (Ctrl-C ends after the batch under way)' },
  args: { json: { type: 'boolean', description: 'the total as one JSON document at the end' } },
  async run({ args }) {
    const signal = stopSignal()
    const target = await openTarget({ as: 'demo_worker' })
    try {
      const connection = connectAnew(() => connect(target.url, 'iu replay', LIMITS.loop))
      try {
        const total = await runReplays({
          signal, until: 'drain', pollMs: 1000, step: () => connection.within(client => stepReplay(client, 1000)),
          onStep: step => note({ stepped: `attempted ${step.attempted}`, waiting: 'waits: as many as are allowed have been attempted, or another process is at it', idle: 'no replay runs', gate_closed: 'a gate is closed: see iu gate list' }[step.status]),
          onFault: (error) => {
            if (!isPassing(error)) throw error
            note(`no batch: ${whyNot(error)}; it is tried again`)
          },
        })
        if (args.json) sayJson(total)
        else say(`${total.attempted} attempted`)
        if (total.status === 'gate_closed' && !signal.aborted) process.exitCode = EXIT.refused
      }
      finally {
        await connection.close()
      }
    }
    finally {
      await target.close()
    }
  },
})
