/** The tables of docs/rights.md, as the specs hold the database against them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const PAGE = readFileSync(join(import.meta.dirname, '../../../docs/rights.md'), 'utf8')

/** The rows of the table under a heading, each by the names of its columns; backticks are left out. */
export function tableUnder(heading: string): Record<string, string>[] {
  const section = PAGE.split(/^## /m).find(text => text.startsWith(`${heading}\n`))
  if (!section) throw new Error(`docs/rights.md has no section "${heading}"`)
  const [names, , ...rows] = section.split('\n').filter(line => line.startsWith('|')).map(line => line.split('|').slice(1, -1).map(cell => cell.trim()))
  return rows.map(cells => Object.fromEntries(names!.map((name, i) => [name, cells[i]!.replaceAll('`', '')])))
}

export const ROLES = ['iu_console', 'iu_reader', 'iu_emitter', 'iu_worker', 'iu_operator', 'iu_approver'] as const
export type Role = (typeof ROLES)[number]

const functionsAndViews = tableUnder('Database roles').map(({ 'function or view': name, ...granted }) => ({ name: name!, granted }))
const everyView = functionsAndViews.find(({ name }) => name.startsWith('every view'))!

/** Views that only functions read. */
export const INTERNAL_VIEWS: string[] = everyView.name.match(/\bv_\w+/g)!.sort()

/** What each role may do, all of it: by name, sorted. */
export const MATRIX = Object.fromEntries(ROLES.map(role => [role, {
  reads: everyView.granted[role] === 'yes' ? 'every view' : 'nothing',
  calls: functionsAndViews.filter(({ name, granted }) => name.startsWith('fn_') && granted[role] === 'yes').map(({ name }) => name).sort(),
}])) as Record<Role, { reads: 'every view' | 'nothing', calls: string[] }>

/** The lowest right of each command, its tier, its gates, and whether it asks for a reason. */
export const COMMAND_RIGHTS = tableUnder('Commands').map(({ command, right, tier, gates, reason }) => ({
  command: command!, right: right!, tier: Number(tier), gates: gates === '–' ? [] : gates!.split(', ').map(gate => `iu_core.${gate}`), reason: reason === 'yes',
}))
