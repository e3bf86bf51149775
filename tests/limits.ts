/**
 * How long tests and what they wait for may take, in milliseconds. The limits are there to end a hang; no verdict depends
 * on them, on a slow machine that does other work either. A house test holds every other limit to a minute at least.
 */
export const LIMITS = {
  /** a test, a hook */
  test: 20 * 60_000,
  /** one thing that is waited for */
  wait: 3 * 60_000,
}
