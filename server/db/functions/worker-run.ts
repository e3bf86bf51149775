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

/** What a process that runs passes has to know. */
export interface WorkerPlan {
  /** every worker that has a cursor */
  worker_codes: string[]
  /** the consoles' schedule; its pace is null where it was never enabled */
  schedule_enabled: boolean
  poll_ms: number | null
  batch_size: number | null
}

/** iu_core.fn_iu_worker_plan: the workers there are, and the consoles' schedule. */
export async function readWorkerPlan(client: ClientBase): Promise<WorkerPlan> {
  const { rows } = await client.query<WorkerPlan>({ name: 'iu_worker_plan', text: 'SELECT * FROM iu_core.fn_iu_worker_plan()' })
  return rows[0]!
}

/** Who runs passes, as it says of itself every few seconds. */
export interface WorkerProcess {
  id: string
  kind: 'cli' | 'schedule'
  /** null: every worker's passes */
  workerCode: string | null
  host: string
  pid: number
}

/** iu_core.fn_iu_worker_beat: the process lives, and its last pass ended so; `fault` is what keeps the next one from being made. */
export async function beatWorker(client: ClientBase, { id, kind, workerCode, host, pid }: WorkerProcess, status: Pass['status'], seen: number, fault?: string): Promise<void> {
  await client.query('SELECT iu_core.fn_iu_worker_beat($1, $2, $3, $4, $5, $6, $7, $8)', [id, kind, workerCode, host, pid, status, seen, fault ?? null])
}

/** iu_core.fn_iu_worker_leave: the process ends in order. */
export async function leaveWorker(client: ClientBase, id: string): Promise<void> {
  await client.query('SELECT iu_core.fn_iu_worker_leave($1)', [id])
}
