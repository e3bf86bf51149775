import { makeWorkerUtils } from 'graphile-worker'
import pg from 'pg'
import type { Cluster } from './cluster.ts'
import { deployed } from './contestants/ours.ts'
import type { Measured } from './report.ts'

interface Options { rounds: number, tell: (line: string) => void }

const CLIENTS = 16
const SECONDS = 3

/** Calls a second of so many connections, each with one call under way, each call a transaction of its own. */
async function rate(clients: pg.Client[], text: string): Promise<number> {
  const started = performance.now()
  const until = started + SECONDS * 1000
  const calls = await Promise.all(clients.map(async (client, index) => {
    let n = 0
    while (performance.now() < until) await client.query({ name: 'enqueue', text, values: [`subject ${index} ${n++}`] })
    return n
  }))
  return calls.reduce((sum, n) => sum + n, 0) / (performance.now() - started) * 1000
}

/** One event at a time, as an application's transactions emit them. */
export async function enqueueRatios(cluster: Cluster, { rounds, tell }: Options): Promise<Measured[]> {
  const [own, peer] = [await cluster.database('enqueue_ours'), await cluster.database('enqueue_graphile')]
  await deployed(own)
  const utils = await makeWorkerUtils({ connectionString: peer })
  await utils.migrate()
  await utils.release()
  const connect = (url: string) => Promise.all(Array.from({ length: CLIENTS }, async () => {
    const client = new pg.Client(url)
    await client.connect()
    return client
  }))
  const [ours, theirs] = [await connect(own), await connect(peer)]
  const rates: [number[], number[]] = [[], []]
  try {
    for (let round = 0; round < rounds; round++) {
      rates[0].push(await rate(ours, `SELECT iu_core.fn_iu_emit_event('app.plain', 'app_table', $1, '{"n": 1, "note": "one at a time"}')`))
      rates[1].push(await rate(theirs, `SELECT graphile_worker.add_job('event', json_build_object('subject', $1::text, 'n', 1, 'note', 'one at a time'))`))
      tell(`round ${round + 1}: emitted ${Math.round(rates[0].at(-1)!).toLocaleString('en')}/s, add_job ${Math.round(rates[1].at(-1)!).toLocaleString('en')}/s`)
    }
  }
  finally {
    await Promise.all([...ours, ...theirs].map(client => client.end()))
  }
  return [{ row: `single enqueue, ${CLIENTS} clients ÷ graphile-worker add_job`, unit: 'events/s', ours: rates[0], peer: rates[1], ratios: rates[0].map((value, round) => value / rates[1][round]!), must: 4, aim: 6, better: 'more' }]
}
