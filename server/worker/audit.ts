import { Backoff, pause } from './pause.ts'

/** How far it may be behind: a page judges what is not audited yet, event by event. */
const EVERY_MS = 2000
/** After a fault. */
const MOST_MS = 30_000

export interface AuditOptions {
  /** counts what there is, in small steps, while `more` wants it */
  audit: (more: () => boolean) => Promise<unknown>
  signal: AbortSignal
  /** `forever` until the signal, a little behind the passes; `drain`: what there is now */
  until: 'forever' | 'drain'
  /** told after each time that it got through */
  onRound?: () => void
  /** told of a fault; then it waits and tries again, or ends when this throws */
  onFault: (error: Error) => void
}

/** Audits what workers have routed: whoever runs passes or shows pages does so, and they take turns. */
export async function runAudits({ audit, signal, until, onRound, onFault }: AuditOptions): Promise<void> {
  const backoff = new Backoff(EVERY_MS, MOST_MS)
  if (until === 'forever') await pause(EVERY_MS, signal)
  while (!signal.aborted) {
    try {
      await audit(() => !signal.aborted)
      onRound?.()
      if (until === 'drain') return
      backoff.reset()
      await pause(EVERY_MS, signal)
    }
    catch (error) {
      // A step that was cut off is as if it had not been begun.
      if (signal.aborted) return
      onFault(error as Error)
      await backoff.wait(signal)
    }
  }
}
