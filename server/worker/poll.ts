import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { runPass, type Pass } from '../db/functions/worker-run.ts'

export interface WorkerOptions {
  workerCode: string
  /** events a pass, at most */
  batchSize: number
  /** wait after a pass that found nothing, in milliseconds */
  pollMs: number
  /** `forever` until the signal; `drain` until nothing is left; `once` after one pass */
  until: 'forever' | 'drain' | 'once'
  signal: AbortSignal
  /** a new, connected client; called again after the connection is lost */
  connect: () => Promise<Client>
  /** told when the status changes, and after each pass that routed something */
  onPass?: (pass: Pass) => void
  /** told why the database is away and in how many milliseconds it is tried again */
  onLost?: (error: Error, retryMs: number) => void
}

const RETRY_MS = { first: 100, most: 5000 }
/** A closed gate is looked at less often than an empty outbox. */
const GATE_POLL_MS = 1000

/** The connection is gone, or the server is stopping, starting or recovering: it will be back. */
function isAway(error: { code?: string, message: string }): boolean {
  return /^(08|57P0|53300|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)/.test(error.code ?? '')
    // pg has no codes for these: the connection broke during a query, or while there was none.
    || /^Connection terminated|is not queryable$/.test(error.message)
}

const isTransient = (error: { code?: string }) => error.code === '40001' || error.code === '40P01'

/**
 * Runs passes until told otherwise, and stops between two of them: a pass is never cut off. While the
 * database is away it waits, longer each time, and goes on when it is back.
 * @returns the totals of all passes. @throws what is neither an outage nor a conflict to retry.
 */
export async function pollWorker(options: WorkerOptions): Promise<Omit<Pass, 'status'> & { status: Pass['status'] | undefined }> {
  const { signal } = options
  const total = { status: undefined as Pass['status'] | undefined, seen: 0, attempts_written: 0, skipped: 0, dead_lettered: 0 }
  let client: Client | undefined
  let retryMs = RETRY_MS.first
  while (!signal.aborted) {
    try {
      client ??= await options.connect()
      const pass = await runPass(client, options.workerCode, options.batchSize)
      retryMs = RETRY_MS.first
      if (pass.seen > 0 || pass.status !== total.status) options.onPass?.(pass)
      total.status = pass.status
      for (const key of ['seen', 'attempts_written', 'skipped', 'dead_lettered'] as const) total[key] += pass[key]
      if (options.until === 'once' || (options.until === 'drain' && pass.status !== 'routed' && pass.status !== 'busy')) break
      if (pass.status !== 'routed') await pause(pass.status.endsWith('closed') ? Math.max(GATE_POLL_MS, options.pollMs) : options.pollMs, signal)
    }
    catch (thrown) {
      const error = thrown as Error & { code?: string }
      if (isTransient(error)) continue
      if (!isAway(error)) throw error
      options.onLost?.(error, retryMs)
      // It is lost already; closing it only frees the socket.
      await client?.end().catch(() => {})
      client = undefined
      await pause(retryMs, signal)
      retryMs = Math.min(retryMs * 2, RETRY_MS.most)
    }
  }
  await client?.end()
  return total
}

/** Sleeps, or wakes early when the signal comes. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch((error: Error) => {
    if (error.name !== 'AbortError') throw error
  })
}
