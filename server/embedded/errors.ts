/** A failure a person can mend: its message says what is wrong and what to do; it never holds a password. */
export class EmbeddedError extends Error {
  override name = 'EmbeddedError'
}

/** The `code` of a system or PostgreSQL error (`ENOENT`, `28P01`), or undefined. */
export function codeOf(error: unknown): string | undefined {
  return (error as { code?: string } | undefined)?.code
}
