/** Writers that go on while things are killed around them, and know what was acknowledged. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { expect } from 'vitest'
import type { Queryable } from '../db/world.ts'

export interface Load {
  /** Lets the writers finish what they have begun. */
  stop(): Promise<void>
  /** Checks that every event that was acknowledged is there, those with a key exactly once. */
  expectKept(db: Queryable): Promise<void>
  /** How many events were acknowledged. */
  acknowledged(): number
}

export const below = (limit: number): number => Math.floor(Math.random() * limit)

/** The server is gone, or about to be. */
const isAway = (error: { code?: string, message: string }): boolean =>
  /^(57P0|08|E[A-Z]+$)/.test(error.code ?? '') || /Connection terminated|not queryable/.test(error.message)

/** Starts `writers` connections that emit until stopped, each through any number of lost connections, with a pause of at least `pauseMs` between two turns. */
export function startLoad(url: string, writers = 3, pauseMs = 10): Load {
  const ids = new Set<number>()
  const keys = new Set<string>()
  let stopped = false

  async function write(number: number): Promise<void> {
    let client: pg.Client | undefined
    for (let turn = 0; !stopped;) {
      const key = `${number}:${turn}`
      try {
        if (!client) {
          client = new pg.Client(url)
          client.on('error', () => {})
          await client.connect()
        }
        await client.query('BEGIN')
        const { rows } = await client.query<{ id: string }>(`
          SELECT iu_core.fn_iu_emit_event(type, 'app_table', $1 || n % 50, CASE WHEN n % 20 = 0 THEN '{}' ELSE '{"n": 1}'::jsonb END) AS id
          FROM generate_series(1, $2) AS n
          CROSS JOIN LATERAL (SELECT (ARRAY['app.plain', 'app.twice', 'app.strict', 'app.unwanted', 'app.disabled'])[1 + n % 5] AS type) AS t`, [`w${number} `, 1 + below(60)])
        // A turn whose COMMIT was not answered is tried again under its key.
        await client.query(`SELECT iu_core.fn_iu_emit_event('app.once', 'app_table', 'once', '{}', $1)`, [key])
        await client.query('COMMIT')
        rows.forEach(row => ids.add(Number(row.id)))
        keys.add(key)
        turn += 1
        await sleep(pauseMs + below(3 * pauseMs))
      }
      catch (error) {
        if (!isAway(error as Error)) throw error
        await client?.end().catch(() => {})
        client = undefined
        await sleep(50)
      }
    }
    await client?.end()
  }

  const running = Promise.all(Array.from({ length: writers }, (_, number) => write(number)))
  // It is awaited in `stop`; until then a failure must not end the process.
  running.catch(() => {})
  return {
    async stop() {
      stopped = true
      await running
    },
    acknowledged: () => ids.size + keys.size,
    async expectKept(db) {
      const { rows } = await db.query<{ id: string }>('SELECT id FROM iu_core.event_outbox')
      const kept = new Set(rows.map(row => Number(row.id)))
      expect([...ids].filter(id => !kept.has(id))).toEqual([])
      const { rows: once } = await db.query<{ key: string, times: number }>('SELECT idempotency_key AS key, count(*)::int AS times FROM iu_core.event_outbox WHERE idempotency_key IS NOT NULL GROUP BY 1')
      expect(once.filter(row => row.times > 1)).toEqual([])
      const emitted = new Set(once.map(row => row.key))
      expect([...keys].filter(key => !emitted.has(key))).toEqual([])
    },
  }
}
