import type { Mark } from './marks'

/** What stands above a column: a word, or more than that. */
export type Column = string | { label: string, isNumber?: true, isCommands?: true, mark?: Mark }

export const num = (label: string): Column => ({ label, isNumber: true })

/** The last column, which stays in sight: its cells have the class `commands`. */
export const COMMANDS_COLUMN: Column = { label: 'Commands', isCommands: true }
