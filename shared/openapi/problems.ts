import { z } from 'zod'
import { catalogued, type Problem, PROBLEM_CODES, type ProblemCode } from '../problem.ts'
import { refTo } from './schemas.ts'
import type { Response } from './types.ts'

/** RFC 9457 problem details, as every refusal is answered. */
export const problemSchema = z.object({
  type: z.string().describe('urn:iu:problem: and the code'),
  title: z.string(),
  status: z.int().min(400).max(599),
  code: z.enum(PROBLEM_CODES).describe('stable: tell problems apart by it'),
  detail: z.string().optional(),
  hint: z.string().optional().describe('what to do about it'),
  run: z.int().min(1).optional().describe('the ledger\'s row of a refused command'),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional().describe('the fields at fault, by their path'),
  correlationId: z.string().optional().describe('finds the entry in the server\'s log'),
}) satisfies z.ZodType<Problem>

const headersOf = (status: number): Response['headers'] => {
  if (status === 401) return { 'www-authenticate': { description: 'Bearer', schema: { type: 'string' } } }
  if (status === 429 || status === 503) return { 'retry-after': { description: 'seconds', schema: { type: 'integer' } } }
  return undefined
}

/** The refusals that a route can answer with, by status: each says which codes it can have. */
export function refusals(codes: ProblemCode[]): Record<string, Response> {
  const statuses = [...new Set(codes.map(code => catalogued(code).status))].sort((a, b) => a - b)
  return Object.fromEntries(statuses.map((status) => {
    const own = codes.filter(code => catalogued(code).status === status)
    const headers = headersOf(status)
    return [String(status), {
      description: own.map(code => `\`${code}\`: ${catalogued(code).title}.`).join(' '),
      ...(headers ? { headers } : {}),
      content: { 'application/problem+json': { schema: { ...refTo('schemas', 'Problem'), properties: { status: { const: status }, code: { enum: own } } } } },
    }]
  }))
}

/** What can happen to any request for which somebody must be signed in. */
export const ANY: ProblemCode[] = ['unauthenticated', 'forbidden', 'misdirected_request', 'internal', 'database_unavailable', 'database_not_ready', 'database_timeout']
/** What can be wrong with a body. */
export const BODY: ProblemCode[] = ['malformed_json', 'cross_origin', 'body_too_large', 'unsupported_media_type', 'invalid_parameter']
