import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'

/** The application_name of the one idle connection by which a process keeps the server running. */
export const KEEPER = 'iu_keeper'

const RETRY_MS = 500

/** This process's hold on the server. */
export interface Keeper {
  /** Gives up the hold; true when the server runs and no other process holds it. */
  leave(): Promise<boolean>
}

/**
 * Holds the server through `first` and, when that connection is lost (a crashed backend makes PostgreSQL drop all
 * of them), through a new one from `connect` as soon as there is a server again.
 */
export function keep(first: pg.Client, connect: () => Promise<pg.Client>): Keeper {
  const leaving = new AbortController()
  let client: pg.Client | undefined
  let returning = Promise.resolve()

  function hold(next: pg.Client): void {
    client = next
    next.once('end', () => {
      client = undefined
      if (!leaving.signal.aborted) returning = comeBack()
    })
  }

  async function comeBack(): Promise<void> {
    while (!client && !leaving.signal.aborted) {
      await delay(RETRY_MS, undefined, { ref: false, signal: leaving.signal }).catch(() => {})
      if (!leaving.signal.aborted) await connect().then(hold, () => {})
    }
  }

  hold(first)
  return {
    async leave() {
      leaving.abort()
      await returning
      const session = client ?? await connect().catch(() => undefined)
      if (!session) return false
      try {
        const { rows } = await session.query<{ others: number }>(
          'SELECT count(*)::int AS others FROM pg_stat_activity WHERE application_name = $1 AND pid <> pg_backend_pid()',
          [KEEPER],
        )
        return rows[0]!.others === 0
      }
      catch {
        return false
      }
      finally {
        // PostgreSQL closes the socket after it has struck the session from pg_stat_activity:
        // whoever counts after this no longer sees it.
        await session.end().catch(() => {})
      }
    },
  }
}
