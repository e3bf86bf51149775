import pg from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'
import { openConnection } from '../server/db/client.ts'
import { pollWorker } from '../server/worker/poll.ts'
import { emit } from '../tests/db/world.ts'
import type { Cluster } from './cluster.ts'
import { deployed } from './contestants/ours.ts'
import type { Measured } from './report.ts'

interface Options { rounds: number, tell: (line: string) => void }

const POLL_MS = 50
const EVENTS = 200

/** How long an event waits for its decision while the worker polls: both times are the database's, one event a transaction. */
export async function latencyRatios(cluster: Cluster, { rounds, tell }: Options): Promise<Measured[]> {
  const url = await cluster.database('latency')
  await deployed(url)
  const client = new pg.Client(url)
  await client.connect()
  const controller = new AbortController()
  const worker = pollWorker({ batchSize: 1000, pollMs: POLL_MS, until: 'forever', signal: controller.signal, connect: () => openConnection(url, 'bench') })
  const [half, most]: [number[], number[]] = [[], []]
  try {
    for (let round = 0; round < rounds; round++) {
      let first = 0
      for (let n = 0; n < EVENTS; n++) {
        const id = await emit(client, `subject ${n}`)
        first ||= id
        await sleep(Math.random() * 30)
      }
      await sleep(10 * POLL_MS)
      const { rows: [waited] } = await client.query<{ events: number, p50: number, p95: number }>(`
        SELECT count(*)::int AS events, percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS p50, percentile_cont(0.95) WITHIN GROUP (ORDER BY ms) AS p95
        FROM (SELECT extract(epoch FROM a.created_at - e.created_at)::float8 * 1000 AS ms FROM iu_core.event_outbox AS e JOIN iu_core.iu_route_attempt AS a ON a.event_id = e.id WHERE e.id >= $1) AS decided`, [first])
      if (waited!.events !== EVENTS) throw new Error(`${waited!.events} of ${EVENTS} events were decided`)
      half.push(waited!.p50)
      most.push(waited!.p95)
      tell(`round ${round + 1}: from writing to decision p50 ${waited!.p50.toFixed(1)} ms, p95 ${waited!.p95.toFixed(1)} ms, polling every ${POLL_MS} ms`)
    }
  }
  finally {
    controller.abort()
    await worker
    await client.end()
  }
  const poll = half.map(() => POLL_MS)
  return [
    { row: `from writing to decision, p50 ÷ a poll of ${POLL_MS} ms`, unit: 'ms', ours: half, peer: poll, ratios: half.map(ms => ms / POLL_MS), must: 1, aim: 0.6, better: 'less' },
    { row: `from writing to decision, p95 ÷ a poll of ${POLL_MS} ms`, unit: 'ms', ours: most, peer: poll, ratios: most.map(ms => ms / POLL_MS), must: 2, aim: 1.2, better: 'less' },
  ]
}
