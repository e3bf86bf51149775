import { compare, Decimal, isWhole } from './decimal.ts'
import { isEqual, isObject, type Json, jsonText, members, typeOf } from './json.ts'
import { isLike } from './pattern.ts'

const MOST = 20

export interface Problems {
  /** in the words of `fn_iu_payload_problems` */
  problems: string[]
  /** what only the database can tell */
  unsure: string[]
}

/** The first characters of a text, counted as the database counts them. */
const left = (text: string, count: number) => Array.from(text).slice(0, count).join('')
const shown = (value: Json) => left(jsonText(value), 80)

/** A keyword's value, where the schema has it. */
const keyword = (schema: Json, name: string): Json | undefined => isObject(schema) && Object.hasOwn(schema, name) ? schema[name] : undefined

/** Numbers: the keyword, in which order to the value it is broken, and what is wanted. */
const BOUNDS: [string, (order: number) => boolean, string][] = [
  ['minimum', order => order < 0, 'at least'], ['maximum', order => order > 0, 'at most'],
  ['exclusiveMinimum', order => order <= 0, 'more than'], ['exclusiveMaximum', order => order >= 0, 'less than'],
]

/** The ways in which a payload breaks its schema: `fn_iu_payload_problems`, which is the one that counts. */
export function payloadProblems(payload: Json, schema: Json, path = '$'): Problems {
  const found: Problems = { problems: [], unsure: [] }
  const say = (what: string) => void found.problems.push(`${path}: ${what}`)
  const add = (inner: Problems) => {
    found.problems.push(...inner.problems)
    found.unsure.push(...inner.unsure)
  }
  const type = typeOf(payload)
  const length = (name: string): number | undefined => {
    const value = keyword(schema, name)
    return value instanceof Decimal ? Number(jsonText(value)) : undefined
  }
  const within = (count: number, least: string, most: string, unit = '') => {
    if (count < (length(least) ?? -Infinity)) say(`want at least ${length(least)}${unit}`)
    if (count > (length(most) ?? Infinity)) say(`want at most ${length(most)}${unit}, have ${count}`)
  }

  const wanted = keyword(schema, 'type')
  if (wanted !== undefined) {
    const types = Array.isArray(wanted) ? wanted : [wanted]
    const isInteger = payload instanceof Decimal && types.includes('integer') && isWhole(payload)
    if (!types.includes(type) && !isInteger) say(`want ${types.join(' or ')}, have ${type}`)
  }
  const only = keyword(schema, 'const')
  if (only !== undefined && !isEqual(only, payload)) say(`want ${jsonText(only)}, have ${shown(payload)}`)
  const choices = keyword(schema, 'enum')
  if (Array.isArray(choices) && !choices.some(choice => isEqual(choice, payload))) say(`want one of ${jsonText(choices)}, have ${shown(payload)}`)

  if (payload instanceof Decimal) {
    for (const [name, isBroken, words] of BOUNDS) {
      const bound = keyword(schema, name)
      if (bound instanceof Decimal && isBroken(compare(payload, bound))) say(`want ${words} ${jsonText(bound)}, have ${shown(payload)}`)
    }
  }
  else if (typeof payload === 'string') {
    within(Array.from(payload).length, 'minLength', 'maxLength', ' characters')
    const pattern = keyword(schema, 'pattern')
    if (found.problems.length === 0 && typeof pattern === 'string') {
      const like = isLike(payload, pattern)
      if (like === false) say(`want a text like ${jsonText(pattern)}`)
      if (like === undefined) found.unsure.push(`${path}: whether it is a text like ${jsonText(pattern)}`)
    }
  }
  else if (Array.isArray(payload)) {
    within(payload.length, 'minItems', 'maxItems')
    const items = keyword(schema, 'items')
    if (items !== undefined) {
      for (const [index, item] of payload.entries()) {
        if (found.problems.length >= MOST) break
        add(payloadProblems(item, items, `${path}[${index}]`))
      }
    }
  }
  else if (isObject(payload)) {
    const required = keyword(schema, 'required')
    for (const name of Array.isArray(required) ? required : []) {
      if (!Object.hasOwn(payload, name as string)) found.problems.push(`${path}.${name as string}: missing`)
    }
    const properties = keyword(schema, 'properties')
    for (const [name, value] of members(payload)) {
      if (found.problems.length >= MOST) break
      const property = keyword(properties ?? null, name)
      if (property !== undefined) add(payloadProblems(value, property, `${path}.${name}`))
      else if (keyword(schema, 'additionalProperties') === false) found.problems.push(`${path}.${left(name, 80)}: not in the schema`)
    }
  }
  return { problems: found.problems.slice(0, MOST), unsure: found.unsure }
}
