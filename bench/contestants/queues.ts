import { Logger, makeWorkerUtils, run, type Runner, type WorkerUtils } from 'graphile-worker'
import pg from 'pg'
import { PgBoss } from 'pg-boss'
import { WORKER } from '../../tests/db/world.ts'
import { sum, type Contestant } from './contestant.ts'

/** A job carries what an event of ours does: these, the subject and the payload. */
const TYPE = { event_domain: 'application', event_type: 'app.plain', event_subject_table: 'app_table' }

/** graphile-worker with a local queue; completions one by one, as it comes, or in batches as well. The handler does nothing. */
export function graphileWorker(completions: 'singly' | 'in batches'): Contestant {
  let url: string
  let utils: WorkerUtils
  let client: pg.Client
  return {
    name: `graphile-worker, localQueue, completions ${completions}`,
    async prepare(given) {
      url = given
      utils = await makeWorkerUtils({ connectionString: url })
      await utils.migrate()
      client = new pg.Client(url)
      await client.connect()
    },
    load: async (events) => {
      await client.query(`
        SELECT count(graphile_worker.add_job('event', ($2::jsonb || jsonb_build_object('event_subject_ref', 'subject ' || n % 1000, 'payload', jsonb_build_object('n', n, 'note', 'the event ' || n)))::json))
        FROM generate_series(1, $1::integer) AS n`, [events, JSON.stringify(TYPE)])
    },
    async drain() {
      // A runner that stops may leave a few of its last jobs locked, which none takes up again for hours.
      const { rows } = await client.query<{ n: string }>('SELECT count(*) AS n FROM graphile_worker._private_jobs WHERE locked_at IS NULL')
      let left = Number(rows[0]!.n)
      let done: () => void
      const all = new Promise<void>((resolve) => { done = resolve })
      const runner: Runner = await run({
        connectionString: url,
        concurrency: 24,
        noHandleSignals: true,
        logger: new Logger(() => () => {}),
        taskList: { event: () => { if (--left === 0) done() } },
        preset: { worker: { localQueue: { size: 500 }, maxPoolSize: 25, ...completions === 'in batches' && { completeJobBatchDelay: 0, failJobBatchDelay: 0 } } },
      })
      await all
      // Its completions are durable when it has stopped.
      await runner.stop()
    },
    async close() {
      await utils.release()
      await client.end()
    },
  }
}

const QUEUE = 'event'
/** What was decided, which it keeps with the job: its audit. graphile-worker deletes the job and keeps none. */
const DECISION = { status: 'dry_run', target_kind: 'log', target_ref: 'iu_route_attempt', worker_code: WORKER }

/** pg-boss with four loops of fetch and complete, in batches. */
export function pgBoss(loops: number, batchSize: number): Contestant {
  let boss: PgBoss
  const batch = async (): Promise<number> => {
    const jobs = await boss.fetch(QUEUE, { batchSize })
    if (jobs.length) await boss.complete(QUEUE, jobs.map(({ id }) => id), DECISION)
    return jobs.length
  }
  return {
    name: `pg-boss, ${loops} loops`,
    async prepare(url) {
      boss = new PgBoss({ connectionString: url, supervise: false, schedule: false, max: loops + 1 })
      await boss.start()
      await boss.createQueue(QUEUE)
    },
    async load(events) {
      for (let from = 0; from < events; from += 5000) {
        await boss.insert(QUEUE, Array.from({ length: Math.min(5000, events - from) }, (_, n) => ({ data: { ...TYPE, event_subject_ref: `subject ${(from + n) % 1000}`, payload: { n: from + n, note: `the event ${from + n}` } } })))
      }
    },
    warm: async () => sum(await Promise.all(Array.from({ length: loops }, batch))),
    drain: async () => void await Promise.all(Array.from({ length: loops }, async () => {
      while (await batch()) { /* until nothing is left */ }
    })),
    close: () => boss.stop({ graceful: false }),
  }
}
