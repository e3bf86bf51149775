import { randomUUID } from 'node:crypto'
import type { H3Event } from 'h3'
import type { z } from 'zod'
import { DatabaseAway, type Fault, faultOf, rootOf } from '../db/faults.ts'
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
  const thrown = error instanceof Error ? error : new Error(String(error))
  const cause = rootOf(thrown)
  const own = problemOf(cause.code)
  if (own) {
    const { message, hint, column } = cause as { message: string, hint?: string, column?: string }
    return problem(own.code, { detail: message, hint, errors: column ? [{ field: column, message }] : undefined })
  }
  const fault = faultOf(thrown)
  const code = fault ? PROBLEM_OF[fault] : 'internal'
  const correlationId = randomUUID()
  // A database that is away is asked again and again: one line each is enough, the cause is known.
  console.error(`[${correlationId}] ${code}`, code === 'internal' ? error : reasonOf(thrown), ...fault === 'conflict' ? [(cause as { detail?: string }).detail ?? ''] : [])
  return { ...problem(code), correlationId }
}

function reasonOf(error: Error): string {
  const root = rootOf(error)
  return root === error ? error.message : `${error instanceof DatabaseAway ? `${error.message}: ` : ''}${root.message}`
}

const PROBLEM_OF: Record<Fault, ConsoleProblemCode> = {
  conflict: 'database_busy',
  timeout: 'database_timeout',
  away: 'database_unavailable',
  exhausted: 'database_unavailable',
  unknown_login: 'database_unavailable',
  undeployed: 'database_not_ready',
  denied: 'database_not_ready',
}

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
