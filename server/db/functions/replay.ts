import type { ClientBase, Pool } from 'pg'

/** What one batch of a background replay did. */
export interface ReplayStep {
  status: 'stepped' | 'waiting' | 'idle' | 'gate_closed'
  /** letters and events that were attempted */
  attempted: number
  /** when to come again, in milliseconds, where something runs but must wait */
  waitMs: number | null
}

/** One batch of iu_core.fn_iu_replay_step, in a transaction of its own. Raises IU002. */
export async function stepReplay(db: Pool | ClientBase, batchSize: number): Promise<ReplayStep> {
  const { rows } = await db.query<ReplayStep>({ name: 'iu_replay_step', text: 'SELECT status, attempted, wait_ms AS "waitMs" FROM iu_core.fn_iu_replay_step($1)', values: [batchSize] })
  return rows[0]!
}
