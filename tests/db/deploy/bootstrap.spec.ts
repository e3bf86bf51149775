import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bootstrap, BootstrapError, deploy } from '../../../server/deploy/index.ts'
import { type Cluster, openCluster } from '../conformance/cluster.ts'
import { drift, named } from '../conformance/drift.ts'

// A login that deploys is drift in every other database of its cluster.
let cluster: Cluster
beforeAll(async () => {
  cluster = await openCluster()
}, 600_000)
afterAll(() => cluster.stop())

it('tells a deployer who lacks the rights what an administrator must run, and then goes on without them; nothing of it is drift', { timeout: 600_000 }, async () => {
  const admin = await cluster.connect('postgres')
  const password = randomBytes(8).toString('hex')
  await admin.query(`CREATE ROLE deployer LOGIN PASSWORD '${password}'`)
  await admin.query('CREATE DATABASE modest')
  const url = Object.assign(new URL(cluster.adminUrl), { pathname: 'modest' })
  const superuser = new pg.Client(url.href)
  await superuser.connect()
  const deployer = new pg.Client(Object.assign(url, { username: 'deployer', password }).href)
  await deployer.connect()
  try {
    const refused = await bootstrap(deployer).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(BootstrapError)
    // Whoever may make the roles, and is neither superuser nor the database's owner, is told what is left.
    await superuser.query((refused as BootstrapError).sql.split('\n').filter(line => !/^REVOKE CONNECT/.test(line)).join('\n'))
    await superuser.query('GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint), pg_advisory_unlock(bigint) TO PUBLIC')
    const left = await bootstrap(deployer)
    expect(left).toContain('REVOKE CONNECT, TEMPORARY ON DATABASE "modest" FROM PUBLIC;')
    await superuser.query(left)
    expect(await bootstrap(deployer)).toBe('')
    expect((await deploy(deployer)).length).toBeGreaterThan(0)
    expect((await superuser.query(`SELECT rolsuper OR rolcreaterole AS mighty FROM pg_roles WHERE rolname = 'deployer'`)).rows).toEqual([{ mighty: false }])
    expect(named(await drift(deployer))).toEqual([])
    // Whoever else may deploy later is told, and is not entered by deploying.
    await superuser.query('CREATE ROLE another LOGIN; GRANT iu_owner TO another; SET SESSION AUTHORIZATION another')
    expect(await deploy(superuser)).toEqual([])
    await superuser.query('RESET SESSION AUTHORIZATION')
    expect(named(await drift(deployer))).toEqual(['principal member another of iu_owner unexpected'])
  }
  finally {
    await Promise.all([deployer.end(), superuser.end()])
  }
})
