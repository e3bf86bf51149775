import type { ClientBase, Pool } from 'pg'

/** Chains what is not chained yet, while `more` wants it: the ledger's rows, and the history beside it. Returns how many rows of each. */
export async function sealLedger(db: Pool | ClientBase, more: () => boolean = () => true): Promise<{ runs: number, history: number }> {
  const all = async (step: string): Promise<number> => {
    let sealed = 0
    while (more()) {
      const { rows } = await db.query<{ n: number }>(`SELECT iu_core.${step}() AS n`)
      if (rows[0]!.n === 0) break
      sealed += rows[0]!.n
    }
    return sealed
  }
  return { runs: await all('fn_dot_ledger_seal'), history: await all('fn_dot_history_seal') }
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

export interface HistoryState {
  ok: boolean
  problems: string[]
  /** rows of events, attempts, dead letters, versions and whatever else is sealed beside the ledger */
  sealed: number
  blocks: number
  /** writings that wait for the sealer */
  unsealed: number
}

/** Recounts the history against what was sealed of it: it takes as long as there are rows. */
export async function verifyHistory(db: Pool | ClientBase): Promise<HistoryState> {
  const { rows } = await db.query<HistoryState>(
    'SELECT ok, problems, rows_sealed::float8 AS sealed, blocks::float8 AS blocks, blocks_unsealed::float8 AS unsealed FROM iu_core.fn_dot_history_verify()')
  return rows[0]!
}
