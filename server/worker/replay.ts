import type { ReplayStep } from '../db/functions/replay.ts'
import { Backoff, pause } from './pause.ts'

export interface ReplayOptions {
  step: () => Promise<ReplayStep>
  signal: AbortSignal
  /** `forever` until the signal; `drain` until no replay runs, or a gate is closed */
  until: 'forever' | 'drain'
  /** how often to look whether a replay was started, in milliseconds */
  pollMs: number
  /** told after each batch, and when the status changes */
  onStep?: (step: ReplayStep) => void
  /** told of a fault; then it waits and tries again, or ends when this throws */
  onFault: (error: Error) => void
}

/** While a gate is closed; after a fault it is the first wait. */
const PAUSE_MS = 1000
const MOST_MS = 30_000

/**
 * Carries out replays in the background, batch by batch, and stops between two of them. It knows nothing of its own:
 * whoever calls next, here or in another process, goes on where the last committed batch ended.
 * @returns how many were attempted, and the last status.
 */
export async function runReplays(options: ReplayOptions): Promise<{ attempted: number, status: ReplayStep['status'] | undefined }> {
  const { signal, pollMs } = options
  const backoff = new Backoff(PAUSE_MS, MOST_MS)
  const total = { attempted: 0, status: undefined as ReplayStep['status'] | undefined }
  while (!signal.aborted) {
    try {
      const step = await options.step()
      backoff.reset()
      total.attempted += step.attempted
      if (step.status === 'stepped' || step.status !== total.status) options.onStep?.(step)
      total.status = step.status
      if (options.until === 'drain' && (step.status === 'idle' || step.status === 'gate_closed')) break
      if (step.status === 'waiting') await pause(Math.min(step.waitMs ?? pollMs, pollMs), signal)
      else if (step.status !== 'stepped') await pause(step.status === 'gate_closed' ? PAUSE_MS : pollMs, signal)
    }
    catch (error) {
      // Whatever it was, the batch is as if it had not been begun.
      if (signal.aborted) break
      options.onFault(error as Error)
      await backoff.wait(signal)
    }
  }
  return total
}
