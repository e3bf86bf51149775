import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesIn, ROOT } from './sources.ts'

/** Comments, dollar-quoted bodies, string constants: what is between is SQL itself. */
const OPAQUE = /--[^\n]*|\/\*[\s\S]*?\*\/|(\$\w*\$)[\s\S]*?\1|'(?:[^']|'')*'/g
const WRITES = /\b(?:INSERT\s+INTO|UPDATE\s+(?:ONLY\s+)?[\w."]+\s+(?:AS\s+)?(?:\w+\s+)?SET|DELETE\s+FROM|MERGE\s+INTO|TRUNCATE\s+(?!ON\b|OR\b)[\w."]|COPY\s+[\w."(])/i

export interface Sql { path: string, text: string }

/** The SQL files at or below the given paths of drizzle/. */
export const readSql = (...paths: string[]): Sql[] => filesIn(...paths.map(path => `drizzle/${path}`))
  .filter(path => path.endsWith('.sql')).map(path => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }))

/**
 * The statements of a script, without comments, strings and the bodies of functions. What runs at once stays:
 * the body of a DO.
 */
export function statements(text: string): string[] {
  const bare = text.replace(OPAQUE, (match, quote: string | undefined, at: number) => {
    if (match.startsWith('--') || match.startsWith('/*')) return ' '
    const runsAtOnce = quote !== undefined && /\bDO\s*$/i.test(text.slice(Math.max(0, at - 20), at))
    return runsAtOnce ? match.replaceAll(';', ' ') : '\'\''
  })
  return bare.split(';').map(statement => statement.replace(/\s+/g, ' ').trim()).filter(Boolean)
}

/** Whether a piece of SQL changes rows. */
export const writes = (sql: string): boolean => WRITES.test(sql)
