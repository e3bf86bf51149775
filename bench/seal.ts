import pg from 'pg'
import type { Cluster } from './cluster.ts'
import { deployed, loadOutbox } from './contestants/ours.ts'
import { auditEvents } from '../server/db/functions/archive.ts'
import { sealLedger } from '../server/db/functions/ledger.ts'
import { runPass } from '../server/db/functions/worker-run.ts'
import { WORKER } from '../tests/db/world.ts'
import type { Measured } from './report.ts'

interface Options { events: number, rounds: number, tell: (line: string) => void }

/** As `iu worker` does it, every two seconds: the first moment after a drain has begun, and again. */
const EVERY_MS = 2000

/** What the sealer costs: the worker drains beside the audit alone, and beside the audit and the sealer, in turn; then what sealing takes by itself. */
export async function sealRatios(cluster: Cluster, { events, rounds, tell }: Options): Promise<Measured[]> {
  const url = await cluster.database('seal')
  await deployed(url)
  const [client, beside] = [new pg.Client(url), new pg.Client(url)]
  await Promise.all([client.connect(), beside.connect()])
  const settle = async () => {
    await auditEvents(beside)
    await sealLedger(beside)
    await client.query('VACUUM ANALYZE')
    await client.query('CHECKPOINT')
  }
  /** Drains once more as many events; events a second. */
  const drain = async (seals: boolean): Promise<number> => {
    await loadOutbox(client, events)
    await settle()
    await loadOutbox(client, events)
    await runPass(client, WORKER, 1000)
    let draining = true
    const followed = (async () => {
      while (draining) {
        await auditEvents(beside, () => draining)
        if (seals) await sealLedger(beside, () => draining)
        await new Promise(resolve => setTimeout(resolve, EVERY_MS / 10))
      }
    })()
    const started = performance.now()
    let seen = 0
    for (let of = 1; of > 0; seen += of) of = (await runPass(client, WORKER, 1000)).seen
    const rate = seen / (performance.now() - started) * 1000
    draining = false
    await followed
    return rate
  }
  const [alone, sealed, pass, seal]: [number[], number[], number[], number[]] = [[], [], [], []]
  try {
    await drain(true)
    for (let round = 0; round < rounds; round++) {
      for (const seals of round % 2 ? [true, false] : [false, true]) (seals ? sealed : alone).push(await drain(seals))
      await settle()
      await loadOutbox(client, 10_000)
      let started = performance.now()
      while ((await runPass(client, WORKER, 1000)).seen) { /* until it is drained */ }
      pass.push((performance.now() - started) / 10)
      await auditEvents(beside)
      started = performance.now()
      await sealLedger(beside)
      seal.push((performance.now() - started) / 10)
      tell(`round ${round + 1}: beside the audit ${Math.round(alone.at(-1)!).toLocaleString('en')} events/s, beside audit and sealer ${Math.round(sealed.at(-1)!).toLocaleString('en')}; a pass over 1,000 ${pass.at(-1)!.toFixed(2)} ms, sealing them ${seal.at(-1)!.toFixed(2)} ms`)
    }
  }
  finally {
    await Promise.all([client.end(), beside.end()])
  }
  return [
    { row: 'worker b=1000 beside audit and sealer ÷ beside the audit', unit: 'events/s', ours: sealed, peer: alone, ratios: sealed.map((rate, round) => rate / alone[round]!), must: 0.95, better: 'more' },
    { row: 'sealing 1,000 routed events, over another connection ÷ a pass over them', unit: 'ms', ours: seal, peer: pass, ratios: seal.map((ms, round) => ms / pass[round]!), better: 'less' },
  ]
}
