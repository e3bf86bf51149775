import type { ProblemCode } from '../problem.ts'
import { READ_ROUTES, type ReadRoute } from '../read-models/routes.ts'
import { QUERY_EXAMPLES } from './examples.ts'
import { ANY, refusals } from './problems.ts'
import { pascal, refTo, schemaOf } from './schemas.ts'
import type { Operation, Parameter, PathItem, Response, Schema } from './types.ts'

const ROUTES = Object.entries<ReadRoute>(READ_ROUTES)

const TAGS: Record<string, string> = {
  overview: 'Overview', accounting: 'Overview', shell: 'Overview', collections: 'Collections', attempts: 'Delivery', 'dead-letters': 'Delivery',
  worker: 'Operation', backups: 'Operation', gates: 'Operation', commands: 'Operation', ledger: 'Operation', accounts: 'Operation', session: 'Session',
}

/** The parameters that a query schema takes. */
export function parametersOf({ query }: Pick<ReadRoute, 'query'>): Parameter[] {
  const { properties = {}, required = [] } = schemaOf(query, 'input')
  return Object.entries(properties).map(([name, { description, ...schema }]) => {
    const isRequired = required.includes(name)
    return { name, in: 'query', required: isRequired, ...(description ? { description } : {}), schema, ...(isRequired ? { example: QUERY_EXAMPLES[name] } : {}) }
  })
}

/** The refusals of a read; it finds nothing only where it looks for one thing. */
export const readRefusals = (finds?: true): Record<string, Response> => refusals([...ANY, 'invalid_query', ...(finds ? ['not_found' satisfies ProblemCode] as const : [])])

function operation(name: string, route: ReadRoute): Operation {
  const refused = Object.keys(readRefusals(route.finds)).map(status => [status, refTo('responses', `Read${status}`)])
  return {
    operationId: `get${pascal(name)}`,
    tags: [TAGS[name.split('/')[0]!] ?? 'Overview'],
    summary: route.summary,
    parameters: parametersOf(route),
    responses: { 200: { description: 'The answer', content: { 'application/json': { schema: refTo('schemas', pascal(name)) } } }, ...Object.fromEntries(refused) },
    'x-right': route.right,
  }
}

export const readPaths = (): Record<string, PathItem> => Object.fromEntries(ROUTES.map(([name, route]) => [`/api/${name}`, { get: operation(name, route) }]))
export const readSchemas = (): Record<string, Schema> => Object.fromEntries(ROUTES.map(([name, { answer }]) => [pascal(name), schemaOf(answer)]))
