import ts from 'typescript'
import { type Code, nodes, syntaxOf } from './sources.ts'

/** What makes a test's verdict depend on how long something took. */
export interface Timed { rule: TimedRule, code: string }
export type TimedRule = 'a clock' | 'a clock in an expectation' | 'a clock in a loop' | 'a limit below a minute' | 'a sleep'

const MINUTE_MS = 60_000
const LIMIT = /timeout$/i
const CLOCKS = /^(?:performance\.(?:now|measure)|process\.(?:cpuUsage|hrtime|resourceUsage|uptime)|process\.hrtime\.bigint)$/
/** Something that takes a limit as its last argument. */
const LIMITED = /^(?:it|test|describe|before(?:All|Each)|after(?:All|Each)|setTimeout|setDefaultTimeout|setDefaultNavigationTimeout)\b/

const isCall = (node: ts.Node, name: RegExp, source: ts.SourceFile): node is ts.CallExpression => ts.isCallExpression(node) && name.test(node.expression.getText(source))
const isClock = (node: ts.Node, source: ts.SourceFile): boolean => isCall(node, /^Date\.now$/, source) || (ts.isNewExpression(node) && node.expression.getText(source) === 'Date' && !node.arguments?.length)

/** The milliseconds that an expression stands for: a number, a product of numbers, or a constant of the file. */
function milliseconds(node: ts.Expression | undefined, constants: Map<string, ts.Expression>): number | undefined {
  if (!node) return undefined
  if (ts.isNumericLiteral(node)) return Number(node.text)
  if (ts.isIdentifier(node)) return milliseconds(constants.get(node.text), new Map())
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.AsteriskToken) {
    return (milliseconds(node.left, constants) ?? NaN) * (milliseconds(node.right, constants) ?? NaN)
  }
  return undefined
}

/** The first call of a chain: `expect(…)` of `expect(…).not.toBe(…)`. */
function headOf(node: ts.Node): ts.Node {
  if (ts.isCallExpression(node) || ts.isPropertyAccessExpression(node)) return ts.isCallExpression(node) && ts.isIdentifier(node.expression) ? node : headOf(node.expression)
  return node
}

/** SQL that sets a timeout below a minute. */
const isShortInSql = (text: string): boolean => [...text.matchAll(/\b\w+_timeout\s*(?:=|TO)\s*'?(\d+)\s*(ms|s|min|h)?/gi)]
  .some(([, number, unit]) => Number(number) > 0 && Number(number) * ({ s: 1000, min: MINUTE_MS, h: 60 * MINUTE_MS }[unit ?? ''] ?? 1) < MINUTE_MS)

export function timedIn(code: Code): Timed[] {
  const source = syntaxOf(code)
  const all = [...nodes(source)]
  const constants = new Map(all.filter(ts.isVariableDeclaration).filter(({ name, initializer }) => ts.isIdentifier(name) && initializer).map(({ name, initializer }) => [name.getText(source), initializer!]))
  /** Names of what sleeps in this file. */
  const sleeps = new Set(all.filter(ts.isImportDeclaration).filter(({ moduleSpecifier }) => ts.isStringLiteral(moduleSpecifier) && /^(?:node:)?timers\/promises$/.test(moduleSpecifier.text))
    .flatMap(({ importClause }) => importClause?.namedBindings && ts.isNamedImports(importClause.namedBindings) ? importClause.namedBindings.elements : [])
    .filter(({ name, propertyName }) => (propertyName ?? name).text === 'setTimeout').map(({ name }) => name.text))
  const isShort = (node: ts.Expression | undefined) => (milliseconds(node, constants) ?? Infinity) < MINUTE_MS && milliseconds(node, constants) !== 0
  const said = (rule: TimedRule, node: ts.Node): Timed => ({ rule, code: node.getText(source).split('\n', 1)[0]!.slice(0, 120) })

  return all.flatMap((node): Timed[] => {
    if (isCall(node, CLOCKS, source)) return [said('a clock', node)]
    if (ts.isCallExpression(node) && isCall(headOf(node), /^expect$/, source) && ts.isPropertyAccessExpression(node.expression)) {
      const own = [...node.arguments, ...(headOf(node) as ts.CallExpression).arguments]
      // A moment that a command is given is no comparison.
      const compared = own.filter(argument => !ts.isAwaitExpression(argument)).flatMap(argument => [...nodes(argument)]).some(inner => isClock(inner, source))
      if (compared) return [said('a clock in an expectation', node)]
    }
    if ((ts.isWhileStatement(node) || ts.isDoStatement(node) || (ts.isForStatement(node) && node.condition)) && [...nodes(ts.isForStatement(node) ? node.condition! : node.expression)].some(inner => isClock(inner, source))) return [said('a clock in a loop', node)]
    if (ts.isPropertyAssignment(node) && LIMIT.test(node.name.getText(source)) && isShort(node.initializer)) return [said('a limit below a minute', node)]
    if (ts.isCallExpression(node)) {
      const name = node.expression.getText(source)
      if (sleeps.has(name) || /(?:^|\.)waitForTimeout$/.test(name) || name === 'vi.waitFor') return [said('a sleep', node)]
      if ((name === 'setTimeout' || name === 'setInterval') && ts.isNumericLiteral(node.arguments[1] ?? node)) return [said('a sleep', node)]
      const limit = /\.set(?:Default)?\w*Timeout$/.test(name) ? node.arguments[0] : LIMITED.test(name) && node.arguments.length > 1 ? node.arguments.at(-1) : undefined
      if (limit && isShort(limit)) return [said('a limit below a minute', node)]
    }
    const text = ts.isStringLiteralLike(node) ? node.text : ts.isTemplateExpression(node) ? node.head.text + node.templateSpans.map(({ literal }) => `…${literal.text}`).join('') : ''
    if (isShortInSql(text)) return [said('a limit below a minute', node)]
    if (/\bpg_sleep\b/.test(text)) return [said('a sleep', node)]
    return []
  })
}
