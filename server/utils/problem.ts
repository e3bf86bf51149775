import { randomUUID } from 'node:crypto'
import type { H3Event } from 'h3'
import { DrizzleQueryError } from 'drizzle-orm/errors'
import type { z } from 'zod'
import { DatabaseAway } from '../db/client.ts'
import { CONSOLE_PROBLEMS, type ConsoleProblemCode, type Problem, problemOf } from '../../shared/problem.ts'

/** A fault that we can name. */
export class ProblemError extends Error {
  readonly problem: Problem
  constructor(code: ConsoleProblemCode, extra: Pick<Problem, 'detail' | 'errors'> = {}) {
    super(code)
    this.problem = { type: `urn:iu:problem:${code}`, ...CONSOLE_PROBLEMS[code], code, ...extra }
  }
}

/** A query that is not of its schema, with each field at fault. */
export function invalidQuery({ issues }: z.ZodError): ProblemError {
  const errors = issues.flatMap(issue => issue.code === 'unrecognized_keys'
    ? issue.keys.map(field => ({ field, message: 'is not a parameter of this page' }))
    : [{ field: issue.path.join('.'), message: issue.message }])
  return new ProblemError('invalid_query', { detail: errors.map(({ field, message }) => `${field}: ${message}`).join('; '), errors })
}

/** Any error as a problem. Nothing of the error itself goes out: the log has it, under the correlation id. */
export function toProblem(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem
  const cause = error instanceof DrizzleQueryError ? error.cause : error
  const state = (cause as { code?: string } | undefined)?.code
  const own = problemOf(state)
  if (own) return { type: `urn:iu:problem:${own.code}`, title: own.title, status: own.status, code: own.code }
  const isQuery = error instanceof DrizzleQueryError
  const { problem } = new ProblemError(databaseFault(cause, state, isQuery) ?? 'internal')
  const correlationId = randomUUID()
  // A database that is away is asked again and again: one line each is enough, the cause is known.
  console.error(`[${correlationId}] ${problem.code}`, problem.code === 'internal' ? error : reasonOf(cause))
  return { ...problem, correlationId }
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? `${message}: ${cause.message}` : message
}

/** Faults of the database by SQLSTATE, or of the way to it, which have none. */
function databaseFault(cause: unknown, state: string | undefined, isQuery: boolean): ConsoleProblemCode | undefined {
  if (cause instanceof DatabaseAway) return 'database_unavailable'
  if (state === '57014') return 'database_timeout'
  if (state !== undefined && /^(42P01|42703|42883|42501|3F000)$/.test(state)) return 'database_not_ready'
  if (state !== undefined && /^(08|57P|53|28|25P03)/.test(state)) return 'database_unavailable'
  const hasState = state !== undefined && /^[0-9A-Z]{5}$/.test(state)
  // A query that failed without an SQLSTATE lost its connection.
  if ((isQuery && !hasState) || isConnectionLoss(state)) return 'database_unavailable'
  return undefined
}

const isConnectionLoss = (code: string | undefined) => ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND'].includes(code ?? '')

/** Answers with the problem; the one translator for every route and middleware. */
export function sendProblem(event: H3Event, error: unknown): string {
  const problem = toProblem(error)
  setResponseStatus(event, problem.status)
  setHeader(event, 'content-type', 'application/problem+json')
  setHeader(event, 'cache-control', 'no-store')
  if (problem.status === 503) setHeader(event, 'retry-after', 5)
  return JSON.stringify(problem)
}
