import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { type Code, filesIn, isCode, nodes, readCode, syntaxOf } from './sources.ts'
import { readSql, statements, writes } from './sql.ts'

/** Files that may write rows themselves, how many statements, and why. */
const EXCEPTIONS: Record<string, { statements: number, why: string }> = {
  'server/deploy/runner.ts': { statements: 2, why: 'keeps its own book of applied units, before and beside the schema' },
  'server/cli/directus.ts': { statements: 3, why: 'registers our views in Directus\' own tables, which no unit may touch' },
  'server/backup/tables.ts': { statements: 3, why: 'carries whole tables out of one database and into another' },
  'server/demo/shop.ts': { statements: 1, why: 'is an application with a table of its own' },
}

/** The text of a string or template, with its gaps closed. */
function textOf(node: ts.Node): string | undefined {
  if (ts.isStringLiteralLike(node)) return node.text
  if (ts.isTemplateExpression(node)) return node.head.text + node.templateSpans.map(span => `x${span.literal.text}`).join('')
  return undefined
}

/** `.insert(…).values`, `.update(…).set`, `.delete(…).where` and `.returning`, as a query builder writes. */
function isBuiltWrite(node: ts.Node): boolean {
  if (!ts.isPropertyAccessExpression(node) || !['values', 'set', 'where', 'returning'].includes(node.name.text)) return false
  const { expression } = node
  return ts.isCallExpression(expression) && ts.isPropertyAccessExpression(expression.expression) && ['insert', 'update', 'delete'].includes(expression.expression.name.text)
}

const writesOf = (code: Code): number =>
  [...nodes(syntaxOf(code))].filter(node => isBuiltWrite(node) || writes(textOf(node) ?? '')).length

describe('rows are written by SQL functions only', () => {
  it('in SQL', () => {
    const files = readSql('definitions', 'migrations', 'rollbacks', 'verify')
    expect(files.flatMap(({ path, text }) => statements(text).filter(writes).map(statement => `${path}: ${statement}`))).toEqual([])
  })

  it('in TypeScript and Vue', () => {
    const found = filesIn('app', 'server', 'shared').filter(isCode).map(readCode)
      .map(code => ({ path: code.path, statements: writesOf(code) })).filter(({ statements }) => statements > 0)
    // Equal, so that no exception outlives its reason.
    expect(Object.fromEntries(found.map(({ path, statements }) => [path, statements])))
      .toEqual(Object.fromEntries(Object.entries(EXCEPTIONS).map(([path, { statements }]) => [path, statements])))
  })

  it.each([
    ['an INSERT', 'INSERT INTO iu_core.x VALUES (1)', true],
    ['an UPDATE', 'update iu_core.x as t set a = 1', true],
    ['a DELETE in a WITH', 'WITH gone AS (DELETE FROM x RETURNING 1) SELECT 1 FROM gone', true],
    ['a MERGE', 'MERGE INTO x USING y ON true WHEN MATCHED THEN DO NOTHING', true],
    ['a TRUNCATE', 'TRUNCATE x', true],
    ['a COPY', 'COPY x FROM STDIN', true],
    ['a DO block', 'DO $$ BEGIN INSERT INTO x VALUES (1); END $$', true],
    ['the body of a function', 'CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ INSERT INTO x VALUES (1) $$', false],
    ['a string', 'SELECT \'it\'\'s DELETE FROM x\'', false],
    ['a comment', '-- DELETE FROM x\nSELECT 1', false],
    ['a lock', 'SELECT 1 FROM x FOR UPDATE', false],
    ['a trigger', 'CREATE TRIGGER t BEFORE UPDATE OR DELETE OR TRUNCATE ON x FOR EACH ROW EXECUTE FUNCTION f()', false],
  ])('tells %s', (_, sql, expected) => {
    expect(statements(sql).some(writes)).toBe(expected)
  })

  it.each([
    ['a query', 'client.query(\'INSERT INTO x VALUES (1)\')', 1],
    ['a template', 'client.query(`DELETE FROM ${table} WHERE a`)', 1],
    ['a query builder', 'await db.insert(x).values({}); await db.update(x).set({}); await db.delete(x).where(y)', 3],
    ['a map, a hash and prose', 'map.delete(key); hash.update(text).digest(); say("updates what it has set")', 0],
  ])('tells %s in code', (_, text, expected) => {
    expect(writesOf({ path: 'x.ts', text })).toBe(expected)
  })
})
