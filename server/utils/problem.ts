import { randomUUID } from 'node:crypto'
import type { H3Event } from 'h3'
import { DrizzleQueryError } from 'drizzle-orm/errors'
import type { z } from 'zod'
import { DatabaseAway } from '../db/client.ts'
import type { Receipt } from '../../shared/commands/receipt.ts'
import { catalogued, type ConsoleProblemCode, type Problem, type ProblemCode, problemOf } from '../../shared/problem.ts'

type Extra = Pick<Problem, 'detail' | 'hint' | 'errors' | 'run'>

const problem = (code: ProblemCode, extra: Extra = {}): Problem => {
  const { status, title } = catalogued(code)
  return { type: `urn:iu:problem:${code}`, title, status, code, ...extra }
}

/** A fault that we can name. */
export class ProblemError extends Error {
  readonly problem: Problem
  constructor(code: ProblemCode, extra: Extra = {}) {
    super(code)
    this.problem = problem(code, extra)
  }
}

/** What is wrong with a query or body, as one problem that names the path of each field. */
function invalid(code: 'invalid_query' | 'invalid_parameter', { issues }: z.ZodError): ProblemError {
  const errors = issues.flatMap(issue => issue.code === 'unrecognized_keys'
    ? issue.keys.map(key => ({ field: [...issue.path, key].join('.'), message: 'is not known here' }))
    : [{ field: issue.path.join('.') || (code === 'invalid_query' ? 'query' : 'body'), message: issue.message }]).slice(0, 50)
  return new ProblemError(code, { detail: errors.map(({ field, message }) => `${field}: ${message}`).join('; ').slice(0, 2000), errors })
}

/** A query that is not of its schema. */
export const invalidQuery = (error: z.ZodError): ProblemError => invalid('invalid_query', error)
/** A body that is not of its schema. */
export const invalidInput = (error: z.ZodError): ProblemError => invalid('invalid_parameter', error)

/** A command that the dispatcher refused, or that failed inside: the run's number finds it in the ledger. */
export function refusalOf({ code, detail, hint, field, errors, run }: Receipt): ProblemError {
  const fields = errors ?? (field === undefined ? undefined : [{ field, message: detail ?? '' }])
  return new ProblemError(code!, { detail, hint, errors: fields, run })
}

/** Any error as a problem. Nothing of the error itself goes out, but what the database's own refusals say to people. */
export function toProblem(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem
  const cause = error instanceof DrizzleQueryError ? error.cause : error
  const state = (cause as { code?: string } | undefined)?.code
  const own = problemOf(state)
  if (own) {
    const { message, hint, column } = cause as { message: string, hint?: string, column?: string }
    return problem(own.code, { detail: message, hint, errors: column ? [{ field: column, message }] : undefined })
  }
  const isQuery = error instanceof DrizzleQueryError
  const code = databaseFault(cause, state, isQuery) ?? 'internal'
  const correlationId = randomUUID()
  // A database that is away is asked again and again: one line each is enough, the cause is known.
  console.error(`[${correlationId}] ${code}`, code === 'internal' ? error : reasonOf(cause))
  return { ...problem(code), correlationId }
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? `${message}: ${cause.message}` : message
}

/** Faults of the database by SQLSTATE, or of the way to it, which have none. */
function databaseFault(cause: unknown, state: string | undefined, isQuery: boolean): ConsoleProblemCode | undefined {
  if (cause instanceof DatabaseAway) return 'database_unavailable'
  if (state === '57014') return 'database_timeout'
  if (state !== undefined && /^(40001|40P01|55P03)$/.test(state)) return 'database_busy'
  if (state !== undefined && /^(42P01|42703|42883|42501|3F000)$/.test(state)) return 'database_not_ready'
  if (state !== undefined && /^(08|57P|53|28|25P03)/.test(state)) return 'database_unavailable'
  const hasState = state !== undefined && /^[0-9A-Z]{5}$/.test(state)
  // A query that failed without an SQLSTATE lost its connection.
  if ((isQuery && !hasState) || isConnectionLoss(cause)) return 'database_unavailable'
  return undefined
}

const isConnectionLoss = (error: unknown) => ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND'].includes((error as { code?: string } | undefined)?.code ?? '')
  // pg has no code for a connection that ends during a query.
  || /^Connection terminated|timeout exceeded when trying to connect/.test((error as Error | undefined)?.message ?? '')

/** Answers with the problem; the one translator for every route and middleware. */
export async function sendProblem(event: H3Event, error: unknown): Promise<string> {
  await readAway(event.node.req)
  const answer = toProblem(error)
  setResponseStatus(event, answer.status)
  setHeader(event, 'content-type', 'application/problem+json')
  setHeader(event, 'cache-control', 'no-store')
  if (answer.status === 503) setHeader(event, 'retry-after', 5)
  if (answer.status === 401) setHeader(event, 'www-authenticate', 'Bearer')
  return JSON.stringify(answer)
}
