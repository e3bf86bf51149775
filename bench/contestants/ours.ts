import pg from 'pg'
import { within } from '../../server/cli/database.ts'
import { runPass } from '../../server/db/functions/worker-run.ts'
import { bootstrap, deploy } from '../../server/deploy/index.ts'
import { furnish, WORKER } from '../../tests/db/world.ts'
import { sum, type Contestant } from './contestant.ts'

/** Of a hundred events: what their types make the worker do. 1.17 rows an event, dead letters and roll-ups among its duties. */
export const MIX = `CASE WHEN n % 100 < 65 THEN 'app.plain' WHEN n % 100 < 82 THEN 'app.twice' WHEN n % 100 < 95 THEN 'app.strict' WHEN n % 100 < 98 THEN 'app.unwanted' ELSE 'app.disabled' END`
export const PAYLOAD = `jsonb_build_object('n', CASE WHEN n % 100 = 94 THEN 0 ELSE n + 1 END, 'note', 'the event ' || n)`

/** Appends events to the outbox, a thousand a transaction, over a thousand subjects. */
export async function loadOutbox(db: Pick<pg.Client, 'query'>, events: number): Promise<void> {
  for (let from = 0; from < events; from += 1000) {
    await db.query(`
      SELECT count(id) FROM (
        SELECT ${MIX} AS type, array_agg('subject ' || n % 1000 ORDER BY n) AS subjects, array_agg(${PAYLOAD} ORDER BY n) AS payloads
        FROM generate_series($1::integer, $2::integer) AS n GROUP BY 1) AS batch
      CROSS JOIN LATERAL iu_core.fn_iu_outbox_append(type, 'app_table', subjects, payloads) AS id`, [from, Math.min(from + 1000, events) - 1])
  }
}

/** The database as deployed, with open gates and an application's types and routes. */
export const deployed = (url: string): Promise<void> => within(url, async (client) => {
  await bootstrap(client)
  await deploy(client)
  await furnish(client)
})

/** The route worker with all its duties; `shards` cursors, each in a connection of its own. */
export function ours(name: string, batchSize: number, shards = 1): Contestant {
  const workers = Array.from({ length: shards }, (_, shard) => shard === 0 ? WORKER : `bench_${shard}`)
  let clients: pg.Client[] = []
  const pass = async (shard: number): Promise<number> => {
    const { status, seen } = await runPass(clients[shard]!, workers[shard]!, batchSize)
    if (status !== 'routed' && status !== 'idle') throw new Error(`the worker is ${status}`)
    return seen
  }
  return {
    name,
    async prepare(url) {
      await deployed(url)
      clients = workers.map(() => new pg.Client(url))
      await Promise.all(clients.map(client => client.connect()))
      const width = 16 / shards
      await clients[0]!.query('UPDATE iu_core.iu_route_worker_cursor SET bucket_to = $1', [width - 1])
      for (const [shard, worker] of workers.entries()) if (shard) await clients[0]!.query('SELECT iu_core.fn_iu_cursor_declare($1, $2, $3)', [worker, shard * width, (shard + 1) * width - 1])
    },
    load: events => loadOutbox(clients[0]!, events),
    warm: async () => sum(await Promise.all(workers.map((_, shard) => pass(shard)))),
    drain: async () => void await Promise.all(workers.map(async (_, shard) => {
      while (await pass(shard)) { /* until nothing is seen */ }
    })),
    close: async () => void await Promise.all(clients.map(client => client.end())),
  }
}
