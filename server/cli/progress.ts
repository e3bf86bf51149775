import { clip, note, printable } from './report.ts'

/** How far a long job is. On a terminal one line that redraws; elsewhere a line now and then. */
export interface Progress { step(what: string): void, end(): void }

const WIDTH = 24
const REDRAW_MS = 80
const LINE_MS = 5000

/** A bar over `total` steps on standard error; nothing is drawn for fewer than two. */
export function progressBar(verb: string, total: number): Progress {
  if (total < 2) return { step: () => {}, end: () => {} }
  // What redraws a line is no text: where none may be, lines come now and then.
  const isTerminal = process.stderr.isTTY && process.env.TERM !== 'dumb'
  let done = 0
  let drawnAt = isTerminal ? 0 : performance.now()
  const clear = () => {
    if (isTerminal) process.stderr.write('\r\u001B[2K')
  }
  return {
    step(what) {
      done++
      if (performance.now() - drawnAt < (isTerminal ? REDRAW_MS : LINE_MS)) return
      drawnAt = performance.now()
      if (!isTerminal) return note(`${verb} ${done} of ${total}`)
      const filled = Math.round(WIDTH * done / total)
      const line = `${verb} ${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${done}/${total}  ${printable(what)}`
      clear()
      process.stderr.write(clip(line, (process.stderr.columns ?? 80) - 1))
    },
    end: clear,
  }
}
