import { lintSource } from '@secretlint/core'
import { creator } from '@secretlint/secretlint-rule-preset-recommend'
import ts from 'typescript'
import { parse } from 'vue/compiler-sfc'
import { type Code, nodes, syntaxOf } from './sources.ts'

/** What must come from the environment, the database or one named place, and stands in the code instead. */
export interface Found { rule: Rule, literal: string }
export type Rule = 'secret' | 'dsn' | 'address' | 'port' | 'uuid'

/** A character of nobody's: it stands for what is only known at run time, between the literal parts of a template. */
const GAP = '\uE000'

const DSN = /\b(?:postgres(?:ql)?|mysql|mariadb|mongodb|rediss?|amqps?|nats|kafka|sqlserver|jdbc:\w+)(?:\+\w+)?:\/\/[^\s'"`\uE000/@]*[\w%][^\s'"`/]*@?|\bhost(?:addr)?=[^\s'"`\uE000]+/gi
const URL_WITH_HOST = /\b(?:https?|wss?|ftp|ssh):\/\/[\w[][^\s'"`\uE000/)>]*/gi
const IP = /(?<![\w.-])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w-]|\.\d)|(?<![\w:])::1(?![\w:])|(?<![\w:.])(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}(?![\w:])/gi
const HOST = /(?<![\w./-])(?:localhost|[a-z0-9-]+\.(?:local|internal|lan))(?![\w-])/gi
const HOST_AND_PORT = /(?<=[\w\]\uE000]):\d{2,5}(?=$|[/'"`\s?#])/g
const UUID = /(?<![0-9a-f-])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![0-9a-f-])/gi
const SECRET_NAME = /(?:password|passwd|secret|private_?key|api_?key|credential|verifier|(?<!de)salt)s?$|^(?:pw|pass|token|bearer)$|_(?:token|pw)$|[a-z]Token$/i
/** What is no secret although something of such a name holds it: words for people, a name, a type. */
const IS_WORDS = /^$|\s|^[a-z]+(?:[_.-][a-z]+)*$|^\W+$/i
const SQL_PASSWORD = /\bPASSWORD\s+'(?!\uE000)[^']+'/gi
const PORT_NAME = /(?:^|_|[a-z])ports?$/i

const matches = (rule: Rule, text: string, ...patterns: RegExp[]): Found[] =>
  patterns.flatMap(pattern => [...text.matchAll(pattern)].map(([literal]) => ({ rule, literal: literal.replaceAll(GAP, '…').trim() })))

/** What any text holds, whatever language it is in. */
function inText(text: string): Found[] {
  return [
    ...matches('dsn', text, DSN),
    ...matches('address', text, URL_WITH_HOST, IP, HOST),
    ...matches('uuid', text, UUID),
    ...matches('secret', text, SQL_PASSWORD),
  ]
}

/** Comments say why and are not read by a program; strings stay. */
const withoutSqlComments = (sql: string): string => sql.replace(/'(?:[^']|'')*'|--[^\n]*|\/\*[\s\S]*?\*\//g, match => match.startsWith('\'') ? match : ' ')

export const inSql = (sql: string): Found[] => [...inText(withoutSqlComments(sql)), ...matches('port', withoutSqlComments(sql), /(?<=\bport\s*(?:=|=>|:=)\s*)'?\d{2,5}/gi)]

function literalText(node: ts.Node): string | undefined {
  if (ts.isStringLiteralLike(node) || ts.isJsxText(node)) return node.text
  if (ts.isTemplateExpression(node)) return node.head.text + node.templateSpans.map(span => GAP + span.literal.text).join('')
  // As it matches: an escaped dot is a dot.
  if (ts.isRegularExpressionLiteral(node)) return node.text.replaceAll(/\\([.:/[\]-])/g, '$1')
  return undefined
}

/** The name that a value is given, by a declaration, an assignment, a property, a default or a comparison. */
function named(node: ts.Node): [string, ts.Expression] | undefined {
  const nameOf = (name: ts.Node): string => ts.isIdentifier(name) || ts.isStringLiteralLike(name) ? name.text : ts.isPropertyAccessExpression(name) ? name.name.text : ''
  if ((ts.isVariableDeclaration(node) || ts.isPropertyAssignment(node) || ts.isParameter(node) || ts.isBindingElement(node) || ts.isPropertyDeclaration(node)) && node.initializer) {
    return [nameOf(node.name), node.initializer]
  }
  if (ts.isBinaryExpression(node) && [ts.SyntaxKind.EqualsToken, ts.SyntaxKind.QuestionQuestionToken, ts.SyntaxKind.BarBarToken, ts.SyntaxKind.QuestionQuestionEqualsToken].includes(node.operatorToken.kind)) {
    return [nameOf(node.left), node.right]
  }
  return undefined
}

function inNamed(name: string, value: ts.Expression): Found[] {
  const found: Found[] = []
  if (ts.isStringLiteralLike(value) && SECRET_NAME.test(name) && !IS_WORDS.test(value.text)) found.push({ rule: 'secret', literal: `${name}: ${value.text}` })
  const isNumber = ts.isNumericLiteral(value) || (ts.isStringLiteralLike(value) && /^\d+$/.test(value.text))
  if (isNumber && PORT_NAME.test(name) && Number(value.text) > 0) found.push({ rule: 'port', literal: `${name}: ${value.text}` })
  return found
}

/** What the code of a file holds: its strings, templates, patterns, numbers with a telling name, and a component's markup. */
export function inCode(code: Code): Found[] {
  const markup = code.path.endsWith('.vue') ? inText(parse(code.text).descriptor.template?.content ?? '') : []
  const script = [...nodes(syntaxOf(code))].flatMap((node) => {
    const text = literalText(node)
    const value = named(node)
    return [
      ...(text === undefined ? [] : [...inText(text), ...(/\uE000:\d|\/\/|localhost|\]:\d|\d\.\d+:\d/.test(text) ? matches('port', text, HOST_AND_PORT) : [])]),
      ...(value ? inNamed(...value) : []),
    ]
  })
  return [...markup, ...script]
}

/** What secretlint knows to be a secret of some service, or a private key, comments included. */
export async function secretsIn({ path, text }: Code): Promise<Found[]> {
  const { messages } = await lintSource({
    source: { filePath: path, content: text, ext: /\.\w+$/.exec(path)?.[0] ?? '', contentType: 'text' },
    options: { config: { rules: [{ id: '@secretlint/secretlint-rule-preset-recommend', rule: creator }] }, maskSecrets: true },
  })
  const found = messages.map(({ message }): Found => ({ rule: 'secret', literal: message }))
  // The preset can be told to look away; here only the list of exceptions can.
  return text.includes(`secretlint-${'disable'}`) ? [...found, { rule: 'secret', literal: 'secretlint is told to look away' }] : found
}
