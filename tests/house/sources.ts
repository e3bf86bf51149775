import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import ts from 'typescript'
import { parse } from 'vue/compiler-sfc'

export const ROOT = join(import.meta.dirname, '../..')

/** The files at or below the given paths, as paths from the root. */
export function filesIn(...paths: string[]): string[] {
  return paths.flatMap(path => statSync(join(ROOT, path)).isDirectory()
    ? readdirSync(join(ROOT, path)).sort().flatMap(entry => filesIn(`${path}/${entry}`))
    : [path])
}

/** A file of TypeScript, or the script blocks of a Vue component. */
export interface Code { path: string, text: string }

export const readCode = (path: string): Code => ({ path, text: readFileSync(join(ROOT, path), 'utf8') })

export const isCode = (path: string): boolean => /\.(?:ts|mts|vue)$/.test(path) && !path.endsWith('.d.ts')

/** The syntax tree of a file. */
export function syntaxOf({ path, text }: Code): ts.SourceFile {
  if (!path.endsWith('.vue')) return ts.createSourceFile(path, text, ts.ScriptTarget.Latest)
  const { descriptor, errors } = parse(text)
  if (errors.length) throw new Error(`${path}: ${errors[0]!.message}`)
  const script = [descriptor.script, descriptor.scriptSetup].map(block => block?.content ?? '').join('\n')
  return ts.createSourceFile(path, script, ts.ScriptTarget.Latest)
}

/** Every node of a tree, parents first. */
export function* nodes(node: ts.Node): Generator<ts.Node> {
  yield node
  const children: ts.Node[] = []
  ts.forEachChild(node, child => void children.push(child))
  for (const child of children) yield* nodes(child)
}

/** The module that a node names, null where it is known only at run time, undefined for a node that names none. */
function moduleOf(node: ts.Node): string | null | undefined {
  const literal = (named: ts.Node | undefined): string | null => named && ts.isStringLiteralLike(named) ? named.text : null
  if (ts.isImportDeclaration(node)) return literal(node.moduleSpecifier)
  if (ts.isExportDeclaration(node)) return node.moduleSpecifier && literal(node.moduleSpecifier)
  if (ts.isExternalModuleReference(node)) return literal(node.expression)
  if (ts.isImportTypeNode(node)) return literal(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined)
  if (!ts.isCallExpression(node)) return undefined
  const isRequire = ts.isIdentifier(node.expression) && node.expression.text === 'require'
  return node.expression.kind === ts.SyntaxKind.ImportKeyword || isRequire ? literal(node.arguments[0]) : undefined
}

const ALIASES: [RegExp, string][] = [[/^(?:~~|@@)\//, ''], [/^[~@]\//, 'app/'], [/^#shared\//, 'shared/']]

/** A module as a path from the root, or as the bare name of what is not ours. */
function resolved(from: string, module: string): string {
  if (module.startsWith('.')) return posix.join(dirname(from), module)
  for (const [alias, folder] of ALIASES) if (alias.test(module)) return module.replace(alias, folder)
  return module
}

/** What a file imports, types and dynamic imports included: paths from the root, bare names, and null where it cannot be told. */
export function importsOf(code: Code): (string | null)[] {
  const named = [...nodes(syntaxOf(code))].map(moduleOf).filter(module => module !== undefined)
  return named.map(module => module === null ? null : resolved(code.path, module))
}
