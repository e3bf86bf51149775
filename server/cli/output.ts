/** What is written may get lost: the reader has ended, the disk is full, the terminal was closed. */
const gone = new AbortController()

/** Comes when nobody reads any more what this process says. */
export const outputGone: AbortSignal = gone.signal

/** Keeps a lost output from ending the process in the middle of its work; a full disk is told once. */
export function guardOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (gone.signal.aborted) return
      gone.abort()
      // A reader that has seen enough is no fault, and to a terminal that is closed nothing can be told.
      if (error.code === 'EPIPE' || error.code === 'EIO') return
      process.exitCode = 1
      if (stream === process.stdout) process.stderr.write(`iu: the output could not be written (${error.code}): what this command was asked to do it has done, but its answer is not whole; make room, and ask again\n`)
    })
  }
}

/** A line to standard output; why it could not be written, if it could not. */
export const written = (line: string): Promise<Error | undefined> =>
  new Promise(resolve => process.stdout.write(`${line}\n`, error => resolve(error ?? undefined)))

/**
 * Whether what is written may have colours: NO_COLOR with any text in it forbids them (no-color.org), FORCE_COLOR asks
 * for them (0 and false do not), else a terminal has them that is not a dumb one.
 */
export function hasColors(env = process.env, isTerminal: boolean = process.stdout.isTTY): boolean {
  if (env.NO_COLOR) return false
  if (env.FORCE_COLOR !== undefined) return !/^(?:0|false)$/.test(env.FORCE_COLOR)
  return isTerminal && env.TERM !== 'dumb'
}
