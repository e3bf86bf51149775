import type { ClientBase, Pool } from 'pg'

const BATCH = 1000

/** Chains the ledger's rows that are not chained yet; returns how many. */
export async function sealLedger(db: Pool | ClientBase): Promise<number> {
  let sealed = 0
  for (;;) {
    const { rows } = await db.query<{ n: number }>('SELECT iu_core.fn_dot_ledger_seal($1) AS n', [BATCH])
    sealed += rows[0]!.n
    if (rows[0]!.n < BATCH) return sealed
  }
}

export interface LedgerState {
  ok: boolean
  problems: string[]
  sealed: number
  unsealed: number
  head: string | null
  headNo: number | null
}

/** Walks the chain, and looks for a head that was exported earlier (hex). Raises IU002 for a head that is no digest. */
export async function verifyLedger(db: Pool | ClientBase, head?: string): Promise<LedgerState> {
  const { rows } = await db.query<LedgerState>(
    'SELECT ok, problems, rows_sealed::float8 AS sealed, rows_unsealed::float8 AS unsealed, head, head_no::float8 AS "headNo" FROM iu_core.fn_dot_ledger_verify($1)', [head ?? null])
  return rows[0]!
}
