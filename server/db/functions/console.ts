import type { ClientBase, Pool } from 'pg'

/** A console that runs, and the schema that it was built for. */
export interface ConsoleProcess {
  id: string
  host: string
  pid: number
  contract: { unit: string, digest: string }
}

/** iu_core.fn_iu_console_beat: the console lives. */
export async function beatConsole(db: Pool | ClientBase, { id, host, pid, contract }: ConsoleProcess): Promise<void> {
  await db.query('SELECT iu_core.fn_iu_console_beat($1, $2, $3, $4, $5)', [id, host, pid, contract.unit, contract.digest])
}

/** iu_core.fn_iu_console_leave: the console ends in order. */
export async function leaveConsole(db: Pool | ClientBase, id: string): Promise<void> {
  await db.query('SELECT iu_core.fn_iu_console_leave($1)', [id])
}
