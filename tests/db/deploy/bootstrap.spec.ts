import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, expect, it } from 'vitest'
import { bootstrap, BootstrapError, deploy } from '../../../server/deploy/index.ts'
import { testDatabase } from '../harness.ts'

const db = await testDatabase({ deployed: false })
afterAll(() => db.drop())

it('tells a deployer who lacks the rights what an administrator must run, and then goes on without them', async () => {
  const name = `iu_deployer_${randomBytes(4).toString('hex')}`
  const password = randomBytes(8).toString('hex')
  await db.pool.query(`CREATE ROLE ${name} LOGIN PASSWORD '${password}'`)
  // As before anything was prepared: PUBLIC has what PostgreSQL gives it.
  await db.pool.query(`GRANT CONNECT, TEMPORARY ON DATABASE ${db.name} TO PUBLIC; GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint), pg_advisory_unlock(bigint), lo_creat(integer) TO PUBLIC`)
  const url = new URL(db.url)
  url.username = name
  url.password = password
  const deployer = new pg.Client(url.href)
  await deployer.connect()
  try {
    await db.pool.query(`REVOKE CREATE ON DATABASE ${db.name} FROM iu_owner`)
    const refused = await bootstrap(deployer).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(BootstrapError)
    // Whoever may make the roles, and is neither superuser nor the database's owner, is told what is left.
    await db.pool.query((refused as BootstrapError).sql.split('\n').filter(line => !/^REVOKE CONNECT/.test(line)).join('\n'))
    await db.pool.query(`GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint), pg_advisory_unlock(bigint) TO PUBLIC`)
    const left = await bootstrap(deployer)
    expect(left).toContain(`REVOKE CONNECT, TEMPORARY ON DATABASE "${db.name}" FROM PUBLIC;`)
    await db.pool.query(left)
    expect(await bootstrap(deployer)).toBe('')
    expect((await deploy(deployer)).length).toBeGreaterThan(0)
    expect((await db.pool.query(`SELECT rolsuper OR rolcreaterole AS mighty FROM pg_roles WHERE rolname = '${name}'`)).rows).toEqual([{ mighty: false }])
  }
  finally {
    await deployer.end()
    await db.pool.query(`REVOKE iu_owner FROM ${name}`)
    await db.pool.query(`DROP ROLE ${name}`)
  }
})
