/** A login that is new is an unexpected principal, until an approver admits it: on a server of its own, whose roles are its own. */
import type pg from 'pg'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { carry, run } from '../commands/world.ts'
import { type Cluster, openCluster } from './cluster.ts'
import { drift, named } from './drift.ts'

let cluster: Cluster
let client: pg.Client
beforeAll(async () => {
  cluster = await openCluster()
  client = await cluster.deployed('admitting')
  await client.query(['eve', 'mallory'].map(name => `CREATE ROLE ${name} LOGIN PASSWORD '${inject('server').password}' IN ROLE iu_approver`).join('; '))
}, 600_000)
afterAll(() => cluster.stop())

const accept = 'dot_iu_accept_deviation'

/** What admitting a login takes. */
async function admission(name: string) {
  const found = (await drift(client)).find(({ identity }) => identity === `member ${name} of iu_approver`)
  return { class: 'principal', object: `member ${name} of iu_approver`, digest: found?.digest, owner: name, expires_at: new Date(Date.now() + 86_400_000).toISOString() }
}

it('is admitted by somebody who is, and by nobody else', async () => {
  expect(named(await drift(client))).toEqual(['principal member eve of iu_approver unexpected', 'principal member mallory of iu_approver unexpected'])
  expect((await drift(client)).map(row => row.suggested_action)).toEqual(Array.from({ length: 2 }, () => 'Undo it with the statement, as an administrator of the server. To admit it, an approver accepts it until a time (dot_iu_accept_deviation).'))
  const [eve, mallory] = [await cluster.connect('admitting', 'eve'), await cluster.connect('admitting', 'mallory')]
  // Neither admits itself, nor the other.
  for (const [one, name] of [[eve, 'eve'], [eve, 'mallory'], [mallory, 'eve']] as const) {
    expect(await run(one, accept, 'plan', await admission(name))).toMatchObject({ status: 'refused', code: 'second_person_required', hint: 'Ask another approver.' })
  }
  expect(await run(eve, 'dot_iu_open_gate', 'plan', { gate: 'iu_core.composer_enabled' })).toMatchObject({ status: 'refused', code: 'drifted' })

  await carry(client, accept, await admission('eve'))
  expect(named(await drift(client))).toEqual(['principal member mallory of iu_approver unexpected'])
  // Who was admitted admits others.
  await carry(eve, accept, await admission('mallory'))
  expect(await drift(client)).toEqual([])
  expect(await run(mallory, 'dot_iu_open_gate', 'plan', { gate: 'iu_core.composer_enabled' })).toMatchObject({ status: 'planned' })
  // More than was admitted is another deviation.
  await client.query('GRANT iu_approver TO eve WITH ADMIN OPTION')
  expect(named(await drift(client))).toEqual(['principal member eve of iu_approver unexpected'])
  expect(await run(mallory, 'dot_iu_open_gate', 'plan', { gate: 'iu_core.composer_enabled' })).toMatchObject({ status: 'refused', code: 'drifted' })
  expect(await run(eve, accept, 'plan', await admission('eve'))).toMatchObject({ status: 'refused', code: 'second_person_required' })
})
