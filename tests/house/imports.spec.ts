import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { LAYERS, wrongImports } from './layers.ts'
import { type Code, filesIn, isCode, nodes, readCode, syntaxOf } from './sources.ts'

const CODE = filesIn('app', 'server', 'shared', 'drizzle', 'nuxt.config.ts').filter(isCode).map(readCode)

describe('import directions', () => {
  it('hold in every file', () => {
    expect(CODE.flatMap(wrongImports)).toEqual([])
  })

  it('have files in every layer', () => {
    expect(LAYERS.filter(({ files }) => !CODE.some(({ path }) => path.startsWith(files))).map(({ files }) => files)).toEqual([])
  })

  it.each<[string, Code]>([
    ['the app into the server', { path: 'app/pages/x.vue', text: '<script setup lang="ts">\nimport { pool } from \'~~/server/db/client\'\n</script>\n<template><p /></template>' }],
    ['a type of the server into the app', { path: 'app/utils/x.ts', text: 'export type X = import(\'../../server/db/client.ts\').Snapshot' }],
    ['the second script block', { path: 'app/components/x.vue', text: '<script lang="ts">\nexport const a = 1\n</script>\n<script setup lang="ts">\nimport pg from \'pg\'\n</script>\n<template><p /></template>' }],
    ['a page into the server', { path: 'server/api/x.get.ts', text: 'import x from \'~/utils/x\'' }],
    ['the deploy code into a route', { path: 'server/api/x.get.ts', text: 'import { deploy } from \'../deploy/index.ts\'' }],
    ['pg into shared', { path: 'shared/x.ts', text: 'import type { Pool } from \'pg\'' }],
    ['Vue into shared', { path: 'shared/x.ts', text: 'export { ref } from \'vue\'' }],
    ['the server into shared, lazily', { path: 'shared/x.ts', text: 'export const x = () => import(\'../server/db/client.ts\')' }],
    ['the app into a query', { path: 'server/db/queries/x.ts', text: 'import \'#imports\'' }],
    ['a query into the import', { path: 'server/import/x.ts', text: 'import type { X } from \'../db/queries/x.ts\'' }],
    ['the app of a test', { path: 'server/worker/x.ts', text: 'import \'../../tests/db/harness.ts\'' }],
    ['a name made at run time', { path: 'server/cli/x.ts', text: 'await import(name)' }],
    ['a file outside the layers', { path: 'server/new/x.ts', text: '' }],
  ])('are broken by %s', (_, code) => {
    expect(wrongImports(code)).toHaveLength(1)
  })

  it('allow what they should', () => {
    expect(wrongImports({ path: 'app/pages/x.vue', text: '<script setup lang="ts">\nimport { z } from \'zod\'\nimport type { X } from \'#shared/problem\'\nimport { y } from \'~/utils/y\'\n</script>\n<template><p /></template>' })).toEqual([])
    expect(wrongImports({ path: 'server/api/x.get.ts', text: 'import { problem } from \'../utils/problem.ts\'\nconst x = (p: number) => p' })).toEqual([])
  })
})

const made = (code: Code, name: RegExp) => [...nodes(syntaxOf(code))].filter((node) => {
  if (!ts.isNewExpression(node)) return false
  const what = ts.isPropertyAccessExpression(node.expression) ? node.expression.name : node.expression
  return ts.isIdentifier(what) && name.test(what.text)
})

describe('a connection', () => {
  it('is made with its limits only: nobody waits for ever on one that fell silent', () => {
    expect(CODE.filter(code => made(code, /Client$/).length > 0).map(({ path }) => path)).toEqual([])
    expect(CODE.filter(code => made(code, /Connection$/).length > 0).map(({ path }) => path)).toEqual(['server/db/connection.ts', 'server/embedded/index.ts'])
    expect(CODE.filter(({ path, text }) => /extends pg\.Client\b/.test(text) && path !== 'server/db/connection.ts').map(({ path }) => path)).toEqual([])
  })
})

describe('a fault of the database', () => {
  it('is classified in one place: nobody else compares an SQLSTATE that is not ours', () => {
    const states = /['"^(|:](?:08|2[58]|40|42|53|55|57|58)[0-9A-Z]{0,3}['"|)]|ECONNREFUSED|ECONNRESET/
    expect(CODE.filter(({ path, text }) => path.startsWith('server/') && text.split('\n').some(line => /code|state|STATE|Set\(/i.test(line) && states.test(line))).map(({ path }) => path))
      // The other two meet one of their own: a database that another process made meanwhile, and the password of the embedded server.
      .toEqual(['server/cli/database.ts', 'server/db/faults.ts', 'server/embedded/index.ts'])
  })
})

describe('a pool', () => {
  const pools = (code: Code) => made(code, /Pool$/)

  it('is opened by server/db/client.ts only', () => {
    expect(CODE.filter(code => pools(code).length > 0).map(({ path }) => path)).toEqual(['server/db/client.ts'])
  })

  it('is seen however it is made', () => {
    for (const text of ['new Pool()', 'new pg.Pool({ max: 1 })', 'const a = [() => new BoundPool()]']) expect(pools({ path: 'x.ts', text })).toHaveLength(1)
  })
})
