import type { ClientBase } from 'pg'

/** What one pass saw and wrote. */
export interface Pass {
  status: 'routed' | 'idle' | 'busy' | 'worker_gate_closed' | 'master_gate_closed'
  seen: number
  attempts_written: number
  skipped: number
  dead_lettered: number
}

/** One pass of iu_core.fn_iu_route_worker_run, in a transaction of its own. Raises IU002, IU003, IU011. */
export async function runPass(client: ClientBase, workerCode: string, batchSize: number): Promise<Pass> {
  const { rows } = await client.query<Pass>({ name: 'iu_worker_run', text: 'SELECT * FROM iu_core.fn_iu_route_worker_run($1, $2)', values: [workerCode, batchSize] })
  return rows[0]!
}
