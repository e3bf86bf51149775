import type pg from 'pg'
import { LIMITS, openBeside } from '../db/connection.ts'

const NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }
type Signal = keyof typeof NUMBERS
const SIGNALS = Object.keys(NUMBERS) as Signal[]

/** A signal ended the work; what it had begun is cleared away. */
export class Interrupted extends Error {
  override name = 'Interrupted'
  /** what a shell says of a process that such a signal ended */
  readonly status: number

  constructor(signal: Signal) {
    super(`interrupted by ${signal}: nothing is left of what was begun`)
    this.status = 128 + NUMBERS[signal]
  }
}

/**
 * Runs work that would leave something behind if the process ended in the middle of it. A signal that asks the process to
 * end aborts the work instead, whose own clearing up then runs. @throws {Interrupted} after that
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const stop = (signal: NodeJS.Signals) => controller.abort(new Interrupted(signal as Signal))
  for (const signal of SIGNALS) process.on(signal, stop)
  try {
    const result = await work(controller.signal)
    controller.signal.throwIfAborted()
    return result
  }
  catch (error) {
    controller.signal.throwIfAborted()
    throw error
  }
  finally {
    for (const signal of SIGNALS) process.off(signal, stop)
  }
}

/** Runs work on a connection of its own to a database of the same server; an abort cuts the connection, whatever it waits for. */
export async function onConnectionBeside<T>(client: pg.Client | pg.PoolClient, database: string, name: string, signal: AbortSignal, work: (beside: pg.Client) => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const beside = await openBeside(client, database, name, LIMITS.work)
  const cut = () => beside.cut(signal.reason as Error)
  signal.addEventListener('abort', cut)
  try {
    return await work(beside)
  }
  finally {
    signal.removeEventListener('abort', cut)
    await beside.end()
  }
}
