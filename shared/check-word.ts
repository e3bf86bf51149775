import type { ConformanceCheck } from './read-models/conformance.ts'

/** What a check came to, in a word. What is unknown or accepted is no pass, and no drift either. */
export function wordOfCheck({ ok, missing, unexpected, changed, unknown, accepted }: ConformanceCheck): 'ok' | 'drift' | 'unknown' | 'accepted' {
  if (ok) return 'ok'
  if (missing + unexpected + changed) return 'drift'
  if (unknown) return 'unknown'
  return accepted ? 'accepted' : 'drift'
}
