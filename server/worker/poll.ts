import type { Client } from 'pg'
import { faultOf, isPassing } from '../db/faults.ts'
import { type Pass, readWorkerPlan, runPass, type WorkerPlan } from '../db/functions/worker-run.ts'
import { Heartbeat } from './heartbeat.ts'
import { Backoff, pause } from './pause.ts'

export interface WorkerOptions {
  /** whose passes; every worker's where none is named, also of those that a split makes meanwhile */
  workerCode?: string
  /** events a pass, at most */
  batchSize: number
  /** wait after a round that found nothing, in milliseconds */
  pollMs: number
  /** `forever` until the signal; `drain` until nothing is left; `once` after one pass of each worker; `scheduled`: forever, but only while the consoles' schedule is enabled, and at its pace */
  until: 'forever' | 'drain' | 'once' | 'scheduled'
  signal: AbortSignal
  /** a new, connected client; called again after the connection is lost */
  connect: () => Promise<Client>
  /** told when the status changes, and after each round that routed something */
  onPass?: (pass: Pass) => void
  /** told of a fault that may pass, and in how many milliseconds the pass is tried again */
  onLost?: (error: Error, retryMs: number) => void
}

/** All passes so far; the status is that of the last round. */
export type Total = Omit<Pass, 'status'> & { status: Pass['status'] | undefined }

/** A closed gate is looked at less often than an empty outbox. */
const GATE_POLL_MS = 1000
/** How soon a new worker, or a change of the schedule, is noticed. */
const PLAN_MS = 1000
const COUNTS = ['seen', 'attempts_written', 'skipped', 'dead_lettered'] as const
/** What a round of several passes is called: the first of these that one of them is. */
const RANKED: Pass['status'][] = ['routed', 'busy', 'worker_gate_closed', 'master_gate_closed', 'idle']

/**
 * Runs passes until told otherwise, and stops between two of them: a pass is never cut off. After a fault that may
 * pass (the database is away, out of memory or disk, or took too long) it says so, waits, longer each time, and tries
 * again over a new connection. Any number of processes may do so at once: who finds a worker busy goes on to the next.
 * @returns the totals of all passes. @throws a fault that does not pass by itself, unless it is scheduled.
 */
export async function pollWorker(options: WorkerOptions): Promise<Total> {
  const { signal, workerCode, until } = options
  const total: Total = { status: undefined, seen: 0, attempts_written: 0, skipped: 0, dead_lettered: 0 }
  const heartbeat = until === 'once' ? undefined : new Heartbeat(until === 'scheduled' ? 'schedule' : 'cli', workerCode)
  let client: Client | undefined
  const backoff = new Backoff(100, 5000)
  let plan: WorkerPlan | undefined
  let plannedAt = 0
  let turn = Math.floor(Math.random() * 16)
  const byOne = new Map<string, number>()
  try {
    while (!signal.aborted) {
      try {
        client ??= await options.connect()
        if ((workerCode === undefined || until === 'scheduled') && (!plan || performance.now() - plannedAt >= PLAN_MS)) {
          plan = await readWorkerPlan(client)
          plannedAt = performance.now()
        }
        if (until === 'scheduled' && !plan!.schedule_enabled) {
          await heartbeat!.leave(client)
          backoff.reset()
          plan = undefined
          await pause(PLAN_MS, signal)
          continue
        }
        const { batchSize, pollMs } = until === 'scheduled' ? { batchSize: plan!.batch_size!, pollMs: plan!.poll_ms! } : options
        const codes = workerCode === undefined ? plan!.worker_codes : [workerCode]
        // Each process begins with another worker, and so do its rounds: they do not all wait for the same one.
        turn += 1
        const round = await runRound(client, codes.map((_, n) => codes[(n + turn) % codes.length]!), batchSize, byOne, signal, workerCode === undefined)
        backoff.reset()
        if (!round) {
          plan = undefined
          continue
        }
        if (round.seen > 0 || round.status !== total.status) options.onPass?.(round)
        total.status = round.status
        for (const key of COUNTS) total[key] += round[key]
        if (until === 'once' || (until === 'drain' && round.status !== 'routed' && round.status !== 'busy')) break
        await heartbeat?.beat(client, round.status, total.seen)
        if (round.status !== 'routed') await pause(round.status.endsWith('closed') ? Math.max(GATE_POLL_MS, pollMs) : pollMs, signal)
      }
      catch (thrown) {
        const error = thrown as Error
        // The schedule is a server's: what is in its way (a schema that is not deployed yet, a password) may be seen to.
        if (!isPassing(error) && until !== 'scheduled') throw error
        options.onLost?.(error, backoff.next)
        if (client) await sayFault(client, heartbeat, error, total)
        // Whatever state it is in, a new one is in none.
        await client?.end()
        client = undefined
        await backoff.wait(signal)
      }
    }
    return total
  }
  finally {
    // However it ends: an open connection would keep the process alive.
    if (client) await takeLeave(client, heartbeat)
  }
}

/** Tells a fault in the process's row, where the database still takes it: where it does not, the row goes stale. */
async function sayFault(client: Client, heartbeat: Heartbeat | undefined, error: Error, { status = 'idle', seen }: Total): Promise<void> {
  if (faultOf(error) === 'away') return
  await heartbeat?.beat(client, status, seen, error).catch((next: Error) => {
    if (!isPassing(next)) throw next
  })
}

/** Takes the row away and closes the connection, whatever state that is in. */
async function takeLeave(client: Client, heartbeat: Heartbeat | undefined): Promise<void> {
  try {
    await heartbeat?.leave(client)
  }
  catch (error) {
    // A row that could not be taken away is stale in a few seconds.
    if (!isPassing(error as Error)) throw error
  }
  finally {
    await client.end()
  }
}

/**
 * One pass. After one that took longer than it may, as many events as it had are taken one by one (`byOne`): the database dead-letters
 * that which takes as long by itself, and the others are decided.
 */
async function runBounded(client: Client, code: string, batchSize: number, byOne: Map<string, number>): Promise<Pass> {
  const left = byOne.get(code) ?? 0
  try {
    const pass = await runPass(client, code, left > 0 ? 1 : batchSize)
    byOne.set(code, pass.seen === 0 ? 0 : left - 1)
    return pass
  }
  catch (error) {
    if (faultOf(error as Error) === 'timeout') byOne.set(code, batchSize)
    throw error
  }
}

/** One pass of each worker. Undefined where one of them has been joined to another since: there are other workers now. */
async function runRound(client: Client, codes: string[], batchSize: number, byOne: Map<string, number>, signal: AbortSignal, mayBeGone: boolean): Promise<Pass | undefined> {
  const round: Pass = { status: 'idle', seen: 0, attempts_written: 0, skipped: 0, dead_lettered: 0 }
  for (const code of codes) {
    if (signal.aborted) break
    try {
      const pass = await runBounded(client, code, batchSize, byOne)
      for (const key of COUNTS) round[key] += pass[key]
      round.status = RANKED.find(status => status === round.status || status === pass.status)!
    }
    catch (error) {
      if (!mayBeGone || (error as { code?: string }).code !== 'IU003') throw error
      if (round.seen === 0) return undefined
    }
  }
  return round
}
