import { chmod, cp, lstat, mkdir, readdir, readFile, readlink, rename, rm, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { EmbeddedError, nativeFolder, openEmbedded } from '../../../server/embedded/index.ts'
import { LIMITS } from '../../limits.ts'
import { ask, root, temporary } from './world.ts'

const SHARED = '/var/lib/iu-core'

test('the password is the owner\'s alone, is asked for, and is in no file of the server', async () => {
  const folder = await temporary()
  const server = await openEmbedded({ directory: folder })
  onTestFinished(() => server.release())
  expect((await stat(join(folder, 'secrets.json'))).mode & 0o777).toBe(0o600)
  expect((await stat(join(folder, 'postgres'))).mode & 0o777).toBe(0o700)

  const { iu_deployer: password } = JSON.parse(await readFile(join(folder, 'secrets.json'), 'utf8')) as { iu_deployer: string }
  expect(Buffer.from(password, 'base64url')).toHaveLength(24)
  for (const wrong of ['wrong', 'postgres']) {
    await expect(ask(server.adminUrl.replace(password, wrong), 'SELECT 1')).rejects.toMatchObject({ code: '28P01' })
  }
  const rules = await ask(server.adminUrl, 'SELECT DISTINCT auth_method FROM pg_hba_file_rules')
  expect(rules).toEqual([{ auth_method: 'scram-sha-256' }])
  const [known] = await ask(server.adminUrl, `SELECT rolpassword LIKE 'SCRAM-SHA-256$%' AS scram FROM pg_authid WHERE rolname = 'iu_deployer'`)
  expect(known).toEqual({ scram: true })
  expect(await readFile(join(folder, 'postgres/server.log'), 'utf8')).not.toContain(password)
})

test('the server listens on the loopback address alone', async () => {
  const folder = await temporary()
  const server = await openEmbedded({ directory: folder })
  onTestFinished(() => server.release())
  const others = Object.values(networkInterfaces()).flatMap(list => list ?? [])
    .filter(({ address }) => address !== '127.0.0.1' && !address.startsWith('fe80'))
  for (const { address } of [...others, { address: '127.0.0.2' }]) expect(await listens(address, server.port), address).toBe(false)
  expect(await listens('127.0.0.1', server.port)).toBe(true)
  const rows = await ask(server.adminUrl, `SELECT name, setting FROM pg_settings WHERE name IN
    ('listen_addresses', 'unix_socket_directories', 'fsync', 'full_page_writes', 'synchronous_commit', 'max_connections', 'max_prepared_transactions',
     'server_encoding', 'TimeZone', 'log_timezone')`)
  expect(Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))).toEqual({
    listen_addresses: '127.0.0.1', unix_socket_directories: '', fsync: 'on', full_page_writes: 'on', synchronous_commit: 'on', max_connections: '100',
    max_prepared_transactions: '0', server_encoding: 'UTF8', TimeZone: 'UTC', log_timezone: 'UTC',
  })
})

test('the PG* variables and the locale of the user reach neither server nor connection', async () => {
  const folder = await temporary()
  for (const [name, value] of Object.entries({
    PGDATA: '/nowhere', PGHOST: 'nowhere.invalid', PGPORT: '1', PGUSER: 'nobody', PGDATABASE: 'nowhere', PGSSLMODE: 'require', PGOPTIONS: '-c search_path=leaked',
    LC_ALL: 'xx_XX.UTF-8', TZ: 'Asia/Tokyo', LD_LIBRARY_PATH: '/nowhere',
  })) vi.stubEnv(name, value)
  onTestFinished(() => void vi.unstubAllEnvs())
  const server = await openEmbedded({ directory: folder })
  onTestFinished(() => server.release())
  expect(await ask(server.adminUrl, `SELECT datcollate FROM pg_database WHERE datname = 'postgres'`)).toEqual([{ datcollate: 'C' }])
})

test('a lost password is told with its remedy', async () => {
  const folder = await temporary()
  await (await openEmbedded({ directory: folder })).release()
  await rename(join(folder, 'secrets.json'), join(folder, 'away.json'))
  await expect(openEmbedded({ directory: folder })).rejects.toThrow(/restore that file/)
  await writeFile(join(folder, 'secrets.json'), '{ "iu_deployer": "secret, but another" }')
  const other = await openEmbedded({ directory: folder }).catch((error: unknown) => error)
  expect(other).toBeInstanceOf(EmbeddedError)
  expect((other as Error).message).toMatch(/restore that file/)
  expect((other as Error).message).not.toContain('secret, but')
  await rename(join(folder, 'away.json'), join(folder, 'secrets.json'))
  await (await openEmbedded({ directory: folder })).release()
})

test('a folder closed to the server\'s account: root\'s data live elsewhere, an ordinary user\'s stay', async () => {
  const folder = await temporary(0o700)
  const server = await openEmbedded({ directory: folder })
  const data = join(folder, 'postgres')
  expect((await lstat(data)).isSymbolicLink()).toBe(root)
  if (root) expect(await readlink(data)).toMatch(/^\/var\/lib\/iu-core\/[0-9a-f]{16}$/)
  await ask(server.adminUrl, 'CREATE TABLE kept (n int)')
  await server.release()
  const again = await openEmbedded({ directory: folder })
  expect(await ask(again.adminUrl, 'SELECT count(*)::int AS n FROM kept')).toEqual([{ n: 0 }])
  await again.release()
  expect((await readdir(folder)).sort()).toEqual(['postgres', 'secrets.json'])
  if (root) {
    await rm(await readlink(data), { recursive: true })
    await expect(openEmbedded({ directory: folder })).rejects.toThrow(/is a link to .*, which is gone/)
  }
})

test('what a skipped install script left undone is done at the first start', async () => {
  const native = await bareNative(await temporary())
  const folder = await temporary()
  const server = await openEmbedded({ directory: folder, binaries: native })
  expect(server.started).toBe(true)
  await server.release()
  expect(await readlink(join(native, 'lib/libpq.so.5'))).toMatch(/^libpq\.so\.5\.\d+$/)
})

test('programs that cannot be completed or reached where they are run from a copy', async () => {
  const native = await bareNative(await temporary())
  // Root could write anywhere: it is kept out by a closed folder on the way, others by a read-only one.
  const [barrier, mode] = root ? [dirname(native), 0o700] : [join(native, 'lib'), 0o555]
  await chmod(barrier, mode)
  onTestFinished(() => chmod(barrier, 0o755))

  const folder = await temporary()
  const copy = join(root ? SHARED : folder, 'binaries-0.0.0-trial')
  onTestFinished(() => rm(copy, { recursive: true, force: true }))
  const server = await openEmbedded({ directory: folder, binaries: native })
  await server.release()
  expect(await readlink(join(copy, 'lib/libpq.so.5'))).toMatch(/^libpq\.so\.5\.\d+$/)
  const { ino } = await stat(copy)
  await (await openEmbedded({ directory: folder, binaries: native })).release()
  expect((await stat(copy)).ino).toBe(ino)
})

test('a platform without programs is told what to do', () => {
  expect(() => nativeFolder('no-such-package')).toThrow(/^no embedded PostgreSQL for \S+: set DATABASE_URL$/)
})

test('data of another PostgreSQL are left alone', async () => {
  const folder = await temporary()
  await mkdir(join(folder, 'postgres'), { mode: 0o700 })
  await writeFile(join(folder, 'postgres/PG_VERSION'), '14\n')
  await expect(openEmbedded({ directory: folder })).rejects.toThrow(/holds data of PostgreSQL 14 and the embedded one is 18/)
})

/** A copy of the package's programs as npm leaves them without install scripts: no links, nothing executable. */
async function bareNative(folder: string): Promise<string> {
  const native = join(folder, 'package/native')
  await cp(nativeFolder(), native, {
    recursive: true,
    verbatimSymlinks: true,
    filter: async path => !(await lstat(path)).isSymbolicLink() && !path.endsWith('.a'),
  })
  await writeFile(join(folder, 'package/package.json'), '{ "version": "0.0.0-trial" }')
  for (const program of await readdir(join(native, 'bin'))) await chmod(join(native, 'bin', program), 0o644)
  return native
}

function listens(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: LIMITS.wait })
    const end = (answer: boolean) => (): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false))
  })
}
