import { describe, expect, it } from 'vitest'
import { COMMANDS } from '../../shared/commands/index.ts'
import { commandRequest } from '../../shared/commands/request.ts'
import { openapiDocument } from '../../shared/openapi.ts'
import { examplesOf } from '../../shared/openapi/commands.ts'
import { EXAMPLES } from '../../shared/openapi/examples.ts'
import type { Operation, Parameter, Reference, Response, Schema } from '../../shared/openapi/types.ts'
import { catalogued, CONSOLE_PROBLEMS, SQLSTATES } from '../../shared/problem.ts'
import { READ_ROUTES } from '../../shared/read-models/routes.ts'
import { flaws, mismatches, resolve } from './openapi-schema.ts'

const document = openapiDocument('http://127.0.0.1:4600')
const OPERATIONS = Object.entries(document.paths).flatMap(([path, item]) => Object.entries(item).map(([method, operation]) => ({ path, method, operation })))

/** Every `$ref` in the document. */
function* refsIn(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return
  for (const [key, member] of Object.entries(value)) {
    if (key === '$ref' && typeof member === 'string') yield member
    else yield* refsIn(member)
  }
}

const follow = <Part extends object>(part: Part | Reference): Part => '$ref' in part ? resolve(document, (part as Reference).$ref) as Part : part
const responsesOf = ({ responses }: Operation): [string, Response][] => Object.entries(responses).map(([status, response]) => [status, follow<Response>(response)])
const codesOf = (response: Response): unknown[] => response.content['application/problem+json']?.schema.properties?.code?.enum ?? []

/** Every schema that stands in the document by itself. */
const SCHEMAS: [string, Schema][] = [
  ...Object.entries(document.components.schemas),
  ...Object.entries(document.components.parameters).map(([name, { schema }]): [string, Schema] => [name, schema]),
  ...Object.entries(document.components.responses).flatMap(([name, { content }]) => Object.values(content).map(({ schema }): [string, Schema] => [name, schema])),
  ...OPERATIONS.flatMap(({ operation }): [string, Schema][] => [
    ...(operation.parameters ?? []).map((parameter): [string, Schema] => [operation.operationId, follow<Parameter>(parameter).schema]),
    ...(operation.requestBody ? [[operation.operationId, operation.requestBody.content['application/json'].schema] as [string, Schema]] : []),
    ...responsesOf(operation).flatMap(([, { content }]) => Object.values(content).map(({ schema }): [string, Schema] => [operation.operationId, schema])),
  ]),
]

describe('the document', () => {
  it('is OpenAPI 3.1, and plain JSON', () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/)
    expect(document.servers).toEqual([{ url: 'http://127.0.0.1:4600' }])
    expect(JSON.parse(JSON.stringify(document))).toEqual(document)
    expect(Object.keys(document).sort()).toEqual(['components', 'info', 'openapi', 'paths', 'security', 'servers', 'tags'])
    expect(document.info).toEqual({ title: expect.any(String), version: expect.any(String), description: expect.any(String) })
  })

  it('has no reference that leads nowhere, and no part that nothing refers to', () => {
    const refs = new Set(refsIn(document))
    expect(refs.size).toBeGreaterThan(50)
    expect([...refs].filter(ref => !ref.startsWith('#/') || resolve(document, ref) === undefined)).toEqual([])
    const parts = Object.entries(document.components).filter(([kind]) => kind !== 'securitySchemes').flatMap(([kind, named]) => Object.keys(named).map(name => `#/components/${kind}/${name}`))
    expect(parts.filter(part => !refs.has(part))).toEqual([])
    expect(parts.filter(part => !/^#\/components\/\w+\/[\w.-]+$/.test(part))).toEqual([])
  })

  it('gives each operation a name of its own, a tag that is declared, and responses', () => {
    const names = OPERATIONS.map(({ operation }) => operation.operationId)
    expect(new Set(names).size).toBe(names.length)
    const tags = document.tags.map(({ name }) => name)
    expect(new Set(tags).size).toBe(tags.length)
    expect(OPERATIONS.filter(({ operation }) => operation.tags.length !== 1 || !tags.includes(operation.tags[0]))).toEqual([])
    expect(tags.filter(tag => !OPERATIONS.some(({ operation }) => operation.tags[0] === tag))).toEqual([])
    for (const { operation } of OPERATIONS) {
      expect(operation.summary.length, operation.operationId).toBeGreaterThan(1)
      const responses = responsesOf(operation)
      expect(responses.filter(([status]) => status === '200'), operation.operationId).toHaveLength(1)
      expect(responses.filter(([status, response]) => !/^[2-5]\d\d$/.test(status) || !response.description || Object.keys(response.content).length !== 1), operation.operationId).toEqual([])
    }
  })

  it('declares each parameter of a path, and each parameter once', () => {
    for (const { path, operation } of OPERATIONS) {
      const parameters = (operation.parameters ?? []).map(parameter => follow<Parameter>(parameter))
      expect(new Set(parameters.map(({ name, in: place }) => `${place} ${name}`)).size, path).toBe(parameters.length)
      expect(parameters.filter(({ in: place }) => !['query', 'header'].includes(place)), path).toEqual([])
      expect([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name), path).toEqual(parameters.filter(({ in: place }) => (place as string) === 'path').map(({ name }) => name))
    }
  })

  it('has schemas that a checker can read', () => {
    expect(SCHEMAS.length).toBeGreaterThan(150)
    expect(SCHEMAS.flatMap(([name, schema]) => flaws(schema).map(flaw => `${name}: ${flaw}`))).toEqual([])
  })

  it('asks for somebody who is signed in, but to sign in and to be alive', () => {
    expect(document.security.flatMap(Object.keys)).toEqual(Object.keys(document.components.securitySchemes))
    expect(OPERATIONS.filter(({ operation }) => operation.security).map(({ operation }) => operation.operationId).sort()).toEqual(['getHealthLive', 'signIn'])
    expect(OPERATIONS.filter(({ operation }) => !operation.security && !('401' in operation.responses))).toEqual([])
  })
})

describe('a refusal', () => {
  it('has every code of the catalogue in its schema, and each where it can be', () => {
    const codes = [...Object.keys(CONSOLE_PROBLEMS), ...Object.values(SQLSTATES).map(({ code }) => code)]
    const { Problem, Receipt } = document.components.schemas
    expect([...Problem!.properties!.code!.enum!].sort()).toEqual([...new Set(codes)].sort())
    expect(Receipt!.properties!.code!.enum).toEqual(Problem!.properties!.code!.enum)
    const used = new Set(OPERATIONS.flatMap(({ operation }) => responsesOf(operation).flatMap(([, response]) => codesOf(response))))
    // Those of a method, of the outbox's owner and of a direct call of the database.
    expect([...new Set(codes)].filter(code => !used.has(code)).sort()).toEqual(['append_only', 'method_not_allowed', 'would_destroy_history', 'wrong_isolation'])
  })

  it('stands under the status of its code', () => {
    const wrong = OPERATIONS.flatMap(({ operation }) => responsesOf(operation).filter(([status]) => status !== '200').flatMap(([status, response]) => {
      const codes = codesOf(response) as Parameters<typeof catalogued>[0][]
      return codes.length > 0 && codes.every(code => String(catalogued(code).status) === status) ? [] : [`${operation.operationId} ${status}`]
    }))
    expect(wrong).toEqual([])
  })
})

describe('each read model', () => {
  it.each(Object.entries(READ_ROUTES))('%s is in it, with its query and its answer', (name, route) => {
    const operation = document.paths[`/api/${name}`]!.get!
    const parameters = operation.parameters!.map(parameter => follow<Parameter>(parameter))
    expect(parameters.map(({ name }) => name)).toEqual(Object.keys(route.query.shape))
    const asked = Object.fromEntries(parameters.filter(({ required }) => required).map(({ name, example }) => [name, example]))
    expect(route.query.safeParse(asked).error).toBeUndefined()
    for (const { name } of parameters.filter(({ required }) => required)) expect(route.query.safeParse({ ...asked, [name]: undefined }).success).toBe(false)
    const answer = follow<Schema>(responsesOf(operation)[0]![1].content['application/json']!.schema)
    expect(Object.keys(answer.properties!).sort()).toEqual(Object.keys(route.answer.shape).sort())
    expect(answer).toMatchObject({ type: 'object', additionalProperties: false })
  })
})

describe('each command', () => {
  it('is in it, and nothing else is', () => {
    const paths = Object.keys(document.paths).filter(path => path.startsWith('/api/commands/dot_iu_'))
    expect(paths).toEqual(COMMANDS.map(({ code }) => `/api/commands/${code}`))
    expect(Object.keys(EXAMPLES).sort()).toEqual(COMMANDS.map(({ code }) => code as string).sort())
  })

  it.each(COMMANDS.map(contract => [contract.code, contract] as const))('%s has examples that it takes, and a schema that says what it takes', (code, contract) => {
    const { schema, examples: shown } = document.paths[`/api/commands/${code}`]!.post!.requestBody!.content['application/json']
    const isTaken = (body: unknown) => commandRequest(contract, body).safeParse(body).success
    const isDescribed = (body: unknown) => mismatches(document, schema, body).length === 0
    const { plan, apply } = examplesOf(contract)
    const params = EXAMPLES[code]!
    expect(shown).toEqual({ plan, apply })
    const bodies: unknown[] = [plan.value, apply.value, { mode: 'plan', run: 1 }, { mode: 'rollback', run: 1, reason: 'why' }, { mode: 'verify', run: 1 }]
    expect(bodies.map(body => isTaken(body) && isDescribed(body))).toEqual(bodies.map(() => true))
    const wrong: unknown[] = [
      null, [], 'plan', {}, { mode: 'plan' }, { mode: 'other', params: {} }, { ...plan.value, run: 1 }, { ...plan.value, more: 1 }, { ...plan.value, params: { ...params, more: 1 } },
      { mode: 'verify', run: 0 }, { mode: 'rollback' }, { ...apply.value, planDigest: 'a' }, { ...apply.value, reason: 'x'.repeat(2001) }, { ...plan.value, params: null },
      // Each parameter, of no type that any has but one that takes anything.
      ...Object.keys(params).filter(name => `${code}.${name}` !== 'dot_iu_correct_dead_letter.payload').map(name => ({ ...plan.value, params: { ...params, [name]: null } })),
      ...Object.keys(contract.input.shape).filter(name => !contract.input.shape[name].safeParse(undefined).success).map(name => ({ ...plan.value, params: { ...params, [name]: undefined } })).map(body => JSON.parse(JSON.stringify(body)) as unknown),
    ]
    expect(wrong.filter(isTaken)).toEqual([])
    expect(wrong.filter(isDescribed)).toEqual([])
    if (contract.confirm) expect(apply.value.confirm).toBe(params[contract.confirm])
    if (contract.tier > 1) expect(apply.value).toMatchObject({ reason: expect.any(String), planDigest: expect.any(String) })
  })
})
