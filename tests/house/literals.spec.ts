import { describe, expect, it } from 'vitest'
import { type Found, inCode, inSql, type Rule, secretsIn } from './literals.ts'
import { filesIn, isCode, readCode } from './sources.ts'

/** What may stand where it stands, and why. An entry that nothing needs any more fails, as one that is missing does. */
const EXCEPTIONS: Record<string, { literals: string[], why: string }> = {
  'shared/loopback.ts': {
    literals: ['127.0.0.1', '127.0.0.1', '::1', '::1', '::1', 'localhost', 'localhost'],
    why: 'is the one place that names loopback, which no installation may change: everybody else imports it',
  },
  'server/cli/commands/demo.ts': { literals: ['PORT: 4600'], why: 'the port that the demo prefers; --port and PORT win, and where it is taken another is found' },
}

const PROGRAM = ['app', 'server', 'shared', 'drizzle', 'bench', '.ci', 'nuxt.config.ts', 'playwright.config.ts', 'vitest.config.ts', 'eslint.config.mjs', 'package.json', '.npmrc', 'tests/run.ts']
  .flatMap(path => filesIn(path)).filter(path => !path.includes('node_modules/') && !path.endsWith('package-lock.json')).map(readCode)
const EVERYTHING = [...PROGRAM, ...['tests', 'docs', 'public', 'README.md'].flatMap(path => filesIn(path)).filter(path => path !== 'tests/run.ts').map(readCode)]

const found = (code: { path: string, text: string }): Found[] => isCode(code.path) || code.path.endsWith('.mjs') ? inCode(code) : inSql(code.text)

describe('no secret, DSN, address, port or uuid', () => {
  it('is a literal of the program, but for the reviewed exceptions', () => {
    const literals = PROGRAM.map(code => [code.path, found(code).map(({ literal }) => literal).sort()] as const).filter(([, all]) => all.length > 0)
    expect(Object.fromEntries(literals)).toEqual(Object.fromEntries(Object.entries(EXCEPTIONS).map(([path, { literals }]) => [path, literals])))
  })

  it('known to secretlint stands anywhere in the repository, tests and docs included', async () => {
    const secrets = await Promise.all(EVERYTHING.map(async code => (await secretsIn(code)).map(({ literal }) => `${code.path}: ${literal}`)))
    expect(secrets.flat()).toEqual([])
  })

  it('is looked for in files that are there', () => {
    expect(PROGRAM.length).toBeGreaterThan(500)
    for (const part of ['app/', 'server/', 'shared/', 'drizzle/migrations/', '.ci/']) expect(PROGRAM.some(({ path }) => path.startsWith(part)), part).toBe(true)
  })
})

const ts = (text: string) => inCode({ path: 'x.ts', text })
const only = (all: Found[]): Rule[] => [...new Set(all.map(({ rule }) => rule))].sort()
/** In two parts, so that this file does not hold what it plants. */
const planted = (...parts: string[]) => parts.join('')

describe('a planted violation is seen', () => {
  it.each<[string, string, Rule]>([
    ['a DSN', 'const pool = open(\'postgresql://iu:x@db.example.org/iu\')', 'dsn'],
    ['a DSN of which the password is not known', 'const url = `postgres://iu:${password}@db/iu`', 'dsn'],
    ['a DSN of another kind', 'connect("rediss://cache:6379/0")', 'dsn'],
    ['a DSN in words', 'open("host=db user=iu")', 'dsn'],
    ['an address', 'listen(0, \'10.0.0.7\')', 'address'],
    ['loopback by its number', 'const HOST = \'127.0.0.1\'', 'address'],
    ['loopback by its name', 'fetch("http://localhost/health")', 'address'],
    ['loopback of version 6', 'listen("::1")', 'address'],
    ['an address of version 6', 'listen("2001:db8:0:0:0:0:0:1")', 'address'],
    ['a server of the inside', 'const HOST = "erp.internal"', 'address'],
    ['a URL', 'await fetch(`https://api.example.org/v1/${id}`)', 'address'],
    ['an address in a pattern', 'const OURS = /^10\\.0\\.0\\.7$/', 'address'],
    ['a port by its name', 'const DEFAULT_PORT = 5433', 'port'],
    ['a port as an option', 'listen({ port: 8080 })', 'port'],
    ['a port as a default', 'const port = process.env.PORT ?? "8080"', 'port'],
    ['a port as a parameter\'s default', 'function open(port = 8080) {}', 'port'],
    ['a port behind a host', 'const url = `http://${host}:8080/`', 'port'],
    ['a uuid', 'const TENANT = \'7d444840-9dc0-11d1-b245-5ffdce74fad2\'', 'uuid'],
    ['a password', 'const password = \'Tr0ub4dor&3\'', 'secret'],
    ['a secret as an option', 'sign({ sessionSecret: "q8R2-77xx-1" })', 'secret'],
    ['a token as a default', 'const token = process.env.TOKEN || "iut_0a1b2c3d"', 'secret'],
    ['a password in SQL in code', 'client.query("ALTER ROLE iu PASSWORD \'x1\'")', 'secret'],
  ])('%s in TypeScript', (_, text, rule) => {
    expect(only(ts(text))).toContain(rule)
  })

  it.each<[string, string, Rule]>([
    ['in the body of a function', 'CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT \'10.0.0.7\' $$', 'address'],
    ['a URL', 'SELECT iu_core.fn_iu_routes_register(\'{"a": {"target_ref": "https://erp.example.org/x"}}\')', 'address'],
    ['a DSN', 'SELECT dblink_connect(\'host=db dbname=iu\')', 'dsn'],
    ['a port', 'CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (port = \'5433\')', 'port'],
    ['a uuid', 'INSERT INTO x VALUES (\'7d444840-9dc0-11d1-b245-5ffdce74fad2\')', 'uuid'],
    ['a password', 'CREATE ROLE x LOGIN PASSWORD \'x1\'', 'secret'],
  ])('%s in SQL', (_, text, rule) => {
    expect(only(inSql(text))).toContain(rule)
  })

  it('in the markup and the script of a component', () => {
    const component = '<script setup lang="ts">\nconst port = 8080\n</script>\n<template><a href="http://localhost/x">x</a></template>'
    expect(only(inCode({ path: 'x.vue', text: component }))).toEqual(['address', 'port'])
  })

  it.each([
    ['a private key', planted('-----BEGIN ', 'PRIVATE KEY-----\n', 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\n'.repeat(8), '-----END ', 'PRIVATE KEY-----')],
    ['a key of a cloud', planted('aws_secret_access_key = ', 'wJalrXUtnFEMI/K7MDENG/', 'bPxRfiCYzzzzzzzKEY')],
    ['a token of a code host', planted('const t = "gh', 'p_', 'wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx', '"')],
    ['a connection string', planted('url: postgresql://iu:', 'aVeryLongPassw0rd', '@db.example.org:5432/iu')],
    ['a word that makes it look away', planted('// secretlint-', 'disable')],
  ])('%s anywhere, comments included', async (_, text) => {
    expect(await secretsIn({ path: 'x.md', text })).not.toEqual([])
  })
})

describe('what is none is let through', () => {
  it.each([
    ['parts that are known at run time only', 'const url = `postgresql://${user}:${password}@${host}:${port}/iu`'],
    ['a port that is asked of the machine', 'listen(0); const port = 0'],
    ['words about a secret', 'const problems = { password: "is too short", token: "unknown_token", secret: "" }'],
    ['a version', 'const since = "15.18.0"; const at = "1.2.3.4.5"'],
    ['a time', 'const at = "12:30:15"; const seconds = 8080'],
    ['a digest', `const DIGEST = '${'9f86d081'.repeat(8)}'`],
    ['a comment', '// on 127.0.0.1:5432\nconst a = 1'],
  ])('%s in TypeScript', (_, text) => {
    expect(ts(text)).toEqual([])
  })

  it('a comment, a cast and a search path in SQL', () => {
    expect(inSql('-- on 127.0.0.1\nSELECT a::text, b::1 FROM iu_core.x /* localhost */ SET search_path = pg_catalog, iu_core')).toEqual([])
  })
})
