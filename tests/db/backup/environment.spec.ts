/** What pg_dump and pg_restore are told: our target, all of it, and nothing of the environment's. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import pg from 'pg'
import { expect, inject, test } from 'vitest'
import { dump, requireTool, restore } from '../../../server/backup/pg-tools.ts'
import { readBackup } from '../../../server/backup/manifest.ts'
import { restoreBackup, serverVersion } from '../../../server/backup/restore.ts'
import { takeBackup } from '../../../server/backup/take.ts'
import { bootstrap, deploy } from '../../../server/deploy/index.ts'
import { enterLogins } from '../../e2e/support/accounts.ts'
import { UNITS } from '../deploy/world.ts'
import { exclusively } from '../harness.ts'
import { folder } from './world.ts'

/** Runs `work` with a pg_dump and a pg_restore that write down what they are told; what that was. */
async function told(config: pg.ClientConfig, environment: Record<string, string>, tool: 'pg_dump' | 'pg_restore' = 'pg_dump'): Promise<{ env: Record<string, string>, args: string[], files: Record<string, string> }> {
  const bin = folder()
  const log = join(bin, 'log')
  writeFileSync(join(bin, tool), `#!/bin/sh\nenv > ${log}.env\nfor arg in "$@"; do printf '%s\\n' "$arg"; done > ${log}.args\nfor file in "$PGSSLROOTCERT" "$PGSSLCERT" "$PGSSLKEY"; do [ -f "$file" ] && cat "$file" >> ${log}.files; done\ncat > /dev/null\n`)
  chmodSync(join(bin, tool), 0o700)
  const was = { ...process.env }
  Object.assign(process.env, environment, { PATH: `${bin}${delimiter}${was.PATH}` })
  try {
    const client = new pg.Client(config)
    if (tool === 'pg_dump') await dump(client, 'snap', { write: async () => {} } as never)
    else await restore(client, { path: log + '.env', from: 0, size: 1 } as never)
  }
  finally {
    for (const name of [...Object.keys(environment), 'PATH']) {
      if (was[name] === undefined) Reflect.deleteProperty(process.env, name)
      else process.env[name] = was[name]
    }
  }
  const env = Object.fromEntries(readFileSync(`${log}.env`, 'utf8').split('\n').filter(Boolean).map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
  return { env, args: readFileSync(`${log}.args`, 'utf8').split('\n'), files: { all: existsSync(`${log}.files`) ? readFileSync(`${log}.files`, 'utf8') : '' } }
}

const HOSTILE = {
  PGSERVICE: 'other', PGSERVICEFILE: '/etc/other', PGHOSTADDR: '192.0.2.1', PGPASSFILE: '/etc/other', PGOPTIONS: '-c role=other', PGSSLMODE: 'disable', PGSSLROOTCERT: '/etc/other', PGSSLCRL: '/x',
  PGTARGETSESSIONATTRS: 'standby', PGCHANNELBINDING: 'require', PGREQUIREAUTH: 'none', PGCLIENTENCODING: 'LATIN1', PGDATABASE: 'other', PGSYSCONFDIR: '/x', PGLOADBALANCEHOSTS: 'random', PGDATESTYLE: 'x', PGTZ: 'x', PGAPPNAME: 'x', DATABASE_URL: 'other', IU_TOKEN: 'other',
}
const TARGET = { host: 'db.example', port: 6000, user: 'deployer', database: 'iu' }
const OWN = ['PGGSSENCMODE', 'PGHOST', 'PGPASSFILE', 'PGPORT', 'PGSSLMODE', 'PGUSER']

test.each(['pg_dump', 'pg_restore'] as const)('%s has nothing of the environment that could lead it elsewhere', async (tool) => {
  const { env } = await told({ ...TARGET, ssl: false }, HOSTILE, tool)
  expect(Object.keys(env).filter(name => name.startsWith('PG')).sort()).toEqual(OWN)
  expect(env).toMatchObject({ PGHOST: 'db.example', PGPORT: '6000', PGUSER: 'deployer', PGSSLMODE: 'disable', PGPASSFILE: '/dev/null' })
  expect(Object.values(env).filter(value => /other|192/.test(value))).toEqual([])
})

test.each([
  ['?sslmode=verify-full', 'verify-full'], ['?sslmode=verify-ca', 'verify-full'], ['?sslmode=require', 'verify-full'], ['?sslmode=no-verify', 'require'], ['?ssl=true', 'verify-full'], ['?sslmode=disable', 'disable'], ['', 'disable'],
])('never asks less of the server than the connection string does: %s', async (query, mode) => {
  const { env } = await told({ connectionString: `postgresql://a@db.example/iu${query}` }, { PGSSLROOTCERT: '/x' })
  expect(env.PGSSLMODE).toBe(mode)
  expect(env.PGSSLROOTCERT).toBe(mode === 'verify-full' ? 'system' : undefined)
})

test('the authority and the certificate of the connection go along, and stay no longer', async () => {
  const at = folder()
  for (const name of ['ca', 'cert', 'key']) writeFileSync(join(at, name), `the ${name}\n`)
  const { env, files } = await told({ connectionString: `postgresql://a@db.example/iu?sslmode=verify-full&sslrootcert=${at}/ca&sslcert=${at}/cert&sslkey=${at}/key` }, {})
  expect(env).toMatchObject({ PGSSLMODE: 'verify-full', PGSSLROOTCERT: expect.any(String), PGSSLKEY: expect.any(String) })
  expect(files.all).toBe('the ca\nthe cert\nthe key\n')
  for (const name of ['PGSSLROOTCERT', 'PGSSLCERT', 'PGSSLKEY']) expect(existsSync(env[name]!)).toBe(false)
})

test('a password stands on no command line', async () => {
  const password = ['s3', 'cret'].join('')
  const { env, args } = await told({ ...TARGET, password }, {})
  expect([env.PGPASSWORD, args.filter(arg => arg.includes(password))]).toEqual([password, []])
})

test.each(['a=b', 'host=elsewhere dbname=x', 'with blank', `quote'd`, 'back\\slash', 'größe-漢字', 'postgresql://x/y', '"q"'])('a database whose name is %s is the one that is meant', async (database) => {
  const { args } = await told({ ...TARGET, database }, {})
  const quoted = database.replace(/[\\']/g, '\\$&')
  expect(args.find(arg => arg.startsWith('--dbname='))?.startsWith(`--dbname=dbname='${quoted}' application_name='iu backup' keepalives_idle=`)).toBe(true)
})

test('is backed up and restored by the real programs, whatever the environment and the name of the database', async () => {
  const name = `iu =ö' "${Math.random().toString(36).slice(2)}`
  const quoted = pg.escapeIdentifier(name)
  const url = new URL(inject('server').adminUrl)
  const config = { host: url.hostname, port: Number(url.port), user: url.username, password: decodeURIComponent(url.password), database: name, ssl: false }
  await exclusively(admin => admin.query(`CREATE DATABASE ${quoted} TEMPLATE template0 ENCODING 'UTF8'`))
  const client = new pg.Client(config)
  await client.connect()
  const was = { ...process.env }
  try {
    await bootstrap(client)
    await deploy(client)
    await enterLogins(client)
    Object.assign(process.env, HOSTILE)
    const v = await serverVersion(client)
    const isThere = await Promise.all([requireTool('pg_dump', v), requireTool('pg_restore', v)]).then(() => true, () => false)
    const taken = takeBackup(client, { folder: folder(), kind: 'pg_dump', units: UNITS })
    if (!isThere) return await expect(taken).rejects.toThrow(/^pg_(dump|restore) is /)
    const tried = await taken
    expect(tried.checks.filter(({ ok }) => !ok)).toEqual([])
    await client.query('DROP SCHEMA iu_core, iu_deploy CASCADE')
    const { checks } = await restoreBackup(client, tried.backup.path, UNITS)
    expect(checks.filter(({ ok }) => !ok)).toEqual([])
    expect((await readBackup(tried.backup.path)).of.kind).toBe('pg_dump')
  }
  finally {
    process.env = was
    await client.end()
    await exclusively(admin => admin.query(`DROP DATABASE ${quoted} WITH (FORCE)`))
  }
})
