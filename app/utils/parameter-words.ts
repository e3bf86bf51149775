import { capital, words } from './format'

const LABELS: Record<string, string> = { per_second: 'At most per second', through: 'Up to number', limit: 'At most', ms: 'Milliseconds', poll_ms: 'Wait in ms', would_become: 'Would become', expect_version: 'Only at version', expect_revision: 'Only at revision', source_path: 'Source path', expires_at: 'Expires', payload_schema: 'Payload schema', current_password: 'Present password' }
/** A parameter's name as one reads it. */
export const labelOfParam = (name: string): string => LABELS[name] ?? capital(words(name))

/** Known by what a receipt carries, never typed. */
const CARRIED = new Set(['at', 'expect_at', 'separators'])
export const isCarried = (name: string): boolean => CARRIED.has(name)

/** What only a receipt carries, for the database to compare or to place by: nobody reads it. */
export const isSilent = (name: string): boolean => isCarried(name) || name.startsWith('expect_')
