import { describe, expect, it } from 'vitest'
import { COMMANDS, findCommand } from '../../../shared/commands/index.ts'
import { paramSchema } from '../../../shared/commands/contract.ts'
import { commandRequest } from '../../../shared/commands/request.ts'

const reorder = findCommand('dot_iu_reorder_piece')!
const check = (body: unknown) => commandRequest(reorder, body).safeParse(body)
const paths = (body: unknown) => check(body).error?.issues.flatMap(issue => issue.code === 'unrecognized_keys' ? issue.keys.map(key => [...issue.path, key].join('.')) : issue.path.join('.'))
const good = { collection: 'a.md', piece: 'a.md/0001', to: 'last' }

describe('the body of a command', () => {
  it.each([
    ['a plan', { mode: 'plan', params: good }],
    ['an apply', { mode: 'apply', params: good, reason: 'why', planDigest: '0'.repeat(64) }],
    ['a verification', { mode: 'verify', run: 7 }],
    ['a plan of an undoing', { mode: 'plan', run: 7 }],
    ['an undoing', { mode: 'rollback', run: 7, reason: 'why' }],
  ])('may be %s', (_, body) => {
    expect(check(body).success).toBe(true)
  })

  it.each([
    ['nothing', undefined, ['']],
    ['a list', [], ['']],
    ['another mode', { mode: 'force', params: good }, ['mode']],
    ['no parameters', { mode: 'apply' }, ['params']],
    ['a field more', { mode: 'plan', params: good, force: true }, ['force']],
    ['a parameter more', { mode: 'plan', params: { ...good, force: true } }, ['params.force']],
    ['a negative position', { mode: 'plan', params: { ...good, position: -1 } }, ['params.position']],
    ['a run that is none', { mode: 'rollback', run: 0 }, ['run']],
    ['parameters beside a run', { mode: 'rollback', run: 1, params: good }, ['params']],
    ['a digest that is none', { mode: 'apply', params: good, planDigest: 'x' }, ['planDigest']],
    ['several faults', { mode: 'plan', params: { collection: 'A B', piece: 7 } }, ['params.collection', 'params.piece']],
  ])('is refused with the path of each fault: %s', (_, body, expected) => {
    expect(paths(body)).toEqual(expected)
  })

  it.each(['\0', '\uD800', 'a\nb', 'a\u007Fb'])('does not take %j for a title', (title) => {
    const create = findCommand('dot_iu_create_collection')!
    const body = { mode: 'plan', params: { address: 'a', kind: 'file', title } }
    expect(commandRequest(create, body).safeParse(body).error?.issues[0]?.path).toEqual(['params', 'title'])
  })
})

describe('the parameters as JSON Schema', () => {
  const KNOWN = new Set(['type', 'required', 'properties', 'additionalProperties', 'items', 'enum', 'const', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'pattern', 'minLength', 'maxLength', 'minItems', 'maxItems', 'description'])
  const keywords = (schema: unknown): string[] => typeof schema !== 'object' || schema === null || Array.isArray(schema)
    ? []
    : Object.entries(schema).flatMap(([key, value]) => key === 'properties' ? ['properties', ...Object.values(value as object).flatMap(keywords)] : [key, ...keywords(value)])

  it.each(COMMANDS.map(contract => [contract.code, contract] as const))('%s uses only keywords that the database checks', (_, contract) => {
    expect(keywords(paramSchema(contract)).filter(key => !KNOWN.has(key))).toEqual([])
  })
})
