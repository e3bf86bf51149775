import pg from 'pg'
import type { Cluster } from './cluster.ts'
import { deployed, loadOutbox } from './contestants/ours.ts'
import { runPass } from '../server/db/functions/worker-run.ts'
import { WORKER } from '../tests/db/world.ts'
import type { Measured } from './report.ts'

interface Options { rounds: number, tell: (line: string) => void }

const CALLS = 500

/** Milliseconds a call, over many calls. */
async function perCall(call: () => Promise<unknown>, calls = CALLS): Promise<number> {
  const started = performance.now()
  for (let n = 0; n < calls; n++) await call()
  return (performance.now() - started) / calls
}

/** What an empty pass costs, and a small one while a stranger's transaction stays open. */
export async function passRatios(cluster: Cluster, { rounds, tell }: Options): Promise<Measured[]> {
  const url = await cluster.database('passes')
  await deployed(url)
  const [client, stranger] = [new pg.Client(url), new pg.Client(url)]
  await Promise.all([client.connect(), stranger.connect()])
  const pass = () => runPass(client, WORKER, 1000)
  const selectOne = () => client.query({ name: 'one', text: 'SELECT 1' })
  const [empty, one, small]: [number[], number[], number[]] = [[], [], []]
  try {
    await loadOutbox(client, 2000)
    while ((await pass()).status !== 'idle') { /* until it is drained */ }
    await perCall(selectOne, 50)
    for (let round = 0; round < rounds; round++) {
      one.push(await perCall(selectOne))
      empty.push(await perCall(pass))
      await stranger.query('BEGIN')
      await stranger.query('SELECT pg_current_xact_id()')
      let spent = 0
      for (let n = 0; n < 100; n++) {
        await loadOutbox(client, 1)
        const started = performance.now()
        await pass()
        spent += performance.now() - started
      }
      await stranger.query('ROLLBACK')
      await pass()
      small.push(spent / 100)
      tell(`round ${round + 1}: select 1 ${one.at(-1)!.toFixed(3)} ms, empty pass ${empty.at(-1)!.toFixed(3)} ms, pass over one event beside an open transaction ${small.at(-1)!.toFixed(2)} ms`)
    }
  }
  finally {
    await Promise.all([client.end(), stranger.end()])
  }
  return [
    { row: 'an empty pass ÷ `select 1`', unit: 'ms', ours: empty, peer: one, ratios: empty.map((ms, round) => ms / one[round]!), must: 5, aim: 2, better: 'less' },
    { row: 'small pass with a long transaction open, in ms', unit: 'ms', ours: small, peer: one, ratios: small, must: 5, aim: 2, better: 'less' },
  ]
}
