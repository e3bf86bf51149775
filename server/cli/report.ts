import { createRequire } from 'node:module'
import type wide from 'string-width'
import { BackupRefused } from '../backup/manifest.ts'
import { RefusedCommand } from '../commands/carry.ts'
import { type Fault, faultOf, rootOf } from '../db/faults.ts'
import { Interrupted } from '../deploy/interrupt.ts'
import { UnitError } from '../deploy/units.ts'
import { problemOf } from '../../shared/problem.ts'

const require = createRequire(import.meta.url)
/** Columns that a text takes in a terminal. The library makes tables of all of Unicode as it is loaded, a quarter of what a command takes: few texts need them. */
const stringWidth = (text: string): number => /^[ -~]*$/.test(text) ? text.length : (require('string-width') as { default: typeof wide }).default(text)

/** What the exit status of every command says. */
export const EXIT = {
  done: 0,
  /** something broke that should not have */
  failed: 1,
  /** the command line is wrong */
  usage: 2,
  /** refused: a closed gate, a conflict, bad input; nothing was changed */
  refused: 3,
  /** some of the given things were refused, the rest is done */
  partly: 4,
} as const

/** A refusal of the command line's own, in words for a person. */
export class Refusal extends Error {
  readonly status: number

  constructor(message: string, status: number = EXIT.refused) {
    super(message)
    this.status = status
  }
}

/** A whole number between two bounds, or a refusal that names the flag. */
export function whole(flag: string, given: string, least: number, most: number): number {
  const number = /^\d{1,15}$/.test(given) ? Number(given) : NaN
  if (!(number >= least && number <= most)) throw new Refusal(`--${flag}: "${given}" is not a whole number from ${least} to ${most}`, EXIT.usage)
  return number
}

/** A line to standard output. */
export const say = (line: string): void => void process.stdout.write(`${line}\n`)
/** A line to standard error: progress and remarks, never results. */
export const note = (line: string): void => void process.stderr.write(`${line}\n`)

/** One JSON document to standard output. */
export const sayJson = (value: unknown): void => say(JSON.stringify(value, null, 2))

/** Text from outside as it may safely reach a terminal: control characters escaped. */
// eslint-disable-next-line no-control-regex
export const printable = (text: string): string => text.replace(/[\u0000-\u001F\u007F-\u009F\u200E\u200F\u202A-\u202E\u2066-\u2069]/g, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** `12.3 kB`: bytes for a person, in powers of 1000. */
export function bytes(count: number): string {
  const unit = ['B', 'kB', 'MB', 'GB'][Math.min(3, Math.floor(Math.log10(Math.max(count, 1)) / 3))]!
  const value = count / 1000 ** ['B', 'kB', 'MB', 'GB'].indexOf(unit)
  return `${unit === 'B' ? value : value.toFixed(1)} ${unit}`
}

/** `1 file`, `2 files`, `1,234 files`. */
export const count = (number: number, noun: string): string => `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`

const MOST_WIDTH = 72

const GRAPHEMES = new Intl.Segmenter()
const graphemes = (text: string): string[] => Array.from(GRAPHEMES.segment(text), ({ segment }) => segment)

/** As many of the characters as fit into so many columns of a terminal. */
function fitting(characters: string[], columns: number): string[] {
  let width = 0
  const end = characters.findIndex(character => (width += stringWidth(character)) > columns)
  return end < 0 ? characters : characters.slice(0, end)
}

/** The beginning of a text that fits into so many columns of a terminal. */
export const clip = (text: string, columns: number): string => stringWidth(text) <= columns ? text : fitting(graphemes(text), columns).join('')

/** A text without its middle, where it is wider than a column may be. */
function shorten(text: string): string {
  if (stringWidth(text) <= MOST_WIDTH) return text
  const characters = graphemes(text)
  return `${fitting(characters, MOST_WIDTH / 2).join('')}…${fitting(characters.reverse(), MOST_WIDTH / 2 - 1).reverse().join('')}`
}

/** Rows under headings, padded into columns as wide as they are shown; on a terminal a cell that is too long for a line loses its middle. */
export function table(headings: string[], rows: string[][], isTerminal: boolean = process.stdout.isTTY): string {
  const cells = rows.map(row => row.map(cell => isTerminal ? shorten(printable(cell)) : printable(cell)))
  const widths = headings.map((heading, column) => cells.reduce((most, row) => Math.max(most, stringWidth(row[column]!)), heading.length))
  return [headings, ...cells].map(row => row.map((cell, column) => cell + ' '.repeat(widths[column]! - stringWidth(cell))).join('  ').trimEnd()).join('\n')
}

interface DatabaseError extends Error { code?: string, detail?: string, hint?: string, column?: string }

const isUsage = (error: { code?: string }) => /^(E_|EARG$|ERR_PARSE_ARGS)/.test(error.code ?? '')

/** What happened, and what to do, for each fault of the database. */
const FAULTS: Record<Fault, { status: number, says: (error: DatabaseError) => string, hint?: string }> = {
  conflict: { status: EXIT.failed, says: ({ message }) => `another transaction was in the way: ${message}`, hint: 'Try again' },
  timeout: { status: EXIT.failed, says: ({ message }) => `the database took too long: ${message}`, hint: 'Try again, or with less at a time' },
  away: { status: EXIT.failed, says: ({ message, code }) => `the database cannot be reached (${code ?? message})`, hint: 'Check DATABASE_URL, or unset it to use the embedded database' },
  exhausted: { status: EXIT.failed, says: ({ message, code }) => `the database server has run out of something (${code}): ${message}`, hint: 'Give it memory, disk space or connections, and try again' },
  undeployed: { status: EXIT.failed, says: () => 'this database does not have the schema of this version', hint: 'Run iu db bootstrap, then iu db deploy' },
  denied: { status: EXIT.refused, says: ({ message }) => `this login may not do that: ${message}` },
  unknown_login: { status: EXIT.failed, says: ({ message }) => `the database does not let this login in: ${message}`, hint: 'Check user, password and database in DATABASE_URL' },
}

/** A refused command: its receipt for a program, what it says to people for a person. */
function refused({ receipt }: RefusedCommand, json: boolean): number {
  const { code, detail, more, hint, field, run } = receipt
  if (json) sayJson({ error: { code, field, message: detail, hint }, run, receipt })
  else note([`iu: ${detail}`, more && `    ${more}`, hint && `    ${hint}`, `    (${code}, run ${run} of the ledger)`].filter(Boolean).join('\n'))
  return code === 'internal' ? EXIT.failed : EXIT.refused
}

/** A fault that may pass, in one line. */
export function whyNot(thrown: Error): string {
  const fault = faultOf(thrown)
  return fault ? FAULTS[fault].says(rootOf(thrown)) : thrown.message
}

/**
 * Tells a person (or, with `json`, a program) what went wrong and what to do, and returns the exit status.
 * Connection strings and stacks stay out of it; IU_DEBUG=1 adds the stack. `command` is whose help is offered.
 */
export function explain(thrown: unknown, json: boolean, command = 'iu'): number {
  const error: DatabaseError = rootOf(thrown instanceof Error ? thrown : new Error(String(thrown)))
  const problem = problemOf(error.code)
  const says = (status: number, message: string, hint?: string): number => {
    if (json) sayJson({ error: { code: problem?.code ?? (status === EXIT.usage ? 'usage' : 'failed'), field: error.column, message, hint } })
    // Of a refusal it says more, of a wait for whom one waited; of any other fault it may hold what somebody wrote.
    else note([`iu: ${message}`, error.detail && (problem || faultOf(error) === 'conflict') && `    ${error.detail}`, hint && `    ${hint}`].filter(Boolean).join('\n'))
    if (process.env.IU_DEBUG) note(error.stack ?? '')
    return status
  }
  if (thrown instanceof Interrupted) return says(thrown.status, thrown.message)
  if (thrown instanceof Refusal) return says(thrown.status, error.message)
  if (thrown instanceof BackupRefused || thrown instanceof UnitError) return says(EXIT.refused, error.message)
  if (thrown instanceof RefusedCommand) return refused(thrown, json)
  if (problem) return says(EXIT.refused, error.message, error.hint)
  if (isUsage(error)) return says(EXIT.usage, error.message, `See ${command} --help`)
  const fault = faultOf(error)
  if (fault) return says(FAULTS[fault].status, FAULTS[fault].says(error), FAULTS[fault].hint)
  return says(EXIT.failed, error.message || error.code || error.name)
}
