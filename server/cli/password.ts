import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DATA } from './database.ts'
import { note, say } from './report.ts'

/** The first line of standard input. */
export const passwordFromInput = (): string => readFileSync(0, 'utf8').split('\n')[0]!.replace(/\r$/, '')

/**
 * Hands over a password that was made here: shown once on a terminal, else written to a file that its owner
 * alone may read. Never both, and never to a log.
 */
export function handOver(account: string, password: string): void {
  if (process.stdout.isTTY) return say(`\n  account   ${account}\n  password  ${password}\n\n  It is shown this once.\n`)
  const file = join(DATA, `${account}-password`)
  writeFileSync(file, `${password}\n`, { mode: 0o600, flag: 'w' })
  note(`the password of ${account} is in ${file}`)
}
