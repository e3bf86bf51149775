/** What a fault of the database, or of the way to it, is to whoever met it. */
export type Fault
  /** with another transaction, which ends by itself */
  = | 'conflict'
  /** a limit of time cut it off */
    | 'timeout'
  /** the server and the way to it: gone, silent, stopping, starting, recovering, or standing by */
    | 'away'
  /** the server is out of memory, room or connections, or its disk fails */
    | 'exhausted'
  /** the schema is not there, or is another version's */
    | 'undeployed'
  /** the login lacks a right */
    | 'denied'
  /** the server refuses the login, or has no such database */
    | 'unknown_login'

/** A connection that does not answer any more, though nobody has closed it. */
export class ConnectionSilent extends Error {
  override name = 'ConnectionSilent'
}

/** The server could not be reached, or went away: nothing that a query did. */
export class DatabaseAway extends Error {
  override name = 'DatabaseAway'
}

interface Thrown extends Error { code?: string, routine?: string, syscall?: string, query?: unknown, params?: unknown }

/** Classes of SQLSTATEs (PostgreSQL, appendix A); the first that fits is it. */
const STATES: [RegExp, Fault][] = [
  [/^(?:40|55P03)/, 'conflict'],
  [/^57014/, 'timeout'],
  // 25006: where one server took over from another, the old one only reads.
  [/^(?:08|57P|25P03|25P04|25006)/, 'away'],
  [/^(?:53|58)/, 'exhausted'],
  [/^(?:42P01|42703|42883|3F000)/, 'undeployed'],
  [/^42501/, 'denied'],
  [/^(?:28|3D000)/, 'unknown_login'],
]
const STATE = /^[0-9A-Z]{5}$/
const WAY = /^(?:ECONN|EPIPE$|ETIMEDOUT$|ENOTFOUND$|EAI_|EHOST|ENET)/
/** What pg says where it has no code: a connection that broke, was closed, was silent, or never came about. */
const BROKEN = /^Connection terminated|is not queryable$|^timeout e(?:xpired|xceeded when trying to connect)$|^Query read timeout$|^Client was closed/

/** What PostgreSQL or the way to it said, where a query or a pool only passes it on. */
export function rootOf(error: Error): Thrown {
  const { code, cause } = error as Thrown
  return code === undefined && cause instanceof Error ? rootOf(cause) : error
}

/** An error's SQLSTATE; undefined for one that is not the database's. */
export function stateOf(error: Error): string | undefined {
  const { code } = rootOf(error)
  return code !== undefined && STATE.test(code) && !code.startsWith('E') ? code : undefined
}

/** Sorts an error; undefined for one that is the program's own, or the database's refusal. The only place that does. */
export function faultOf(error: Error): Fault | undefined {
  const root = rootOf(error)
  const state = stateOf(root)
  // A deploy changed what a prepared statement gives: a new connection prepares it anew.
  if (root.routine === 'RevalidateCachedQuery') return 'away'
  if (state !== undefined) return STATES.find(([states]) => states.test(state))?.[1]
  const { code = '', syscall, message } = root
  // A process that has no file left to open can have no connection.
  if (/^(?:EMFILE|ENFILE)$/.test(code)) return 'exhausted'
  const isAway = [error, root].some(each => each instanceof DatabaseAway || each instanceof ConnectionSilent)
    || WAY.test(code) || syscall === 'connect' || BROKEN.test(message) || isQuery(error)
  return isAway ? 'away' : undefined
}

/** A lock was waited for as long as lock_timeout says. */
export const isLockTimeout = (error: Error): boolean => stateOf(error) === '55P03'

/** Drizzle's: of a query that failed without an SQLSTATE the connection was lost. */
const isQuery = (error: Thrown): boolean => error.query !== undefined && error.params !== undefined && error.cause !== undefined

const PASSING: ReadonlySet<Fault | undefined> = new Set<Fault>(['conflict', 'timeout', 'away', 'exhausted'])

/** Whether the same may well succeed later, with nothing changed in the program, the schema or the rights. */
export const isPassing = (error: Error): boolean => PASSING.has(faultOf(error))
