import { within } from '../server/cli/database.ts'
import type { Cluster } from './cluster.ts'
import type { Contestant } from './contestants/contestant.ts'
import { ours } from './contestants/ours.ts'
import { insertLimit, poller } from './contestants/plain-sql.ts'
import { graphileWorker, pgBoss } from './contestants/queues.ts'
import type { Measured } from './report.ts'

interface Options { events: number, rounds: number, tell: (line: string) => void }

const OURS = 'worker, b=1000'
const OURS_LARGE = 'worker, b=5000'
const OURS_TWO = 'worker, two cursors'

/** Each contestant drains as many events in each round, one after the other, in changing order; events a second of each round. */
async function race(cluster: Cluster, contestants: Contestant[], { events, rounds, tell }: Options): Promise<Map<string, number[]>> {
  const rates = new Map(contestants.map(({ name }) => [name, [] as number[]]))
  const prepared: { contestant: Contestant, url: string }[] = []
  /** Loads, and then settles: nobody drains over another round's dead rows, by statistics from before it, or while pages that others wrote go to disk. */
  const load = async ({ contestant, url }: typeof prepared[number], count: number) => {
    await contestant.load(count)
    await within(url, async (client) => {
      await client.query('VACUUM ANALYZE')
      await client.query('CHECKPOINT')
    })
  }
  try {
    for (const [index, contestant] of contestants.entries()) {
      const url = await cluster.database(`drain_${index}`)
      await contestant.prepare(url)
      prepared.push({ contestant, url })
      // What is made once is not measured; nor, below, what is planned once after an ANALYZE.
      await load(prepared[index]!, Math.min(events, 2000))
      await contestant.drain()
    }
    for (let round = 0; round < rounds; round++) {
      const order = prepared.map((_, index) => prepared[(index + round) % prepared.length]!)
      for (const one of order) {
        const { contestant } = one
        await load(one, events)
        const warmed = await contestant.warm?.() ?? 0
        const started = performance.now()
        await contestant.drain()
        const rate = (events - warmed) / (performance.now() - started) * 1000
        rates.get(contestant.name)!.push(rate)
        tell(`round ${round + 1}: ${contestant.name} ${Math.round(rate).toLocaleString('en')} events/s`)
      }
    }
  }
  finally {
    for (const { contestant } of prepared) await contestant.close()
  }
  return rates
}

/** From "event enqueued" to "decision durable", against queues, a poller and the limit. */
export async function drainRatios(cluster: Cluster, options: Options): Promise<Measured[]> {
  const [graphile, batching, boss, plain, limit] = [graphileWorker('singly'), graphileWorker('in batches'), pgBoss(4, 1000), poller(1000), insertLimit(5000)]
  const rates = await race(cluster, [ours(OURS, 1000), ours(OURS_LARGE, 5000), ours(OURS_TWO, 1000, 2), plain, limit, graphile, batching, boss], options)
  const ratio = (row: string, a: string, b: string, must?: number, aim?: number): Measured =>
    ({ row, unit: 'events/s', ours: rates.get(a)!, peer: rates.get(b)!, ratios: rates.get(a)!.map((rate, round) => rate / rates.get(b)![round]!), must, aim, better: 'more' })
  return [
    ratio('worker b=1000, all duties, ÷ graphile-worker localQueue', OURS, graphile.name, 4, 10),
    ratio('worker b=1000, all duties, ÷ graphile-worker localQueue, completions in batches', OURS, batching.name),
    ratio('worker b=1000, all duties, ÷ pg-boss ×4', OURS, boss.name, 4, 10),
    ratio('worker b=1000, all duties, ÷ plain-SQL poller with audit row', OURS, plain.name, 1.25, 2.5),
    ratio('worker b=5000, all duties, ÷ INSERT…SELECT limit', OURS_LARGE, limit.name, 0.4, 0.8),
    ratio('2 sharded workers ÷ 1', OURS_TWO, OURS, 1.4, 1.7),
  ]
}
