import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Cut } from './cut.ts'

/** The one thread that cuts, while there is one; it serves file after file, since starting it costs more than most files. */
let thread: Worker | null = null

/** Settles when the last file that was handed in is done with; files are cut one at a time, in order. */
let queue: Promise<unknown> = Promise.resolve()

/**
 * A text cut in another thread, by the Markdown parser where it `mayParse`; null when that has not come to an end: of memory,
 * or after `budgetMs` milliseconds of processor time (not of the clock: a busy machine changes nothing).
 * Rejects when the thread cannot be started, or when a plain cut does not come to an end.
 */
export function cutInThread(content: Buffer, mayParse: boolean, budgetMs = Infinity): Promise<Cut | null> {
  return inTurn(() => cutIn(content, mayParse, budgetMs))
}

/** Ends the thread once the files handed in are done; the next file starts another. */
export function closeCutter(): Promise<void> {
  return inTurn(stop)
}

function inTurn<T>(job: () => Promise<T>): Promise<T> {
  const done = queue.then(job)
  queue = done.catch(() => {})
  return done
}

async function cutIn(content: Buffer, mayParse: boolean, budgetMs: number): Promise<Cut | null> {
  const worker = thread ??= await start()
  const finished = new AbortController()
  const { signal } = finished
  // Only a thread at work keeps the process alive.
  worker.ref()
  try {
    const answer = once(worker, 'message', { signal })
    const overspent = watch(worker, budgetMs, signal)
    const bytes = new Uint8Array(content)
    worker.postMessage({ bytes, mayParse }, [bytes.buffer])
    const [cut] = await Promise.race([answer, overspent])
    if (cut === undefined) await stop()
    return cut ?? null
  }
  catch (error) {
    // The thread has died, of memory most likely; that is the file's doing, and the next one gets a new thread.
    await stop()
    if (!mayParse) throw error
    return null
  }
  finally {
    finished.abort()
    worker.unref()
  }
}

/** Resolves to an empty message once the thread has used `budgetMs` more; never, when `signal` is aborted first. */
async function watch(worker: Worker, budgetMs: number, signal: AbortSignal): Promise<undefined[]> {
  if (budgetMs === Infinity) return new Promise(() => {})
  const before = await spentMs(worker)
  let left = budgetMs
  try {
    while (left > 0) {
      await delay(Math.max(left, 10), undefined, { signal })
      left = before + budgetMs - await spentMs(worker)
    }
  }
  catch {
    return new Promise(() => {})
  }
  return []
}

/** Milliseconds of processor time a thread has used. */
async function spentMs(worker: Worker): Promise<number> {
  const { user, system } = await worker.cpuUsage()
  return (user + system) / 1000
}

async function start(): Promise<Worker> {
  const file = new URL('./worker.ts', import.meta.url)
  const worker = new Worker(file, { execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 2048 } })
  await once(worker, 'message')
  worker.unref()
  return worker
}

async function stop(): Promise<void> {
  const worker = thread
  thread = null
  await worker?.terminate()
}
