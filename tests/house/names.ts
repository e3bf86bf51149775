import ts from 'typescript'
import { type Code, nodes, syntaxOf } from './sources.ts'

/** Columns that are named as the vocabulary's class of their terms is. */
export const TERM_COLUMNS = ['unit_kind', 'collection_kind', 'lifecycle_status', 'event_domain', 'delivery_lane', 'target_kind', 'failure_code', 'relation_kind', 'account_right', 'actor_kind'] as const

/** A name of something that must be registered, as code or SQL uses it: an event type, a route, a gate, or a term of a class. */
export interface Name { of: 'event_type' | 'route' | 'gate' | typeof TERM_COLUMNS[number], name: string }

const LITERAL = /'((?:[^']|'')*)'/g
const EMITS = /\bfn_iu_(?:outbox_append|emit_event)\s*\(/g
const IN_LIST = (column: string) => new RegExp(`\\b${column}\\s*(?:NOT\\s+)?(?::?=|<>|!=|IN|=\\s*ANY)\\s*(?:\\(\\s*(?:ARRAY\\s*\\[)?\\s*)?((?:'[^']*'\\s*,?\\s*)+)`, 'gi')
const AS_JSON = (key: string) => new RegExp(`"${key}"\\s*:\\s*"([^"]*)"`, 'g')
/** What a decision about an event comes out as, whatever it is called until it is written as a failure's code. */
const FAULT = /\bCASE\b((?:(?!\b(?:CASE|END)\b)[\s\S])*)\bEND\s+AS\s+(?:fault|skip_code|failure_code)\b/gi
/** Names that tell by their shape what they are: a unit's events and their routes, and gates. */
const UNIT_EVENT = /^iu\.[a-z_]+(?:\.[a-z_]+)*$/
const GATE = /^iu_core\.[a-z_]+_enabled$/
const UNROUTED = '(no route)'

const literals = (text: string): string[] => [...text.matchAll(LITERAL)].map(([, literal]) => literal!)

/** The text of a call's first argument, from behind its parenthesis. */
function firstArgument(text: string): string {
  let depth = 0
  for (const match of text.matchAll(/'(?:[^']|'')*'|[(),]/g)) {
    if (match[0] === '(') depth++
    if ((match[0] === ',' || match[0] === ')') && depth === 0) return text.slice(0, match.index)
    if (match[0] === ')') depth--
  }
  return text
}

/** The names that an expression can come out as: not what a CASE compares with. */
const outcomes = (expression: string): string[] =>
  literals(/\bCASE\b/i.test(expression) ? [...expression.matchAll(/\b(?:THEN|ELSE)\s+('(?:[^']|'')*')/gi)].map(([, literal]) => literal).join(' ') : expression)

const byShape = (text: string): Name[] => [
  ...(UNIT_EVENT.test(text) ? [{ of: 'event_type' as const, name: text }] : []),
  ...(GATE.test(text) ? [{ of: 'gate' as const, name: text }] : []),
]

/** The names that a piece of SQL uses, comments left out. */
export function namesInSql(sql: string): Name[] {
  const text = sql.replace(/'(?:[^']|'')*'|--[^\n]*|\/\*[\s\S]*?\*\//g, match => match.startsWith('\'') ? match : ' ')
  const emitted = [...text.matchAll(EMITS)].flatMap(({ index, 0: call }) => outcomes(firstArgument(text.slice(index + call.length))))
  const compared = (column: string) => [...text.matchAll(IN_LIST(column))].flatMap(([, list]) => literals(list!))
  const inJson = (key: string) => [...text.matchAll(AS_JSON(key))].map(([, name]) => name!)
  const faults = [...text.matchAll(FAULT)].flatMap(([whole]) => outcomes(whole))
  return [
    ...[...emitted, ...compared('event_type'), ...inJson('event_type')].map(name => ({ of: 'event_type' as const, name })),
    ...[...compared('route_code'), ...inJson('route_code')].filter(name => name !== UNROUTED).map(name => ({ of: 'route' as const, name })),
    ...TERM_COLUMNS.flatMap(of => [...compared(of), ...inJson(of)].map(name => ({ of, name }))),
    ...faults.map(name => ({ of: 'failure_code' as const, name })),
    ...literals(text).flatMap(byShape),
  ]
}

const KEYS: Record<string, Name['of']> = {
  ...Object.fromEntries(TERM_COLUMNS.map(column => [column, column])),
  event_type: 'event_type', eventType: 'event_type', route: 'route', route_code: 'route', routeCode: 'route', gate: 'gate',
}

/** The names that the code of a file uses, in values and in the SQL of its strings. */
export function namesInCode(code: Code): Name[] {
  return [...nodes(syntaxOf(code))].flatMap((node): Name[] => {
    if (ts.isPropertyAssignment(node) && (ts.isIdentifier(node.name) || ts.isStringLiteral(node.name)) && ts.isStringLiteralLike(node.initializer)) {
      const of = KEYS[node.name.text]
      if (of && node.initializer.text) return [{ of, name: node.initializer.text }]
    }
    if (ts.isStringLiteralLike(node)) return [...namesInSql(node.text), ...byShape(node.text)]
    if (ts.isTemplateExpression(node)) return namesInSql(node.head.text + node.templateSpans.map(span => `$${span.literal.text}`).join(''))
    return []
  })
}
