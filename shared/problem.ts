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
} as const

export type SqlState = keyof typeof SQLSTATES

/** The catalogue entry of an SQLSTATE of ours; undefined for any other. */
export function problemOf(sqlState: string | undefined): (typeof SQLSTATES)[SqlState] | undefined {
  return SQLSTATES[sqlState as SqlState]
}
