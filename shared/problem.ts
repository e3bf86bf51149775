/** SQLSTATEs of the project's own class, each with its stable code, its HTTP status and its title. */
export const SQLSTATES = {
  IU001: { code: 'gate_closed', status: 423, title: 'A gate is closed' },
  IU002: { code: 'invalid_parameter', status: 422, title: 'A parameter is not valid' },
  IU003: { code: 'not_found', status: 404, title: 'Not found' },
  IU004: { code: 'taken', status: 409, title: 'Already taken' },
  IU005: { code: 'append_only', status: 409, title: 'History cannot be changed' },
  IU006: { code: 'round_trip_failed', status: 500, title: 'The rendering is not the source' },
  IU007: { code: 'unknown_event_type', status: 422, title: 'The event type is not registered' },
  IU008: { code: 'reserved_event_type', status: 403, title: 'The event type belongs to another side' },
  IU009: { code: 'lifecycle_refused', status: 409, title: 'The unit\'s lifecycle does not allow it' },
  IU010: { code: 'would_destroy_history', status: 409, title: 'It would destroy history' },
  IU011: { code: 'wrong_isolation', status: 409, title: 'The transaction has the wrong isolation level' },
  IU012: { code: 'unauthenticated', status: 401, title: 'Nobody is signed in' },
  IU013: { code: 'forbidden', status: 403, title: 'The right for it is missing' },
  IU014: { code: 'stale_plan', status: 409, title: 'The state has moved on' },
  IU015: { code: 'key_conflict', status: 409, title: 'The idempotency key was used for something else' },
  IU016: { code: 'nothing_to_do', status: 409, title: 'There is nothing to do' },
  IU017: { code: 'not_reversible', status: 409, title: 'It cannot be undone' },
  IU018: { code: 'second_person_required', status: 403, title: 'A second person has to do it' },
  IU019: { code: 'too_many_attempts', status: 429, title: 'Too many attempts' },
  IU020: { code: 'drifted', status: 409, title: 'What it needs is not as it was deployed' },
} as const

export type SqlState = keyof typeof SQLSTATES

/** The catalogue entry of an SQLSTATE of ours; undefined for any other. */
export function problemOf(sqlState: string | undefined): (typeof SQLSTATES)[SqlState] | undefined {
  return SQLSTATES[sqlState as SqlState]
}

/** What can go wrong between the browser and the database, beside the database's own refusals. */
export const CONSOLE_PROBLEMS = {
  malformed_json: { status: 400, title: 'The body is no JSON' },
  sign_in_refused: { status: 401, title: 'Name or password is wrong' },
  cross_origin: { status: 403, title: 'The request comes from another site' },
  body_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body must be JSON' },
  invalid_query: { status: 400, title: 'A query parameter is not valid' },
  method_not_allowed: { status: 405, title: 'This address takes no such method' },
  misdirected_request: { status: 421, title: 'This server answers on loopback names only' },
  internal: { status: 500, title: 'Something went wrong on the server' },
  database_busy: { status: 503, title: 'Another command was in the way for too long' },
  database_unavailable: { status: 503, title: 'The database cannot be reached' },
  database_not_ready: { status: 503, title: 'The database has no schema of this version yet' },
  database_timeout: { status: 503, title: 'The database took too long to answer' },
} as const

export type ConsoleProblemCode = keyof typeof CONSOLE_PROBLEMS
export type ProblemCode = ConsoleProblemCode | (typeof SQLSTATES)[SqlState]['code']

const CATALOGUE = new Map<string, { status: number, title: string }>([...Object.entries(CONSOLE_PROBLEMS), ...Object.values(SQLSTATES).map(entry => [entry.code, entry] as const)])

/** Every code that a problem, or a run in the ledger, can have. */
export const PROBLEM_CODES = [...CATALOGUE.keys()] as ProblemCode[]

/** A problem's HTTP status and title. */
export const catalogued = (code: ProblemCode) => CATALOGUE.get(code)!

/** RFC 9457 problem details, as every API route sends them (`application/problem+json`). */
export interface Problem {
  type: string
  title: string
  status: number
  code: ProblemCode
  detail?: string
  /** what to do about it */
  hint?: string
  /** the ledger's row of a refused command */
  run?: number
  /** the fields that are at fault, each with what it should be */
  errors?: { field: string, message: string }[]
  /** finds the entry in the server's log */
  correlationId?: string
}
